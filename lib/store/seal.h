/*
 * seal.h - one digest over all that a store says, and the mark of a store that nothing was written to
 * since that digest was taken.
 *
 * The journal's chain and the snapshots' root digests cover most of a store; what changes from commit to
 * commit - targets, drift, acceptances, the hash cache - has no history to be held against. So each
 * checkpoint carries the digest of it as it is committed with the checkpoint. A checkpoint that is the last
 * thing a sensor writes seals the store: until the next one opens it, every byte of it is proven.
 */
#pragma once

#include "base/sha.h"
#include "store/env.h"

/* SHA-256 over every entry of every database: its number in the list of FORMAT, and key and value with
 * their lengths before them (BE32 each). Left out are the journal and its index, which the chain covers,
 * records of complete snapshots, which their root digests cover, and the seal itself. Reads what it covers:
 * milliseconds for containers, some ten for a host of 150,000 files. */
int seal_state(struct txn *t, uint8_t ret[SHA_LEN]);
/* In the transaction that appends the last checkpoint: nothing is written after the entry `seq`. */
int seal_put(struct txn *t, uint64_t seq);
/* With the first that is written after it. Nothing where there is none, or where it is broken. */
int seal_break(struct txn *t);
/* STORE_ABSENT: there never was one. That it was broken stays there, so that who takes a seal away is seen. */
enum { SEAL_BROKEN = 2 };
int seal_get(struct txn *t, uint64_t *ret_seq);
