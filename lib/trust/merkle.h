/*
 * merkle.h - the Merkle tree of RFC 6962 over digests: a leaf is SHA-256(00 | digest), a node
 * SHA-256(01 | left | right), and the left half of n leaves has the largest power of two below n.
 * The root of no leaves is the SHA-256 of nothing.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

/* Leaves one after the other, in memory of 64 digests. All-zero is an empty tree. */
struct merkle {
	uint64_t n;
	uint8_t stack[64][SHA_LEN];
	unsigned depth;
};
void merkle_add(struct merkle *m, const uint8_t leaf[SHA_LEN]);
void merkle_root(const struct merkle *m, uint8_t ret[SHA_LEN]);

enum { MERKLE_PATH_MAX = 64 };
/* The way from leaf `at` of `n` (digests, one after the other) to the root: its neighbours, lowest
 * first, appended to `out`. -EINVAL: it is not among them. */
int merkle_path(const uint8_t *leaves, uint64_t n, uint64_t at, struct buf *out);
/* Does the way lead from this leaf to this root? */
bool merkle_leads(const uint8_t leaf[SHA_LEN], uint64_t at, uint64_t n, struct span path,
	const uint8_t root[SHA_LEN]);
