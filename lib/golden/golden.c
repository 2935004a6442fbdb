/* Lists are read where they lie. */
#include "golden/golden.h"
#include "base/err.h"

int golden_add(struct buf *list, struct span path, const struct record *rec)
{
	BUF struct buf bytes = {0};
	int r = record_encode(rec, &bytes);

	if (r < 0)
		return r;
	buf_bytes(list, path);
	buf_bytes(list, buf_span(&bytes));
	return buf_err(list);
}

bool golden_next(struct rd *at, struct span *path, struct record *rec)
{
	struct span bytes;

	if (rd_end(at))
		return false;
	*path = rd_bytes(at);
	bytes = rd_bytes(at);
	at->bad |= !at->bad && record_decode(bytes, rec) < 0;
	return !at->bad;
}

int golden_accept_add(struct buf *list, const struct golden_accept *a)
{
	BUF struct buf bytes = {0};
	int r = a->absent ? 0 : record_encode(&a->rec, &bytes);

	if (r < 0)
		return r;
	buf_bytes(list, a->path);
	buf_varint(list, a->generation);
	buf_zigzag(list, a->expires);
	buf_bytes(list, buf_span(&bytes));
	return buf_err(list);
}

bool golden_accept_next(struct rd *at, struct golden_accept *ret)
{
	struct span bytes;

	if (rd_end(at))
		return false;
	*ret = (struct golden_accept){.path = rd_bytes(at)};
	ret->generation = (uint32_t)rd_upto(at, UINT32_MAX);
	ret->expires = rd_zigzag(at);
	bytes = rd_bytes(at);
	ret->absent = bytes.n == 0;
	at->bad |= !at->bad && !ret->absent && record_decode(bytes, &ret->rec) < 0;
	return !at->bad;
}
