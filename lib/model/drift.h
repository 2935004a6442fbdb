/*
 * drift.h - the digest of a whole drift set, kept up to date a change at a time.
 *
 * A set hash: LtHash (Bellare-Micciancio; Lewi et al. 2019): each member is expanded to 1024 16-bit
 * lanes by SHAKE256 and added lane-wise; removal subtracts. The drift id is the SHA-256 of the
 * lanes; the empty set's is the SHA-256 of 2048 zero bytes. Finding two sets with one id is as hard
 * as short-integer-solution lattices, though whoever fills the set picks its members.
 */
#pragma once

#include "model/change.h"

struct drift_hash {
	uint16_t lane[1024];
};
void drift_hash_add(struct drift_hash *h, struct span member);
void drift_hash_sub(struct drift_hash *h, struct span member);
bool drift_hash_is_empty(const struct drift_hash *h);
void drift_hash_id(const struct drift_hash *h, uint8_t ret[SHA_LEN]);
/* 0 bytes for the empty set, else 2048 little-endian. */
void drift_hash_encode(const struct drift_hash *h, struct buf *out);
int drift_hash_decode(struct span bytes, struct drift_hash *ret);
