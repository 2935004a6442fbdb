/*
 * seal.h - digests of what a store says, a database each, for checkpoints (wire/checkpoint.h).
 *
 * Every database but three: records have their snapshots' root digests, journal and by_target the
 * journal's own chain. Some (`cold`) are written seldom, others with every event: those are digested
 * only when a store is sealed, as the last thing that a daemon writes.
 */
#pragma once

#include "store/env.h"

/* Steps: start with *at = 0; STORE_ABSENT at the end. `name` lives for ever. Order of names. */
int seal_next(unsigned *at, const char **ret_name, bool *ret_cold);
/* SHA-256 over all entries in key order, each BE32 length | key | BE32 length | value. -ENOENT: no database
 * of this name. */
int seal_digest(struct txn *t, struct span name, uint8_t ret[SHA_LEN]);
/* How many entries by_target has. */
int seal_count_by_target(struct txn *t, uint64_t *ret);
/* Is entry `seq` listed for this target? */
int seal_is_by_target(struct txn *t, uint32_t target, uint64_t seq, bool *ret);
