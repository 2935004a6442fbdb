/*
 * examine.h - the only stage that opens files: asks in, sightings out. Runs on the workers.
 *
 * An ask names a directory of a target and some names in it; both views are resolved once for all
 * of them. What a look finds is pushed to the ledger; what would not hold still is asked again
 * later from the stage's own waiting room, and the sighting says `unsettled` meanwhile.
 */
#pragma once

#include "base/queue.h"
#include "daemon/sensor/items.h"
#include "daemon/sensor/jobs.h"
#include "daemon/sensor/outbox.h"

struct examiner_stats {
	atomic_ullong asks, looks, hashed_files, hashed_bytes, seen_hits, retries;
};
/* What all workers share; immutable but for the counters. */
struct examiner {
	struct store *store;
	struct queue *items;
	struct jobs *jobs;
	struct outbox *outbox;
	uint64_t max_bytes;
	int64_t max_ns;
	bool stop;
	struct examiner_stats stats;
};
struct worker {
	struct examiner *ex;
	struct sha *sha;
};
/* The body of a worker thread: jobs until jobs_stop(). */
void *worker_main(void *examiner);

/* Gives an item to the ledger; waits while the ledger is behind. */
void examiner_push(struct examiner *ex, struct item *i);

enum ask_flag {
	ASK_BELOW = 1,	   /* a directory there: everything below it too */
	ASK_LAYER = 2,	   /* a lower layer was touched here: compare it with its snapshot by content */
	ASK_ANNOUNCE = 4,  /* with ASK_LAYER: this target's sighting tells layer.tampered */
	ASK_COVERED = 8,   /* a mount covers it: `mount` says what */
	ASK_UNCOVERED = 16,
	ASK_IF_GONE = 32,  /* part of a scan that will meet it if it is there */
};
struct scan;
struct ask;
struct ask *ask_new(struct kept *k, struct span dir, int64_t when);
/* `name` "" with dir "/" is the root itself. actor, mount: encoded actor / text, may be empty. */
void ask_add(struct ask *a, struct span name, unsigned flags, struct span actor, struct span mount);
size_t ask_len(const struct ask *a);
/* The scan that the ask is a part of: a reference is taken. */
void ask_set_scan(struct ask *a, struct scan *s);
void ask_submit(struct ask *a, struct examiner *ex);

/* One look into one directory's names, shared by asks and scans. */
struct place {
	struct worker *worker;
	struct kept *kept;
	struct views *views;
	struct txn *txn;
	struct span dir;	   /* path of the directory */
	struct node now, base;	   /* empty: no directory there in that view */
	struct scan *scan;	   /* NULL: none */
	int64_t when;
	unsigned attempt;
};
int place_open(struct place *p);
void place_close(struct place *p);
void examine_name(struct place *p, struct span name, unsigned flags, struct span actor, struct span mount);

/* Reads old and new content of a path for a patch and answers the door. */
void examine_patch(struct examiner *ex, struct kept *k, struct span path, int asker, uint32_t ask_id);
