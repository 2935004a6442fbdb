/* Options of any kind are parsed or refused; what is parsed lies in its own memory. */
#include "fs/overlay.h"

static void inside(const struct overlay_options *o, struct span s)
{
	must(!s.n || (s.p >= o->mem.p && s.p + s.n <= o->mem.p + o->mem.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};
	BUF struct buf plain = {0};
	size_t i;

	overlay_unescape(span_make(p, n), &plain);
	must(plain.n <= n);
	if (overlay_parse(span_make(p, n), &o)) {
		must(!o.lower && !o.data && !o.mem.p);
		return 0;
	}
	must(o.n_lower + o.n_data > 0);
	inside(&o, o.upper);
	inside(&o, o.work);
	for (i = 0; i < o.n_lower; i++)
		inside(&o, o.lower[i]);
	for (i = 0; i < o.n_data; i++)
		inside(&o, o.data[i]);
	return 0;
}
