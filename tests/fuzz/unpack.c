/* Any bytes unpack, or are an error; never to more than is allowed, and in pieces to the same. */
#include "image/unpack.h"

enum { LIMIT = 1 << 20 };

static int tell(struct span in, size_t step, struct buf *out)
{
	UNPACK struct unpack *u = NULL;
	struct span piece, got;

	must(unpack_new(UNPACK_TELL, LIMIT, &u) == 0);
	while (in.n) {
		int r;

		piece = span_make(in.p, in.n < step ? in.n : step);
		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = unpack_step(u, &piece, &got)) == UNPACK_OUT)
			buf_add_span(out, got);
		must(out->n <= LIMIT);
		if (r < 0)
			return r;
		must(piece.n == 0);
	}
	return unpack_end(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf one = {0}, two = {0};
	int r = tell(span_make(p, n), n, &one);

	must((tell(span_make(p, n), 3, &two) < 0) == (r < 0));
	must(r < 0 || span_eq(buf_span(&one), buf_span(&two)));
	return 0;
}
