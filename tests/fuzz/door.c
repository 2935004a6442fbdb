/* Any packet is refused, or says the same when it is made anew from what was read. */
#include "daemon/door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF struct buf again = {0};
	struct door_msg m;

	if (door_decode(span_make(data, size), &m) < 0)
		return 0;
	door_encode(&m, &again);
	must(span_eq(buf_span(&again), span_make(data, size)));
	return 0;
}
