/*
 * order.h - which of two looks came later. Workers look at the same time, so what they saw reaches the
 * ledger in another order than it was seen in; told in that order, a path that is gone would stay, and
 * old content would replace new.
 *
 * Every look takes a number before it looks. The ledger remembers the number of the last one that it
 * took for a path, for as long as an older one may still be under way, and drops what comes too late:
 * the newer look at the path has told already. What was seen below a directory comes too late, too, when
 * a newer look found no directory there.
 */
#pragma once

#include "base/span.h"
#include <stdatomic.h>

/* The last one is the host's (jobs.h). */
enum { WORKERS_MAX = 9, HOST_WORKER = WORKERS_MAX - 1 };

/* What a sighting carries. */
struct order_mark {
	unsigned worker;
	uint64_t look; /* number of the look, from 1; several sightings may be of one */
	uint64_t nth;  /* of this worker's sightings */
};
/* Shared by the workers and the ledger: counters, each written by one thread. */
struct order {
	atomic_ullong next;
	struct {
		atomic_ullong looking; /* not younger than the look under way; 0: none */
		atomic_ullong pushed;  /* sightings given to the ledger */
	} worker[WORKERS_MAX];
};
/* A look begins, before anything is looked at; its number. */
uint64_t order_begin(struct order *o, unsigned worker);
/* The mark for a sighting of that look that is pushed next. */
struct order_mark order_push(struct order *o, unsigned worker, uint64_t look);
/* Everything of it was pushed. */
void order_end(struct order *o, unsigned worker);

/* The ledger's memory of what it took. */
struct taken;
void taken_new(struct taken **ret, struct order *o);
void taken_free(struct taken *t);
/* Is this sighting of a target's path older than what was taken of it, or of a directory above? */
bool taken_is_late(const struct taken *t, uint32_t target, struct span path, uint64_t look);
/* Was the path itself looked at later than `look`? */
bool taken_has_newer(const struct taken *t, uint32_t target, struct span path, uint64_t look);
/* Takes it; `no_dir`: no directory is at the path. Doing it again changes nothing. */
void taken_add(struct taken *t, uint32_t target, struct span path, uint64_t look, bool no_dir);
/* The sighting has come to the ledger, whatever becomes of it. */
void taken_came(struct taken *t, const struct order_mark *m);
/* Forgets what no look under way can be older than. */
void taken_forget(struct taken *t);
