/*
 * trail.h - a journal's checkpoints, held against its entries as they are stepped through in order.
 *
 * Proven of each: the signature is one of the ring's; `to`, `head` and host are what stands before it; it
 * names the checkpoint before; and its root is that of the ids since. So nobody without the host's key
 * has altered, removed, reordered or inserted an entry before the last one.
 */
#pragma once

#include "base/json.h"
#include "trust/keyring.h"
#include "trust/merkle.h"

struct json_t;
struct trail {
	const struct keyring *ring;
	struct span host;     /* whose it is; empty: what the first checkpoint says */
	struct merkle ids;    /* since `first` */
	uint64_t first, next; /* the seq that comes now; 0: any */
	uint64_t last;	      /* seq of the newest checkpoint; 0: none so far */
	uint8_t last_id[SHA_LEN], prev[SHA_LEN];
	uint64_t n, cut; /* checkpoints; those whose beginning is not there */
	bool sealed;	 /* the newest one is */
	int64_t signed_at;
	char key[KEY_NAME_ROOM];
	bool broken;
	char why[400];
};
/* The next entry; `checkpoint`: the member of an event of that type, else NULL. */
void trail_entry(
	struct trail *t, uint64_t seq, const uint8_t id[SHA_LEN], const struct json_t *checkpoint);
/* From here on the journal is not the one that was begun; `what`: what the seq is one of. */
void trail_break(struct trail *t, const char *what, uint64_t seq, const char *why);
/* The same, but that is known and allowed: what follows is proven by itself. */
void trail_skip(struct trail *t);
/* How many entries came after the newest checkpoint. */
uint64_t trail_unsigned(const struct trail *t);
/* What is to be said at the end. `allow_tail`: entries that nobody has signed yet are told, and no mismatch.
 * Returns whether it is right. */
bool trail_says(const struct trail *t, bool allow_tail, struct buf *words);
