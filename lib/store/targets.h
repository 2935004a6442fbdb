/* targets.h - targets, their state, drift, accepted changes and generations. */
#pragma once

#include "model/change.h"
#include "model/drift.h"
#include "model/target.h"
#include "store/env.h"

/* Targets. A new one (no == 0) gets the next number, which is set in `target`; -ENOENT for a number
 * that is not there. Ids have 1 to 255 bytes and no NUL. */
int targets_put(struct txn *t, struct target *target);
int targets_get(struct txn *t, uint32_t no, struct target *ret);
/* A live one before removed ones, then the newest, should an id have come back. */
int targets_by_id(struct txn *t, struct span id, struct target *ret);
/* Start with *no = 0; steps in order of number. STORE_ABSENT at the end. */
int targets_next(struct txn *t, uint32_t *no, struct target *ret);
/* Everything of it goes: descriptor, state, drift, accepted, seen. Not its journal. In slices of
 * `budget` entries; the descriptor goes last, so what a crash leaves is found and deleted again. */
int targets_delete(struct txn *t, uint32_t no, unsigned budget, bool *ret_more);
/* A name, a full id, or a unique prefix of either, in this order; a live target wins over removed
 * ones that the word fits as well. Only what `asker` (NULL: everybody) sees counts. STORE_ABSENT;
 * TARGETS_AMBIGUOUS: `candidates` (may be NULL) then has "name (id12)" a line. */
enum { TARGETS_AMBIGUOUS = 2 };
struct targets_asker {
	bool (*sees)(const void *ctx, const struct target *one);
	const void *ctx;
};
int targets_resolve(struct txn *t, struct span word, const struct targets_asker *asker,
	struct target *ret, struct buf *candidates);

/* Absent: zeros, but for the drift id, which is the empty set's. */
int targets_state_get(struct txn *t, uint32_t no, struct target_state_rec *ret);
/* Counts, worst severity and drift id are the drift functions' own: those stored are kept, whatever
 * `s` says. */
int targets_state_put(struct txn *t, uint32_t no, const struct target_state_rec *s);

/*
 * Drift. Keys hold the path (long ones a prefix and a digest); listing gives exact byte order.
 * drift_put/drift_delete keep counts, worst severity and the drift id in the state up to date.
 * What drift_get() returns borrows from the transaction, its path perhaps from the caller's.
 */
int drift_get(struct txn *t, uint32_t no, struct span path, struct change *ret);
int drift_put(struct txn *t, uint32_t no, const struct change *c);
int drift_delete(struct txn *t, uint32_t no, struct span path); /* STORE_ABSENT when not there */
/* Calls `fn` for each change at or below `scope` ("/" or empty: all), in path byte order; stops at
 * its first non-zero return and returns that. Changes borrow from the transaction. */
int drift_each(struct txn *t, uint32_t no, struct span scope,
	int (*fn)(void *ctx, const struct change *c),
	void *ctx); /* `fn` writes nothing to the store */

/* What an admin accepted: the newest entry for a path at or before `generation` (UINT32_MAX: the
 * newest). `image` is the record (encoded) that the layers have, kept so that a diff against the
 * image needs no layer; both empty spans mean absent. STORE_ABSENT: never accepted. */
struct accepted {
	struct span path;
	uint32_t generation;
	int64_t expires;   /* wall ns; 0: never */
	struct span rec;   /* encoded record accepted as baseline; empty: absence was accepted */
	struct span image; /* encoded record of the layers; empty: nothing there */
	uint32_t aspects;  /* ASPECT_MOUNT|ASPECT_LAYER bits that were accepted with it */
	struct span mount;
};
int accepted_get(
	struct txn *t, uint32_t no, struct span path, uint32_t generation, struct accepted *ret);
/* The newest that is in force at `now` (wall ns): an older one counts again where a newer expired. */
int accepted_in_force(
	struct txn *t, uint32_t no, struct span path, int64_t now, struct accepted *ret);
int accepted_put(struct txn *t, uint32_t no, const struct accepted *a);
/* The newest entry of every path, in key order (not exactly path order for very long paths). */
int accepted_each(struct txn *t, uint32_t no, uint32_t generation,
	int (*fn)(void *ctx, const struct accepted *a), void *ctx);
/* The same at or below `scope` ("/" or empty: all), of any generation. */
int accepted_below(struct txn *t, uint32_t no, struct span scope,
	int (*fn)(void *ctx, const struct accepted *a), void *ctx);

struct generation {
	uint32_t no; /* 1 is the image alone */
	int64_t time, expires;
	uint32_t uid; /* who accepted, by peer credentials */
	uint32_t n_paths;
	struct span reason;
	uint8_t drift_id[SHA_LEN]; /* what was accepted */
	uint8_t root[SHA_LEN];	   /* of the baseline from then on */
	bool has_golden;	   /* it came with a golden baseline of this root (gold.h) */
	uint8_t golden[SHA_LEN];
};
int generation_put(struct txn *t, uint32_t target, const struct generation *g);
int generation_get(struct txn *t, uint32_t target, uint32_t no, struct generation *ret);

/*
 * The hash cache: "this inode, with exactly this stat, had this content". An entry is used to skip
 * re-hashing at start only; never by a full sweep. Key: target and inode number.
 */
struct seen {
	uint64_t ino;
	uint64_t size;
	int64_t mtime, ctime, btime; /* wall ns */
	uint8_t sha[SHA_LEN];
};
int seen_get(struct txn *t, uint32_t target, uint64_t ino, struct seen *ret);
int seen_put(struct txn *t, uint32_t target, const struct seen *s);
int seen_delete(struct txn *t, uint32_t target, uint64_t ino);
