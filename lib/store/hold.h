/* hold.h - the maintenance windows that are open, with what was held in them: values in `meta`. */
#pragma once

#include "model/hold.h"
#include "store/env.h"

int hold_put(struct txn *t, const struct hold *h);
int hold_delete(struct txn *t, uint64_t id); /* STORE_ABSENT when not there */
/* By id, start with *id = 0. STORE_ABSENT at the end. */
int hold_next(struct txn *t, uint64_t *id, struct hold *ret);
