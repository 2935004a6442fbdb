/*
 * floods.h - how much is told one by one: budgets in a window of time, of a path, of a target and of
 * all targets, and what is counted instead where they are spent.
 *
 * Budgets of a target and of all are apart by what a change is worth - info, low and medium, high and
 * critical - so that noise does not spend what is kept for the rest; and FLOOD_LEAST of a target's are told whatever the
 * others did to the budget of all, and one that is worse than what was told of its target before. Every change that comes in goes one of
 * three ways: it is told; it is folded, as the same path was told often enough and this says nothing
 * new of it; or it is counted as part of a flood. What is folded or counted is told later: by an entry of
 * its path, or by one of the flood. Nothing is dropped, and the worst is never less than it was.
 *
 * No file, no clock, no store: the ledger says what happened and when. What a batch does counts from
 * floods_commit() on, and floods_abort() takes it back: a batch may be written more than once. Memory is
 * bounded: FLOOD_PATHS paths are known at a time; one that finds no room is not folded, but has its
 * target's budget as every other.
 */
#pragma once

#include "model/flood.h"

enum { FLOOD_PATHS = 4096, FLOOD_CLASSES = 3, FLOOD_LEAST = 20 };

struct flood_limits {
	uint64_t per_path, per_target, total; /* in a window; 0: no limit */
	int64_t window;			      /* ns */
};
struct floods;
int floods_new(struct floods **ret);
void floods_free(struct floods *f);
/* From the next change on. All-zero in the beginning. */
void floods_limit(struct floods *f, const struct flood_limits *limits);

struct flood_news {
	uint32_t target;
	struct span path;
	enum flood_kind kind;
	enum severity severity; /* of the change, also where it is cleared */
	uint32_t aspects;
	unsigned origin; /* of the actor */
	bool untold;	 /* it is cleared, and no entry told of it: in a flood it is counted */
	int64_t wall, now;
};
enum flood_word { FLOOD_TELL, FLOOD_FOLD, FLOOD_COUNT };
/* Where it is told, `ret` has what was folded before it; where it is folded, what has been by now.
 * Its `over` is the caller's. */
enum flood_word floods_add(struct floods *f, const struct flood_news *n, struct fold *ret);

/* What is asked for: all that is due at `now`; or, whether it is due or not, what is of `target`, or
 * everything (`all`). */
struct floods_ask {
	int64_t now;
	uint32_t target;
	bool all;
};
/* A path whose window is over: its last state is to be told (FLOOD_TELL) or, where its target has no
 * budget left, has been counted (FLOOD_COUNT). False: none is left. The path lives until the next call. */
struct flood_path {
	uint32_t target;
	struct span path;
	struct fold fold;
};
bool floods_fold_due(struct floods *f, const struct floods_ask *ask, enum flood_word *ret_word,
	struct flood_path *ret);
/* The path has nothing that could be told: what was folded is counted. */
void floods_count(struct floods *f, const struct flood_path *p);
/* A flood that an entry is due of; ask after the paths. Target 0: of all of them. */
bool floods_due(
	struct floods *f, const struct floods_ask *ask, uint32_t *ret_target, struct flood *ret);
/* When to ask again (monotonic ns); INT64_MAX: nothing is counted. */
int64_t floods_next(const struct floods *f);

/* Steps through the tallies that are others than they were at the last commit: what is to be stored
 * of them, *ret_any false: nothing any more. All-zero to begin. */
struct floods_step {
	void *at;
	bool begun;
};
bool floods_changed(struct floods *f, struct floods_step *s, uint32_t *ret_target,
	struct flood *ret, bool *ret_any);
void floods_commit(struct floods *f);
void floods_abort(struct floods *f);

struct floods_stats {
	uint64_t folded, counted; /* changes in all */
	uint64_t open;		  /* floods that go on */
};
/* With the batch at hand. */
void floods_stats(const struct floods *f, struct floods_stats *ret);
