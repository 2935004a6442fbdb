/*
 * Version 1 of a flood: u8 version, u8 state, varints A, C, D, cleared, total, zigzags since, from, to,
 * u8 worst, u8 number of samples, of each: varint target, path as length and bytes. Of a fold: u8
 * version, varints A, C, D, cleared, zigzags from, to, u8 worst, the change as length and bytes.
 */
#include "model/flood.h"

enum { VERSION = 1 };

const char *const flood_kind_names[FLOOD_KINDS] = {"A", "C", "D", "cleared"};

uint64_t flood_count(const uint64_t n[FLOOD_KINDS])
{
	uint64_t sum = 0;

	for (int i = 0; i < FLOOD_KINDS; i++)
		sum += n[i];
	return sum;
}

static void encode_counts(const uint64_t n[FLOOD_KINDS], struct buf *out)
{
	for (int i = 0; i < FLOOD_KINDS; i++)
		buf_varint(out, n[i]);
}

static void decode_counts(struct rd *r, uint64_t n[FLOOD_KINDS])
{
	for (int i = 0; i < FLOOD_KINDS; i++)
		n[i] = rd_varint(r);
}

void flood_encode(const struct flood *f, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)f->state);
	encode_counts(f->n, out);
	buf_varint(out, f->total);
	buf_zigzag(out, f->since);
	buf_zigzag(out, f->from);
	buf_zigzag(out, f->to);
	buf_u8(out, (uint8_t)f->worst);
	buf_u8(out, (uint8_t)f->n_samples);
	for (size_t i = 0; i < f->n_samples; i++) {
		buf_varint(out, f->sample[i].target);
		buf_bytes(out, f->sample[i].path);
	}
}

/* A byte of at most `max`. */
static unsigned rd_row(struct rd *r, unsigned max)
{
	unsigned v = rd_u8(r);

	r->bad |= v > max;
	return r->bad ? 0 : v;
}

int flood_decode(struct span bytes, struct flood *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct flood){.total = 0};
	r.bad |= rd_u8(&r) != VERSION;
	ret->state = (enum flood_state)rd_row(&r, FLOOD_STATE_N - 1);
	decode_counts(&r, ret->n);
	ret->total = rd_varint(&r);
	ret->since = rd_zigzag(&r);
	ret->from = rd_zigzag(&r);
	ret->to = rd_zigzag(&r);
	ret->worst = (enum severity)rd_row(&r, SEV_N - 1);
	ret->n_samples = rd_row(&r, FLOOD_SAMPLES);
	for (size_t i = 0; i < ret->n_samples; i++) {
		ret->sample[i].target = (uint32_t)rd_upto(&r, UINT32_MAX);
		ret->sample[i].path = rd_bytes(&r);
	}
	return rd_finish(&r, "flood");
}

void fold_encode(const struct fold *f, struct buf *out)
{
	buf_u8(out, VERSION);
	encode_counts(f->n, out);
	buf_zigzag(out, f->from);
	buf_zigzag(out, f->to);
	buf_u8(out, (uint8_t)f->worst);
	buf_bytes(out, f->over);
}

int fold_decode(struct span bytes, struct fold *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct fold){.from = 0};
	r.bad |= rd_u8(&r) != VERSION;
	decode_counts(&r, ret->n);
	ret->from = rd_zigzag(&r);
	ret->to = rd_zigzag(&r);
	ret->worst = (enum severity)rd_row(&r, SEV_N - 1);
	ret->over = rd_bytes(&r);
	return rd_finish(&r, "fold");
}
