/*
 * flood.h - changes that have no entry of their own in the journal: how many, and the worst of them.
 * Views, like change.h. A flood is over the budget of a target or of all; a fold is of one path.
 */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

/* What a change is counted as. */
enum flood_kind { FLOOD_A, FLOOD_C, FLOOD_D, FLOOD_CLEARED, FLOOD_KINDS };
extern const char *const flood_kind_names[FLOOD_KINDS];
enum { FLOOD_SAMPLES = 8 };

struct flood_sample {
	uint32_t target;  /* number */
	struct span path; /* of the worst */
	struct span name; /* the target's, for people; not stored */
};
struct flood {
	enum flood_state state;
	uint64_t n[FLOOD_KINDS]; /* not told, since the entry before this one */
	uint64_t total;		 /* not told, since it began */
	int64_t since;		 /* wall ns: when it began */
	int64_t from, to;	 /* of those in `n`: the first, the last; 0: none */
	enum severity worst;	 /* of those in `n` */
	struct flood_sample sample[FLOOD_SAMPLES];
	size_t n_samples; /* 0: nothing in `n` */
};
uint64_t flood_count(const uint64_t n[FLOOD_KINDS]);
void flood_encode(const struct flood *f, struct buf *out);
int flood_decode(struct span bytes, struct flood *ret);

/* Changes of one path that were not told, since the last one that was. */
struct fold {
	uint64_t n[FLOOD_KINDS];
	int64_t from, to;    /* wall ns: the first, the last; 0: none */
	enum severity worst; /* of them */
	struct span over; /* the change that was cleared last, encoded; empty: it is drift still */
};
void fold_encode(const struct fold *f, struct buf *out);
int fold_decode(struct span bytes, struct fold *ret);
