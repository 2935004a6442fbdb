/* Any lines are items or an error, and the same in pieces. */
#include "image/tarsplit.h"
#include "base/sha.h"

static int tell(struct span in, size_t step, struct buf *out)
{
	TARSPLIT struct tarsplit *t = NULL;
	struct tarsplit_item it;

	must(tarsplit_new(&t) == 0);
	while (in.n) {
		struct span piece = span_make(in.p, in.n < step ? in.n : step);
		int r;

		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = tarsplit_step(t, &piece, &it)) == TARSPLIT_ITEM) {
			buf_u8(out, it.file);
			buf_bytes(out, it.bytes);
			buf_bytes(out, it.name);
			buf_varint(out, it.size);
			buf_varint(out, it.crc);
		}
		if (r < 0)
			return r;
	}
	return tarsplit_end(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf one = {0}, two = {0};
	int r = tell(span_make(p, n), n, &one);

	must(tell(span_make(p, n), 7, &two) == r);
	must(span_eq(buf_span(&one), buf_span(&two)));
	return 0;
}
