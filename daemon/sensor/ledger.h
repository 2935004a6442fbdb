/*
 * ledger.h - the last stage: judges sightings and writes down what follows, in order, for good.
 *
 * One thread, the only LMDB writer. Items are taken in batches, one transaction a batch; nothing is
 * answered or told before its commit. When the store is full the batch is kept and tried again: the
 * queues fill up behind it, and what then finds no room is a gap.
 */
#pragma once

#include "base/queue.h"
#include "daemon/sensor/items.h"
#include "daemon/sensor/outbox.h"
#include "trust/key.h"
#include <stdatomic.h>

enum ledger_health { LEDGER_OK, LEDGER_FULL, LEDGER_FAILED };
struct ledger_stats {
	atomic_int health;
	atomic_ullong batches, entries, sightings, last_seq;
	atomic_ullong folded, flooded; /* changes without an entry of their own */
	atomic_ullong floods;	       /* that go on */
	atomic_llong last_commit;      /* monotonic ns */
	atomic_bool asked; /* for a sign of life: `alive` is called after the next attempt */
};
struct ledger_options {
	struct store *store;
	struct queue *items;
	struct outbox *outbox;
	struct order *order; /* the workers' */
	int bell;	     /* eventfd: rung after a commit that the loop may care for */
	struct ledger_stats *stats;
	int64_t keep_removed, keep_journal; /* ns; 0: for ever */
	int64_t heartbeat;		    /* ns between two; 0: never */
	struct flood_limits flood;	    /* all-zero: none */
	const struct trust_key *host_key;   /* NULL: no checkpoint is written */
	const char *keys_dir;		    /* of the public keys that are trusted; copied */
	unsigned accept_signatures;	    /* that an accept must have */
	uint64_t checkpoint_every;	    /* entries; 0: by time alone */
	int64_t checkpoint_interval;	    /* ns; 0: by number alone */
	const atomic_bool *stop;	    /* set at the end: do not wait for room any more */
	/* It had the store's lock and let it go again, whether or not the store took anything. NULL: nobody
	 * asks. */
	void (*alive)(void);
	/* Another look, please; `actor`, encoded, is who did it unless somebody else is found. */
	void (*again)(void *ctx, struct kept *k, struct span path, struct span actor);
	void *again_ctx;
	/* What did the packages bring that this run installed? ITEM_EXPLAINED answers. `paths`: as
	 * run_paths() has them. NULL: nobody can say. */
	void (*explain)(void *ctx, struct kept *k, uint64_t run, struct span paths);
	void *explain_ctx;
};
struct ledger;
int ledger_new(struct ledger **ret, const struct ledger_options *opt);
void ledger_free(struct ledger *l);
/* The thread's body: until the queue is closed and empty. */
void *ledger_main(void *ledger);
