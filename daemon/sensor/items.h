/*
 * items.h - what flows into the ledger. One FIFO: what an item means may rest on those before it
 * (a target before its sightings, a scan's sightings before its end). Whoever pushes gives it away.
 */
#pragma once

#include "base/arena.h"
#include "daemon/sensor/floods.h"
#include "daemon/sensor/kept.h"
#include "daemon/sensor/order.h"
#include "daemon/sensor/ptable.h"
#include "model/gap.h"
#include "store/gold.h"
#include "store/packages.h"
#include "store/targets.h"
#include <stdatomic.h>

#define ITEM_KINDS(X)                                                                              \
	X(SIGHTING, sighting)                                                                      \
	X(TARGET, target)                                                                          \
	X(GONE, gone)                                                                              \
	X(SCAN_END, scan_end)                                                                      \
	X(SNAP_BEGIN, snap_begin)                                                                  \
	X(SNAP_BATCH, snap_batch)                                                                  \
	X(SNAP_END, snap_end)                                                                      \
	X(GAP, gap)                                                                                \
	X(ACCEPT, accept)                                                                          \
	X(NOTE, note)                                                                              \
	X(DROP, drop)                                                                              \
	X(EXPIRED, expired)                                                                        \
	X(SINK_BEHIND, sink_behind)                                                                \
	X(SESSION, session)                                                                        \
	X(SINKS, sinks)                                                                            \
	X(SINK_REFUSED, sink_refused)                                                              \
	X(REJUDGE, rejudge)                                                                        \
	X(RAN, ran)                                                                                \
	X(RULES, rules)                                                                            \
	X(HOLD_OPEN, hold_open)                                                                    \
	X(HOLD_CLOSE, hold_close)                                                                  \
	X(LIMITS, limits)                                                                          \
	X(PULSE, pulse)                                                                            \
	X(PACKAGES, packages)                                                                      \
	X(EXPLAINED, explained)                                                                    \
	X(PROVED, proved)                                                                          \
	X(CHAIN, chain)                                                                            \
	X(GOLDEN_BEGIN, golden_begin)                                                              \
	X(GOLDEN_ROWS, golden_rows)                                                                \
	X(GOLDEN_END, golden_end)                                                                  \
	X(GOLDEN_REMOVE, golden_remove)
#define X_ITEM(id, fn) ITEM_##id,
enum item_kind { ITEM_KINDS(X_ITEM) ITEM_N };
#undef X_ITEM

struct item {
	enum item_kind kind; /* ITEM_PULSE has nothing else: it only wakes the ledger */
};

/* A part of `mem`: offsets stay right while it grows. */
struct slot {
	uint32_t off, len;
};

/* What examine saw at one path. */
struct sighting {
	struct item item;
	struct kept *kept;
	struct buf mem;
	struct slot path, now, base, from, mount, actor, detail;
	bool has_now, has_base;
	bool touched; /* its actor is of an event about this very path */
	bool early;   /* an event of its own is about to tell who did it: no news before that */
	bool parent_gone, layer_changed, unsettled;
	bool layer_odd; /* with layer_changed: by what no record tells, with these aspects of it */
	uint32_t odd;
	bool unmounted;	    /* what covered it is gone */
	bool dir_lost;	    /* no directory is there now: drift below it is superseded */
	enum gap_cause gap; /* with gap_set: the content could not be known */
	bool gap_set;
	struct slot
		found; /* the digest that a package's database has of it, where the baseline differs */
	bool has_seen;
	bool has_prefix; /* its first bytes, as many as it had when it was last looked at */
	uint64_t prefix_size;
	uint8_t prefix[SHA_LEN];
	struct seen seen; /* for the hash cache */
	int64_t when;	  /* wall ns of the first touch, or of the look */
	struct order_mark mark;
};
struct sighting *sighting_new(struct kept *k, struct span path, int64_t when);
void sighting_free(struct sighting *s);
struct slot sighting_keep(struct sighting *s, struct span bytes);
/* Is what is there now another than what the layers had, whatever was accepted since? */
bool sighting_is_unlike_layers(const struct sighting *s);
static inline struct span sighting_get(const struct sighting *s, struct slot at)
{
	return span_make(s->mem.p + at.off, at.len);
}

/* A target is there, anew or otherwise than before. The ledger compares with what is stored and
 * tells target.found, .renamed, .stopped, .started. */
struct item_target {
	struct item item;
	struct kept *kept;
	struct buf desc; /* encoded struct target, no == 0 */
};
struct item_gone {
	struct item item;
	struct kept *kept;
	bool removed; /* its tree is gone; else only no longer kept (configuration) */
};

/* The end of a full look at a scope: every sighting of it came before. */
struct item_scan_end {
	struct item item;
	struct kept *kept;
	char *scope;	 /* path; "/" */
	int64_t started; /* wall ns */
	bool whole;	 /* nothing was left out or failed */
	bool full;	 /* hashed everything: counts as a sweep */
	bool nowhere;	 /* the scope is neither in the baseline nor there now */
	uint64_t heals;	 /* id of a gap over all targets this scan is a part of; 0: none */
	bool heals_last; /* the last part: the gap ends */
	int asker;	 /* door connection to answer; -1: none */
	uint32_t ask_id;
};

/* Two baselines may be taken at a time: one of layers and volumes, one of the host. */
enum snap_line { LINE_BOXES, LINE_HOST, SNAP_LINES };

struct item_snap_begin {
	struct item item;
	enum snap_line line;
	struct lower *lower;
	struct kept *tree; /* the target whose own tree this is; NULL: a layer */
	uint64_t serial;   /* of the baseline: batches of two never mix */
};
/* Some entries of one directory, in order; batches are numbered from 0 in key order. */
struct snap_row {
	struct slot name, rec;
	uint32_t sub_dir;
	bool has_seen;
	struct seen seen;
};
struct item_snap_batch {
	struct item item;
	enum snap_line line;
	struct item_snap_batch *next; /* the ledger's waiting list */
	struct lower *lower;
	uint64_t serial, index;
	uint32_t dir;
	struct buf mem;
	struct snap_row *row;
	size_t n_rows;
	uint64_t bytes;
	uint32_t unreadable; /* how many could not be read to the end */
	struct slot worst;   /* one of them, for the gap's sentence */
};
struct item_snap_end {
	struct item item;
	enum snap_line line;
	struct lower *lower;
	struct kept *tree;
	uint64_t serial, n_batches;
	struct buf odds;    /* files that are not as their packages have them: pkgcheck.h */
	struct buf words;   /* what the packages said of all of it; empty: nobody asked */
	struct buf verdict; /* a layer's: encoded; empty: none */
	int failed;	    /* 0, or -errno: nothing is completed */
	char *why;	    /* failed: sentence */
};

struct item_gap {
	struct item item;
	struct kept *kept; /* NULL: every target */
	struct buf path;   /* empty: all of it */
	enum gap_cause cause;
	/* Wall ns: the earliest loss; when it was known. A scan begun later heals. */
	int64_t from, told;
	uint64_t count;
	struct buf detail;
	bool over; /* ends the one of the same target and path instead */
};

struct item_accept {
	struct item item;
	struct kept *kept;
	char drift_id[2 * SHA_LEN + 1];
	struct buf paths; /* list of buf_bytes; empty: everything */
	struct buf reason;
	struct buf signatures; /* base64, apart by blanks: trust/accept.h */
	uint32_t uid;
	int64_t expires;
	int asker;
	uint32_t ask_id;
};

/* A plain event: daemon.started, rules.loaded, canary … */
struct item_note {
	struct item item;
	enum event_type type;
	enum severity severity;
	struct buf detail;
};

/* Word from the gateway: a sink never got these events. */
struct item_sink_behind {
	struct item item;
	char name[65];
	uint64_t from, to;
	int asker;
	uint32_t ask_id;
};

/* Word from the gateway: a sink's receiver refused `n` events among these for good. */
struct item_sink_refused {
	struct item item;
	char name[65];
	uint64_t from, to, n;
	struct buf words, kept; /* the receiver's first; the file where they are, or empty */
	int asker;
	uint32_t ask_id;
};

/* What was accepted as a generation is in force no more; its paths are being looked at. */
struct item_expired {
	struct item item;
	struct kept *kept;
	uint32_t generation;
};

/* How far the sinks are, as last told by the gateway: all of them, for the next heartbeat. */
struct sink_told {
	char name[65];
	uint64_t acked, lag; /* seq; events */
};
struct item_sinks {
	struct item item;
	struct sink_told v[64];
	size_t n;
};

/* An exec session was opened, or is over. */
struct item_session {
	struct item item;
	struct kept *kept;
	struct session_note note;
};

/* A program was run in a container. */
struct item_ran {
	struct item item;
	struct kept *kept;
	struct ran_note note;
};

/* Rules changed, or what they say by the clock: the target's drift is judged anew as it is stored. */
struct item_rejudge {
	struct item item;
	struct kept *kept;
};

/* The rules that are in force from here on: for their windows. */
struct item_rules {
	struct item item;
	struct rules *rules;
};

/* A maintenance window by command. */
struct item_hold_open {
	struct item item;
	struct kept *kept; /* NULL: every target */
	struct buf name, reason, path;
	int64_t lasts; /* ns */
	uint32_t uid;
	int asker;
	uint32_t ask_id;
};
struct item_hold_close {
	struct item item;
	uint64_t hold; /* its id */
	struct buf reason;
	uint32_t uid;
	int asker;
	uint32_t ask_id;
};

/* The budgets are others now. */
struct item_limits {
	struct item item;
	struct flood_limits limits;
};

/* What packages a stack of layers has, a part at a time: pkgset.h. */
struct item_packages {
	struct item item;
	struct kept *kept; /* one that stacks them */
	uint8_t stack[SHA_LEN];
	bool first, last;
	struct buf packages; /* with `first`: of each: 7 times bytes, as struct pkg has them */
	struct buf files;    /* in order: bytes path, bytes of pkg_file_encode() */
	struct pkg_set set;  /* with `last`: its counts */
	struct buf texts;    /* the same: 4 times bytes, the set's texts */
	atomic_bool *busy;   /* the same: cleared when it is written down */
};

/* What a package manager's run brought, held against what it changed: pkgran.h. */
struct item_explained {
	struct item item;
	struct kept *kept;
	uint64_t run;
	bool known;		      /* a database was read */
	uint64_t same, other, edited; /* struct run_brought */
	struct buf odds;	      /* of each: bytes path, bytes package_note */
	struct buf words;	      /* what could not be read */
};

/* A stored layer was held against its image again. */
struct item_proved {
	struct item item;
	struct lower *lower;
	uint32_t snap;
	struct buf verdict; /* encoded; empty: the one that is stored, for what is known besides */
	int asker;
	uint32_t ask_id;
	bool answers; /* the last of what was asked for */
	bool broken;  /* of those before it one was */
};
/* What a target stacks was held against what its image lists. */
struct item_chain {
	struct item item;
	struct kept *kept;
	struct buf verdict;
};

/* A snapshot that nobody needs: deleted, in slices. */
struct item_drop {
	struct item item;
	uint32_t snap;
};

/* A golden baseline is written in slices, one at a time; until its end nobody finds it. Its layers' names
 * are gold_identity(); of one that is stored already the rows are left out. */
struct item_golden_begin {
	struct item item;
	struct gold *gold;
};
struct item_golden_rows {
	struct item item;
	uint8_t identity[SHA_LEN]; /* of the layer */
	struct buf mem;
	struct golden_row {
		struct slot name, rec;
		uint32_t dir, sub_dir;
	} * row;
	size_t n_rows;
};
struct item_golden_end {
	struct item item;
	struct gold *gold; /* NULL: it was refused before anything was written */
	struct arena mem;  /* what `gold` borrows from */
	uint64_t *bytes;   /* of content, of each layer */
	bool replace;
	bool failed;	       /* with `gold` as well: what was written is taken back */
	enum severity told_as; /* refused: SEV_N: not told, for the file is no fault */
	struct buf why, what;  /* refused: sentence; which file, as far as it is known */
	uint32_t uid;
	int asker;
	uint32_t ask_id;
	atomic_bool *busy; /* is over then */
};
struct item_golden_remove {
	struct item item;
	uint8_t image[SHA_LEN]; /* or its manifest's */
	uint32_t uid;
	int asker;
	uint32_t ask_id;
};

/* Frees any item with what it holds. NULL is fine. */
void item_free(struct item *i);
