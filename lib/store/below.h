/* below.h - one path, and one directory's names, through the stored layers of a target. */
#pragma once

#include "model/target.h"
#include "store/snapshot.h"

/* The layers' record of a path, by overlay's rules. STORE_ABSENT when there is none;
 * BELOW_UNKNOWN when a layer that may have it is not stored. */
enum { BELOW_UNKNOWN = 2 };
struct below {
	struct record rec; /* borrowed from the transaction */
	unsigned layer;	   /* 0: the topmost */
	struct span path;  /* of the layer */
	struct span digest;
};
int below_find(struct txn *t, const struct target *tg, struct span path, struct below *ret);

/* Every name that a layer has in the directory, some of them more than once or whited out: ask
 * below_find() what is there. `dir` is not the root. */
int below_names(struct txn *t, const struct target *tg, struct span dir,
	int (*fn)(void *ctx, struct span name), void *ctx);
