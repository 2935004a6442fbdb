/*
 * watch_own.h - what the files of the watch share among themselves; nobody else includes it.
 *
 *   watch.c          the calls of watch.h: roots in and out, dispatch, verify
 *   watch_arm.c      which design a root gets, by level and by what the kernel refuses
 *   watch_backing.c  the FID group: file system marks, and what its events mean
 *   watch_dirs.c     the same group's marks on each directory of a root
 *   watch_overlay.c  the fd group: marks on overlays, for content where the FID group is blind
 *   watch_resolve.c  directory handle -> roots and the path below them
 *   ino_tree.c       inotify, a tree of watches per root
 */
#pragma once

#include "base/fd.h"
#include "base/err.h"
#include "daemon/sensor/fan_parse.h"
#include "daemon/sensor/watch_ino.h"
#include "daemon/sensor/watch_probe.h"
#include "daemon/sensor/watch.h"
#include <uthash.h>

/* A file system that roots lie on, as the FID group knows it. */
struct backing {
	uint8_t fsid[FAN_FSID_LEN];
	dev_t dev;
	char *mount; /* a directory on it, best one from which all of it is below */
	int fd;	     /* of `mount`; open during a dispatch only: a held one would block umount */
	unsigned users, sb_users, birth_users;
	bool marked;
	struct backing *next;
};

struct root {
	uint32_t id;
	enum watch_root_kind kind;
	enum level level;
	char *path, *merged;
	int pid;
	char **exclude;
	size_t n_exclude;
	const struct watch_callbacks *cb;

	dev_t dev; /* which directory was armed */
	ino_t ino;
	bool lost; /* was said once */

	struct backing *on;
	bool by_sb, by_dirs;
	bool births;	/* by_dirs, and `on` tells of what comes into directories without marks */
	size_t n_marks; /* by_dirs; directories that went are still counted */
	char *quiet;	/* our own directory below the root; NULL: not there */
	struct buf handle; /* the root directory's own */
	char *seen;	   /* its path as `on` shows it */
	size_t seen_n;
	uint64_t moves; /* directories renamed below: what was resolved before is void */

	bool overlay; /* the fd group has a mark for it */
	dev_t overlay_dev;
	struct ino_tree *ino_tree;
	struct ino_ctx *ino_ctx;

	UT_hash_handle hh;	/* by id */
	UT_hash_handle hh_seen; /* by `seen`, the first of several */
	struct root *next_seen;
};

/* A directory, resolved. Without hits it is outside all roots: most of a busy host is. */
struct hit {
	struct root *root;
	size_t below; /* where the path below the root starts in `path` */
};
struct where {
	UT_hash_handle hh;
	uint64_t stamp; /* of moves when it was resolved */
	size_t n_hits;
	struct hit *hits;
	struct span path; /* as the backing's mount shows it */
	bool deep;     /* too deep to name: `path` is the deepest directory above that has a name */
	size_t levels; /* with deep: so many below that one */
	struct span key;
};

struct watch {
	struct watch_callbacks cb;
	enum level forced;
	int marks;
	bool no_fanotify, limited_queue;
	char *quiet_dir;
	struct probe probe;

	int ep, timer;
	int fid_fd;				     /* -1: not there */
	uint64_t fid_names, fid_content, fid_rename; /* what is asked of it */
	int fd_fd;
	uint64_t fd_asked;	     /* of overlays */
	int64_t fid_empty, fd_empty; /* monotonic: then the queue was, or earlier */
	int64_t since, read_at;	     /* of the event at hand: see watch_touch */
	int64_t hold_until;	     /* mono ns: the FID group is not read before */
	int64_t last_read;
	bool holding;
	uint8_t *block; /* what a read fills */
	int self;

	struct root *roots, *seen;
	size_t seen_longest; /* bytes of the longest path of a root, ever */
	struct backing *backings;
	struct where *cache;
	struct span last_key; /* the cache's entry of the event before: events come in runs */
	struct where *last;
	uint64_t entered; /* directories moved into a root: what was outside may be inside */
	size_t n_dirs;	  /* roots by directory marks alone */
	struct mount_line *mount; /* watch_overlay.c's last */
	struct buf scratch;
	struct watch_stats stats;
};
enum { WATCH_BLOCK = 256 * 1024, WATCH_CACHE_MAX = 32768 };

/* watch.c */
void watch_touch_root(struct watch *w, struct root *r, struct span below, struct span name,
	uint32_t ops, int pid);
void watch_lost(struct watch *w, uint32_t root, struct span below, enum gap_cause cause,
	uint64_t count, const char *detail);
bool watch_excluded(const struct root *r, struct span below);
/* A queue was read. `empty`: there was nothing, nor at that time; 0: there was. */
void watch_read_from(struct watch *w, int64_t *queue_empty, int64_t empty);
/* The same, for marks and walks: by the caller's word too, who looks at each touch himself. */
bool watch_skips(const struct root *r, struct span below);

/* watch_arm.c */
void watch_arm(struct watch *w, struct root *r);
void watch_disarm(struct watch *w, struct root *r);
/* Is everything that watch_arm() set still there? */
bool watch_armed(struct watch *w, struct root *r);

/* watch_resolve.c: backings and the cache. NULL: no memory. */
struct backing *backing_of(struct watch *w, int dirfd, const char *path);
void backing_put(struct watch *w, struct backing *b);
void backings_rest(struct watch *w); /* closes what a dispatch opened */
const struct where *watch_where(struct watch *w, const struct fan_ref *dir);
/* Puts the root into the table of paths. -errno with a sentence. */
int watch_seen_add(struct watch *w, struct root *r, int dirfd);
void watch_seen_remove(struct watch *w, struct root *r);
/* After a directory `old` was renamed away: roots at or below it are somewhere else now. */
void watch_moved(struct watch *w, struct span old);
void watch_forget(struct watch *w);

/* watch_backing.c */
int watch_fid_open(struct watch *w);
void watch_fid_read(struct watch *w, unsigned *budget);
int backing_mark(struct watch *w, struct backing *b);
void backing_unmark(struct watch *w, struct backing *b);
bool backing_marked(struct watch *w, struct backing *b);
/* What appears, by creation or rename, anywhere on the file system: directory marks come too late for
 * what a new directory holds. */
int backing_births(struct watch *w, struct backing *b);
void backing_births_end(struct watch *w, struct backing *b);
uint64_t watch_fid_mask(const struct watch *w);

/* watch_dirs.c: marks on `below` and all directories under it. 0, or the first refusal. */
int watch_dirs_mark(struct watch *w, struct root *r, struct span below);
void watch_dirs_unmark(struct watch *w, struct root *r);
bool watch_dirs_marked(struct watch *w, struct root *r);

/* watch_overlay.c */
int watch_fd_open(struct watch *w);
void watch_fd_read(struct watch *w, unsigned *budget);
int watch_overlay_mark(struct watch *w, struct root *r);
void watch_overlay_unmark(struct watch *w, struct root *r);
void watch_overlay_rest(struct watch *w); /* after a dispatch */
bool watch_overlay_marked(struct watch *w, struct root *r);
