/*
 * watch.h - intake and resolve: kernel bytes in, touches out.
 *
 * The caller registers roots (upper directories, lower layers, plain trees); this room chooses and
 * keeps the marks for them (levels L1, L2, L4, L5, L6: kinds.h, README) and turns each event into
 * "root N, path below it, what happened, which pid". An event only says *look here*. What may have
 * been missed is told by on_lost, never dropped in silence. All calls come from one thread, the
 * sensor's loop, and none blocks; callbacks come from watch_dispatch() and watch_add() alone.
 */
#pragma once

#include "base/buf.h"
#include "daemon/config.h"

enum watch_root_kind {
	WATCH_UPPER, /* an overlay's upper directory */
	WATCH_LOWER, /* a read-only layer: seen by filesystem marks only, costs nothing otherwise */
	WATCH_TREE,  /* host tree, volume, root without overlay */
};
enum watch_op {
	WATCH_CONTENT = 1, /* written, truncated, or a writer closed it */
	WATCH_ATTRIB = 2,  /* mode, owner, times, xattr */
	WATCH_CREATE = 4,
	WATCH_DELETE = 8,
	WATCH_MOVE = 16,   /* renamed here or away */
	WATCH_IS_DIR = 32, /* the object is a directory: look below it too on CREATE and MOVE */
	WATCH_SCAN = 64,   /* new directory under per-directory marks: its content may have raced */
	WATCH_NAMED =
		128, /* with a directory that is new here: whatever comes into it is told by an
			    * event of its own all the same, with its process */
};
struct watch_touch {
	uint32_t root;
	struct span path; /* below the root, no leading '/'; "" is the root itself; borrowed */
	uint32_t ops;
	int pid;      /* host pid namespace; 0: not known */
	int64_t when; /* wall ns: read from the kernel */
	/* Monotonic: it was read then; the kernel has told it after that. */
	int64_t read_at, since;
};
struct watch_callbacks {
	void *ctx;
	void (*on_touch)(void *ctx, const struct watch_touch *t);
	/* root 0: all. `below` is the lost scope ("" all of it). */
	void (*on_lost)(void *ctx, uint32_t root, struct span below, enum gap_cause cause,
		uint64_t count, const char *detail);
	/* `pid` opened the file at `path` below a root to run it. May be NULL. */
	void (*on_exec)(void *ctx, uint32_t root, struct span path, int pid);
	/* Is what lies `below` the root not to be watched at all? NULL: nothing is. */
	bool (*excluded)(void *ctx, uint32_t root, struct span below);
};
struct watch_root {
	uint32_t id; /* the caller's, > 0 */
	enum watch_root_kind kind;
	const char *path;   /* host path of the root directory */
	const char *merged; /* WATCH_UPPER: a path to the overlay itself (host mount point); NULL */
	int pid; /* WATCH_UPPER: a process in it, for /proc/PID/root when merged is NULL; 0 */
	const struct config_list *exclude; /* globs on "/path-below"; NULL: none. No marks there */
};
struct watch_options {
	enum level level;    /* LEVEL_NONE: the best that the probes allow; else forced */
	int marks;	     /* CONFIG_MARKS_* */
	const char *scratch; /* a directory for probes, on the state file system; made if absent */
	const char *quiet_dir; /* our own state directory: events below it are dropped */
	bool no_fanotify;      /* tests: as if fanotify_init gave EPERM */
	bool limited_queue;    /* tests: the kernel's default queue, which can overflow */
};

struct watch;
int watch_new(
	struct watch **ret, const struct watch_options *opt, const struct watch_callbacks *cb);
void watch_free(struct watch *w);
int watch_fd(struct watch *w); /* for the loop's epoll: readable when watch_dispatch has work */
/* Monotonic: all that happened before has been told. */
int64_t watch_read_to(const struct watch *w);
/* Reads what the kernel has, at most about `budget` events; 1 when there is more. */
int watch_dispatch(struct watch *w, unsigned budget);
/* Arms a root. What is live for it is in *ret_level; marks refused come by on_lost. */
int watch_add(struct watch *w, const struct watch_root *root, enum level *ret_level);
/* An overlay's mount appeared or went, or its process is another: re-arm the overlay's own marks. */
int watch_update(struct watch *w, uint32_t id, const char *merged, int pid, enum level *ret_level);
void watch_remove(struct watch *w, uint32_t id);
/* Verifies that every mark is still there (file systems unmounted and mounted again); re-arms, and
 * tells by on_lost(GAP_MOUNT_LOST) what had been lost. Called once a minute. */
void watch_verify(struct watch *w);

/* One row of doctor: what was tried, whether it works, what is lost without it and what to do. */
struct watch_probe {
	const char *name;
	bool ok;
	char result[160];
	const char *without;
};
/* Rows live as long as the watch. */
const struct watch_probe *watch_probes(const struct watch *w, size_t *ret_n);
struct watch_stats {
	uint64_t events, touches, foreign, overflows, marks, roots, cache_hits, cache_misses;
};
void watch_stats(const struct watch *w, struct watch_stats *ret);
