/*
 * worker.h - what the examining threads share, and what one look carries. No code: examine, ask,
 * scan, baseline and content all stand on it.
 */
#pragma once

#include "base/queue.h"
#include "daemon/sensor/items.h"
#include "daemon/sensor/jobs.h"
#include "daemon/sensor/outbox.h"
#include <stdatomic.h>

struct examiner_stats {
	atomic_ullong asks, looks, hashed_files, hashed_bytes, seen_hits, retries;
};
struct scan;
struct again;
/* Who made the directory that is scanned because of it, and whether that says who made what is in
 * it: all of it when the directory was moved here whole. */
struct maker {
	struct span actor; /* encoded; empty: not known */
	bool moved;
	bool named;    /* what came into it later has an event of its own, with its process */
	int64_t when;  /* wall, with named: it was made then, or shortly before */
	bool in_layer; /* it was in a read-only layer: what is below is to be held against that */
};
/* What all workers share; immutable but for the counters and `stop`. The hooks are the arrows that
 * would otherwise point back: from a look to the scan that goes below it, to the ask that looks
 * again, to the search for a file's other names, and a layer's other directory. */
struct examiner {
	struct store *store;
	struct queue *items;
	struct jobs *jobs;
	struct outbox *outbox;
	uint64_t max_bytes;
	int64_t max_ns;
	atomic_bool stop;
	struct examiner_stats stats;
	struct order order;
	atomic_uint n_workers; /* how many have begun: the next one's number */
	void (*below)(struct examiner *ex, struct kept *k, struct scan *s, struct span dir,
		const struct maker *by);
	void (*again)(struct examiner *ex, const struct again *a);
	void (*scan_done)(struct scan *s);
	void (*links)(
		struct examiner *ex, struct kept *k, uint64_t ino, int64_t when, struct span actor);
	void (*scan_links)(struct scan *s);
	void (*scan_mounted)(struct scan *s);
};
struct worker {
	struct examiner *ex;
	struct sha *sha;
	unsigned no; /* from 0 */
};
/* A look to be repeated later. */
struct again {
	struct kept *kept;
	struct span dir, name, actor;
	int64_t when, delay;
	unsigned attempt;
};

/* A full look under way; see scan.h. Counted; the last reference's end is told to the ledger. */
struct scan {
	atomic_uint refs;
	struct examiner *ex;
	struct kept *kept;
	char *scope;
	int64_t started;
	bool trust_seen;
	enum job_lane lane;
	int asker;
	uint32_t ask_id;
	struct heal *heal;
	struct buf maker; /* encoded actor, or empty */
	bool moved, named;
	int64_t made;		  /* wall, with `named`: what changed since has an event */
	atomic_bool whole, found; /* found: its scope is somewhere, in the baseline or now */
	atomic_ullong done;
	atomic_llong told; /* monotonic ns of the last progress message */
};

/* Gives an item to the ledger; waits while the ledger is behind. */
static inline void examiner_push(struct examiner *ex, struct item *i)
{
	if (queue_push(ex->items, QUEUE_BACK, i) != 0)
		item_free(i); /* closed: the sensor is ending */
}
