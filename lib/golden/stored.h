/* stored.h - the canonical digest of a layer from its stored snapshot. */
#pragma once

#include "golden/canon.h"
#include "store/gold.h"
#include "store/snapshot.h"

/* Every record of a snapshot with its path (no slash around it; the root's is ""), a directory before what
 * is in it. Stops at the first non-zero return. Paths and records live for the call. */
typedef int stored_record(void *ctx, struct span path, const struct record *rec);
int stored_each(struct txn *t, uint32_t snap, stored_record *fn, void *ctx);

int stored_canon(struct txn *t, uint32_t snap, uint8_t ret[SHA_LEN]);
/* Do its layers' canonical digests and what it accepts (gold_accepts() has filled it in) give its root? */
bool stored_root_is_right(const struct gold *g);
