/*
 * entry.h - that one entry is in a journal, without the others: itself, a checkpoint that covers it, and
 * the way between them in the checkpoint's tree (trust/merkle.h).
 *
 *   {"checkpoint": event, "entry": event, "path": ["<64 hex digits>", …], "schema": "boltseal.entry/1"}
 */
#pragma once

#include "base/json.h"
#include "trust/keyring.h"

#define ENTRY_SCHEMA "boltseal.entry/1"
enum { ENTRY_PROOF_MAX = 16 << 20 };

/* `ids`: those of the entries from the checkpoint's `from` to its `to`, one after the other; `seq` is one of them.
 * -EINVAL. `checkpoint` and `entry` are events' texts. */
int entry_write(struct span checkpoint, struct span entry, const uint8_t *ids, uint64_t n,
	uint64_t at, struct buf *out);
/* Appends the checks to the open array: 0, all are right; ENTRY_WRONG, one is not. -EBADMSG, nothing appended: these
 * bytes, which may be any, are no such proof at all; one that was altered or cut off is a wrong one. */
enum { ENTRY_WRONG = 1 };
int entry_check(struct span proof, const struct keyring *ring, struct json *j);
