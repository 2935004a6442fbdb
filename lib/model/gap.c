/*
 * Version 1: u8 version, u8 cause, varint id, varint target, zigzag from, opened, closed, varint
 * count, then path and detail: length and bytes each.
 */
#include "model/gap.h"
#include "base/err.h"

enum { VERSION = 1 };

void gap_encode(const struct gap *g, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)g->cause);
	buf_varint(out, g->id);
	buf_varint(out, g->target);
	buf_zigzag(out, g->from);
	buf_zigzag(out, g->opened);
	buf_zigzag(out, g->closed);
	buf_varint(out, g->count);
	buf_bytes(out, g->path);
	buf_bytes(out, g->detail);
}

int gap_decode(struct span bytes, struct gap *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct gap){0};
	r.bad |= rd_u8(&r) != VERSION;
	ret->cause = (enum gap_cause)rd_upto(&r, GAP_N - 1);
	ret->id = rd_varint(&r);
	ret->target = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->from = rd_zigzag(&r);
	ret->opened = rd_zigzag(&r);
	ret->closed = rd_zigzag(&r);
	ret->count = rd_varint(&r);
	ret->path = rd_bytes(&r);
	ret->detail = rd_bytes(&r);
	return rd_finish(&r, "gap");
}
