/* Whatever a verdict decodes from is its one encoding, and its words are words. */
#include "model/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf again = {0}, words = {0};
	struct verdict v;

	if (verdict_decode(span_make(p, n), &v))
		return 0;
	verdict_encode(&v, &again);
	must(span_eq(buf_span(&again), span_make(p, n)));
	verdict_words(&v, &words);
	must(words.n > 0);
	return 0;
}
