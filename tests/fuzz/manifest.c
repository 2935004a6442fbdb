/* The first byte picks a document, the rest is its text. */
#include "base/err.h"
#include "image/manifest.h"
#include "image/toc.h"

static int hear(const struct toc_entry *e, void *arg UNUSED)
{
	BUF struct buf rec = {0};

	must(record_encode(&e->rec, &rec) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA struct arena mem = {0};
	struct span in = span_make(p + 1, n ? n - 1 : 0);
	struct image_manifest m;
	struct image_config c;
	struct image_saved *v;
	struct toc_place at;
	size_t n_saved;

	if (n == 0)
		return 0;
	if (p[0] == 'm')
		image_manifest_parse(in, &mem, &m);
	if (p[0] == 'c')
		image_config_parse(in, &mem, &c);
	if (p[0] == 's')
		image_saved_parse(in, &mem, &v, &n_saved);
	if (p[0] == 't')
		toc_parse(in, hear, NULL);
	if (p[0] == 'p')
		toc_place_parse(in, &at);
	return 0;
}
