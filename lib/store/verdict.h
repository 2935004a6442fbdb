/* verdict.h - what proofs found: of each layer by its snapshot, of each target by its number. */
#pragma once

#include "model/verdict.h"
#include "store/env.h"

enum verdict_of { VERDICT_OF_LAYER, VERDICT_OF_TARGET };
int verdict_put(struct txn *t, enum verdict_of of, uint32_t no, const struct verdict *v);
/* Borrowed until the next write. STORE_ABSENT: nobody has looked. */
int verdict_get(struct txn *t, enum verdict_of of, uint32_t no, struct verdict *ret);
int verdict_delete(struct txn *t, enum verdict_of of, uint32_t no); /* STORE_ABSENT */
