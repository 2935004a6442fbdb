/* check.h - does everything in a store belong to something? */
#pragma once

#include "store/env.h"

/* Each entry of an index leads to what it is of, and all of that is in the index; nothing is kept of a
 * target or of a snapshot that is not there. Reads keys, and descriptions of targets and snapshots. -EBADMSG
 * with a sentence: the first that does not fit. One read transaction: milliseconds. */
int check_indexes(struct txn *t);
