/* Version 1: u8 version, u8 bits, varint line, varint run, then name, file, reason and owner: length and bytes. */
#include "model/ruling.h"

enum { VERSION = 1, EXPECTED = 1, GROWN = 2, ALTERED = 4, BITS = 7 };

void ruling_encode(const struct ruling *r, struct buf *out)
{
	if (!r->name.n && !r->expected && !r->grown && !r->altered && !r->run)
		return;
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)((r->expected ? EXPECTED : 0) | (r->grown ? GROWN : 0) |
			      (r->altered ? ALTERED : 0)));
	buf_varint(out, r->line);
	buf_varint(out, r->run);
	buf_bytes(out, r->name);
	buf_bytes(out, r->file);
	buf_bytes(out, r->reason);
	buf_bytes(out, r->owner);
}

int ruling_decode(struct span bytes, struct ruling *ret)
{
	struct rd r = rd_of(bytes);
	uint8_t bits;

	*ret = (struct ruling){.line = 0};
	if (!bytes.n)
		return 0;
	r.bad |= rd_u8(&r) != VERSION;
	bits = (uint8_t)rd_upto(&r, BITS);
	ret->expected = bits & EXPECTED;
	ret->grown = bits & GROWN;
	ret->altered = bits & ALTERED;
	ret->line = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->run = rd_varint(&r);
	ret->name = rd_bytes(&r);
	ret->file = rd_bytes(&r);
	ret->reason = rd_bytes(&r);
	ret->owner = rd_bytes(&r);
	r.bad |= !bits && !ret->name.n && !ret->run;
	return rd_finish(&r, "ruling");
}
