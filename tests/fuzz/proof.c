/* Whatever a receiver stored, in whatever pieces it comes: the same verdict, and never a clean one with
 * fewer events than it counts. */
#include "wire/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int verdict(const uint8_t *data, size_t n, size_t step, struct buf *out, bool *ret_clean)
{
	struct proof_options o = {.max_runs = 8, .max_pages = 4};
	struct proof *p;
	int r = proof_new(&p, &o);

	for (size_t at = 0; r == 0 && at < n; at += step)
		r = proof_feed(p, span_make(data + at, n - at < step ? n - at : step));
	if (r == 0)
		r = proof_end(p, out, ret_clean);
	proof_free(p);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	BUF struct buf whole = {.p = NULL}, pieces = {.p = NULL};
	bool clean = false, again = false;
	int r = verdict(data, n, n + 1, &whole, &clean);

	must(verdict(data, n, 7, &pieces, &again) == r);
	must(clean == again && span_eq(buf_span(&whole), buf_span(&pieces)));
	must(r == 0 || !clean);
	return 0;
}
