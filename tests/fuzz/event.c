/* Whatever is taken for an event reads the same again, and has a seq. */
#include "wire/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t id[SHA_LEN], prev[SHA_LEN], id2[SHA_LEN], prev2[SHA_LEN];
	uint64_t seq, seq2;

	if (event_check(span_make(data, n), &seq, id, prev) < 0)
		return 0;
	must(seq > 0);
	must(event_check(span_make(data, n), &seq2, id2, prev2) == 0);
	must(seq == seq2 && sha_same(id, id2) && sha_same(prev, prev2));
	return 0;
}
