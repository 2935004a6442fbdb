/*
 * What is taken for a baseline file is written again as the same bytes. Its digests would keep every mutation out: an
 * input that begins with '!' gets its digest set right first, and so the parts behind it are met.
 */
#include "golden/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	GOLDEN_MEM struct golden_mem mem = {0};
	BUF struct buf file = {0}, again = {0}, shown = {0};
	struct golden g;

	if (n && p[0] == '!') {
		uint8_t sha[SHA_LEN];

		buf_add(&file, p + 1, n - 1);
		sha_once(buf_span(&file), sha);
		buf_add(&file, sha, SHA_LEN);
	} else {
		buf_add(&file, p, n);
	}
	if (golden_read(buf_span(&file), &mem, &g) < 0)
		return 0;
	golden_show(&g, &shown);
	must(golden_write(&g, false, &again) == 0);
	return 0;
}
