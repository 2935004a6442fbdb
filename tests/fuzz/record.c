/* Whatever a record decodes from is the one encoding of that record. */
#include "model/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf again = {0};
	struct record rec;

	if (record_decode(span_make(p, n), &rec))
		return 0;
	must(record_encode(&rec, &again) == 0);
	must(span_eq(buf_span(&again), span_make(p, n)));
	must(record_diff(&rec, &rec) == 0);
	return 0;
}
