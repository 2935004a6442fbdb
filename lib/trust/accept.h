/*
 * accept.h - what is signed of an accept: SHA-256 over bytes target id | 32 bytes drift id | zigzag expires |
 * bytes reason | bytes list of paths (each as bytes, sorted; empty: all of the drift). So a
 * signature is of exactly this drift of this container, and of no other words.
 */
#pragma once

#include "trust/keyring.h"

struct accept_words {
	struct span target; /* full id */
	const uint8_t *drift_id;
	int64_t expires; /* wall ns; 0: never */
	struct span reason, paths;
};
void accept_digest(const struct accept_words *w, uint8_t ret[SHA_LEN]);
/* How many different keys of the ring, with the role accept, have signed it: blocks in base64, apart by blanks.
 * Their names go to `names`, apart by commas. -EKEYREJECTED with a sentence: one of the blocks is not good. */
enum { ACCEPT_SIGNATURES_MAX = 8 };
int accept_signers(const struct keyring *ring, const struct accept_words *w, struct span blocks,
	struct buf *names, unsigned *ret);
