/* Adding and subtracting lanes modulo 2^16 commute: the order in which drift came does not show. */
#include "model/drift.h"
#include "base/err.h"

enum { LANES = 1024, BYTES = 2 * LANES };

static uint16_t lane_at(const uint8_t *bytes, size_t i)
{
	return (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
}

void drift_hash_add(struct drift_hash *h, struct span member)
{
	uint8_t wide[BYTES];

	sha_shake(member, wide, sizeof(wide));
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(h->lane[i] + lane_at(wide, i));
}

void drift_hash_sub(struct drift_hash *h, struct span member)
{
	uint8_t wide[BYTES];

	sha_shake(member, wide, sizeof(wide));
	for (size_t i = 0; i < LANES; i++)
		h->lane[i] = (uint16_t)(h->lane[i] - lane_at(wide, i));
}

bool drift_hash_is_empty(const struct drift_hash *h)
{
	uint16_t any = 0;

	for (size_t i = 0; i < LANES; i++)
		any |= h->lane[i];
	return any == 0;
}

static void to_bytes(const struct drift_hash *h, uint8_t out[BYTES])
{
	for (size_t i = 0; i < LANES; i++) {
		out[2 * i] = (uint8_t)h->lane[i];
		out[2 * i + 1] = (uint8_t)(h->lane[i] >> 8);
	}
}

void drift_hash_id(const struct drift_hash *h, uint8_t ret[SHA_LEN])
{
	uint8_t bytes[BYTES];

	to_bytes(h, bytes);
	sha_once(span_make(bytes, BYTES), ret);
}

void drift_hash_encode(const struct drift_hash *h, struct buf *out)
{
	uint8_t bytes[BYTES];

	if (drift_hash_is_empty(h))
		return;
	to_bytes(h, bytes);
	buf_add(out, bytes, BYTES);
}

int drift_hash_decode(struct span bytes, struct drift_hash *ret)
{
	*ret = (struct drift_hash){0};
	if (bytes.n == 0)
		return 0;
	if (bytes.n != BYTES)
		return err_set(-EBADMSG, "drift hash: %zu bytes", bytes.n);
	for (size_t i = 0; i < LANES; i++)
		ret->lane[i] = lane_at(bytes.p, i);
	if (drift_hash_is_empty(ret))
		return err_set(-EBADMSG, "drift hash: an empty set takes no bytes");
	return 0;
}
