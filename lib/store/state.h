/*
 * state.h - a target's state as it is stored: what the header target.h tells of, and how many
 * changes of each severity there are, so that the worst one is known when one goes.
 */
#pragma once

#include "model/target.h"
#include "store/db.h"

struct state {
	struct target_state_rec rec;
	uint64_t of_severity[SEV_N];
};
/* Absent: no drift, and zeros but for the drift id, which is the empty set's. */
int state_load(struct txn *t, uint32_t no, struct state *ret);
int state_save(struct txn *t, uint32_t no, const struct state *s);
