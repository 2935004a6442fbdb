/* Any bytes as mountinfo: parsed, with each overlay's options, and as options themselves. */
#include "base/err.h"
#include "box/mounts_how.h"
#include "fs/overlay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void options(struct span text)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};
	BUF struct buf plain = {0};

	if (overlay_parse(text, &o) == 0)
		for (size_t i = 0; i < o.n_lower; i++)
			must(o.lower[i].n <= text.n);
	overlay_unescape(text, &plain);
	must(plain.n <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MOUNTS struct mounts m = {0};
	unsigned bad;

	if (mounts_parse(span_make(data, size), &m, &bad) < 0)
		return 0;
	for (size_t i = 0; i < m.n; i++) {
		must(m.v[i].point.n && m.v[i].fs_type.n);
		if (span_is(m.v[i].fs_type, "overlay"))
			options(m.v[i].options);
	}
	(void)mounts_root(&m);
	options(span_make(data, size));
	return 0;
}
