/* Whatever a change decodes from is the one encoding of that change, and has an identity. */
#include "model/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf again = {0}, identity = {0};
	struct change c;

	if (change_decode(span_of("/p"), span_make(p, n), &c))
		return 0;
	must(change_encode(&c, &again) == 0);
	must(span_eq(buf_span(&again), span_make(p, n)));
	change_identity(&c, &identity);
	must(identity.n > 0);
	return 0;
}
