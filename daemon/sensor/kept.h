/*
 * kept.h - a target and the layers it stacks, as the sensor's threads share them.
 *
 * Both are counted references, immutable after kept_new() but for the atomics named here. The
 * loop makes them, jobs and ledger items each hold one. An entry of `layers` is shared by every
 * target that stacks the directory: hashed once, looked up by all.
 */
#pragma once

#include "base/fd.h"
#include "daemon/config.h"
#include "fs/view.h"
#include "model/target.h"
#include "policy/rules.h"
#include "store/env.h"
#include <pthread.h>
#include <stdatomic.h>

struct lower {
	atomic_uint refs;
	uint32_t id;		   /* of this life: equal ids are the same layer */
	char *path;		   /* host path, links resolved */
	int root_fd;		   /* O_PATH|O_DIRECTORY */
	uint8_t identity[SHA_LEN]; /* a tree's: of the directory that its baseline was taken of */
	const char *kind;	   /* snapshot kind: "image", "runtime", "tree" */
	enum look_marks marks;
	atomic_bool
		judged; /* its verdict is another now: who stacks it is to be looked at (proving.h) */
	atomic_bool broken;    /* it is not what its image says */
	atomic_uint elsewhere; /* how many targets have another directory mounted: mounted.h */
	atomic_uint snap;      /* number of its complete snapshot; 0: not yet (set by the ledger) */
	atomic_bool queued;    /* a baseline of it is under way or was tried */
	/* The loop's own; see layers.h. */
	int64_t good; /* wall ns: what was done to it before this was seen, or looked for */
	bool unsure;  /* stored in another life or for another target, and not looked at since */
	struct scan_wait *waiting; /* scans that look at it too */
};
struct scan_wait {
	struct scan_wait *next;
	struct scan *scan;
};

enum { KEPT_BITS = 512 }; /* no overlay has more layers */
struct kept {
	atomic_uint refs;
	atomic_uint no; /* its number in the store; 0 until the ledger has given one */
	char *id, *name;
	char *upper; /* host path of the upper directory, or of the tree itself */
	/* O_PATH|O_DIRECTORY. The number stays; what it stands for is exchanged when the path of a volume
	 * or host tree shows another directory (roots.h). */
	int upper_fd;
	char *index;  /* host path of its index directory (index=on); NULL: none */
	int index_fd; /* O_PATH|O_DIRECTORY; -1 */
	char *link;   /* the store's short name for it, that goes before it goes; or NULL */
	bool overlay;
	bool runtime_makes; /* its runtime puts things into the upper directory: owned.h */
	enum target_kind kind;
	enum look_marks marks;
	/* Overlay: top first, data-only ones last; tree: one, its own snapshot. */
	struct lower **lower;
	size_t n_lower, n_data;
	struct config_list exclude; /* host trees: never looked at; a copy of its own */
	bool by_default; /* a host tree that nobody configured: hostset.h says what of it is kept */
	uint64_t max_bytes, max_files; /* volumes: beyond, no baseline; 0: no limit */
	atomic_uint asked;    /* asks for changes in it that wait for a worker, or are with one */
	size_t in_line;	      /* of coalesce: directories of it that wait; the loop's own */
	bool held;	      /* not told to the ledger yet, so its touches wait: the loop's own */
	atomic_bool gone;     /* removed: jobs for it are dropped */
	atomic_bool absent;   /* host trees: nothing is at its path; upper_fd does not count */
	atomic_uint packages; /* its set in the store; 0: not known, PKG_NONE: its image has none */
	bool packages_asked;  /* the loop's own: they are being read, or were */
	atomic_uint pid;      /* of a process in it while it runs; 0: none is known */
	/* mounted.h, a bit a layer: another is mounted; the engine's link shows another. */
	_Atomic(uint64_t) elsewhere[KEPT_BITS / 64], relinked[KEPT_BITS / 64];
	atomic_bool looked, blind, look_waits; /* the same */
	atomic_bool barred;		       /* too large: no baseline, a gap says so */
	uint32_t
		given; /* the ledger's own: the first generation that this transaction gave it (ledger_given.c) */
	atomic_uint
		look; /* from which generation on the loop is to look at the paths (expiry.h); 0: none */
	_Atomic(struct link_wish *) links; /* links.h: whoever finds it empty submits their job */
	atomic_llong links_took;	   /* ns that the last of those walks took */
	pthread_mutex_t rules_lock;
	struct rules_for *rules; /* kept_rules() */
};

struct link_wish;

bool kept_is_unsure(const struct kept *k);
struct lower *lower_ref(struct lower *l);
void lower_unref(struct lower *l);
struct kept *kept_ref(struct kept *k);
void kept_unref(struct kept *k);
static inline void kept_unref_p(struct kept **k)
{
	kept_unref(*k);
}
#define KEPT CLEANUP(kept_unref_p)

/* What a layer is: its path, inode number, birth time, so that a directory that was replaced is
 * another layer, and the marks it is read by. Needs no read of its content, and survives restarts and
 * reboots. */
int lower_identity(const char *path, int fd, enum look_marks marks, uint8_t ret[SHA_LEN]);
/* A tree that is not there, but whose snapshot may be stored. */
struct lower *lower_absent(const char *path, uint32_t id);
int lower_open(
	const char *path, const char *kind, enum look_marks marks, uint32_t id, struct lower **ret);
/* Before anybody else has it. `globs` NULL: nothing. */
void kept_exclude(struct kept *k, const struct config_list *globs);
/* Its tree is being taken away, file by file: what is missing in it was deleted by nobody. */
bool kept_is_going(const struct kept *k);
bool kept_is_excluded(struct kept *k, struct span path);
/* May anything be excluded? */
bool kept_excludes(struct kept *k);
/* What the rules say of it, as of now; the caller's reference. NULL: nothing yet. */
struct rules_for *kept_rules(struct kept *k);
/* Takes the reference. The old one is the caller's. */
struct rules_for *kept_set_rules(struct kept *k, struct rules_for *fresh);
/* Every layer stored? */
bool kept_is_baselined(const struct kept *k);

/* The two views of a target; not to be moved once opened. Snapshot layers read through `txn`, which must outlive the views; with
 * NULL the baseline is looked up on disk, where the old content is. */
struct views {
	struct view now, base;
	struct layer *mem;
	struct snap_ctx *snaps;
	struct layer_at *at; /* a disk layer's each */
	size_t n_at;
	struct view_index index;
};
int views_open(const struct kept *k, struct txn *txn, struct views *ret);
/* One layer by itself: now.layer[0] is its directory, base.layer[0] its snapshot, which must be
 * complete. Raw lookups by their ops: whiteouts and marks count as what they are. */
int views_open_layer(const struct lower *w, struct txn *txn, struct views *ret);
/* The directory `below` a layer's root, as its lookups want it. LOOK_ABSENT: the snapshot has none. */
int layer_dir_of(const struct layer *l, struct span below, struct layer_dir *ret);
void views_close(struct views *v);
#define VIEWS CLEANUP(views_close)
