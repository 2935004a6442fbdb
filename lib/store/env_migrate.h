/*
 * migrate.h - the one door between formats. A store is brought up one format at a time, each step
 * in the write transaction of the whole migration; what is newer than this program, or older than
 * the first step it has, is refused.
 */
#pragma once

#include "store/env.h"

struct migration {
	uint32_t from; /* brings `from` to `from` + 1 */
	int (*fn)(struct txn *t);
};

/* Runs the steps from the stored format to `to`, and stores it. A store without a format is new
 * and becomes `to`. -EPROTO when there is no way. */
int migrate_with(struct txn *t, const struct migration *steps, size_t n, uint32_t to);
/* The same with this program's own steps, to STORE_FORMAT. */
int migrate(struct txn *t);
/* The stored format; STORE_ABSENT in a new store. */
int migrate_format(struct txn *t, uint32_t *ret);
