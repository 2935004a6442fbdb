/* gap.h - a time in which something could have been missed, on a named scope, for a named cause. */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

struct gap {
	uint64_t id;	  /* seq of its gap.opened entry */
	uint32_t target;  /* 0: every target */
	struct span path; /* scope below the target; empty: all of it */
	enum gap_cause cause;
	int64_t from, opened, closed; /* wall ns; from: earliest moment that could be missed */
	uint64_t count;		      /* how much was lost where that is known; 0: not known */
	struct span detail;	      /* a sentence */
};
void gap_encode(const struct gap *g, struct buf *out);
int gap_decode(struct span bytes, struct gap *ret);
