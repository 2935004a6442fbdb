/* reg.h - a kept target as the loop sees it, and the tables of them. No code. */
#pragma once

#include "box/whose.h"
#include "daemon/sensor/kept.h"
#include "daemon/sensor/watch.h"

/* What a target's kind adds to its descriptor. */
struct kept_limits {
	const struct config_list *exclude;
	uint64_t max_bytes, max_files;
	struct span merged;
	bool partial, by_default;
};
struct cover {
	struct cover *next;
	uint64_t mount_id;
	char *point;
	bool seen, told;
};
struct reg {
	struct reg *next;
	struct kept *kept;
	uint32_t root_id;  /* the watch's name for its upper directory or tree */
	uint32_t index_id; /* the same for its index directory; 0: it has none */
	enum level level;
	enum target_state state;
	struct buf desc; /* as last told to the ledger: encoded, no == 0 */
	uint64_t mnt_ns;
	uint32_t dev_major, dev_minor;
	uint32_t pid;
	char *merged;
	struct cover *covers;
	bool covers_known;     /* a look at the mounts was done: what comes now is new */
	char *refused;	       /* why the watch was, to be told after the target itself */
	int64_t hold_until;    /* monotonic: told then at the latest; 0: it has been told */
	bool seen;	       /* in the look under way */
	bool chain_due;	       /* what it stacks is to be held against its image: proving.h */
	bool scan_when_stored; /* a tree whose own snapshot is being taken */
	int64_t next_sweep;    /* monotonic */
};
struct layer_row {
	struct layer_row *next;
	struct lower *lower;
	uint32_t root_id;
	struct cover *covers; /* inside it: layer_mounts.h */
	uint64_t over;	      /* id of the mount that its directory lies on; 0: not looked at */
	bool moved;	      /* its path shows another directory: mounted.h */
	bool armed; /* watched: from when it is stored, for before there is nothing to hold it against */
	unsigned users;
};
struct absent { /* a configured tree of the host that never was there */
	struct absent *next;
	char *path;
	bool seen;
};
struct registry {
	struct absent *absent;
	struct reg *regs;
	struct layer_row *layers;
	uint32_t next_id;
	struct whose_row *rows; /* for actors: rebuilt after each look */
	size_t n_rows;
	struct buf strongholds; /* refuse.h: directories that hold containers, or our own state */
	struct buf refused,
		refused_now; /* paths that were told of, at the last look and in this one */
	bool first_look;     /* what runs already at the first look is late */
};
