/* Any bytes as an event: refused, or a message of valid UTF-8 on one line, without a control byte
 * but LEEF's tab, and no longer than asked for (or as short as it gets). The first byte says which
 * format, limit and redaction. */
#include "base/err.h"
#include "base/text.h"
#include "wire/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void is_safe(enum format f, const struct buf *out)
{
	must(text_is_utf8(buf_span(out)));
	for (size_t i = 0; i < out->n; i++) {
		uint8_t c = out->p[i];

		must((c >= 0x20 && c != 0x7f) || (c == '\t' && f == FORMAT_LEEF));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t limits[] = {0, 480, 2048, 1};
	BUF struct buf out = {.p = NULL}, least = {.p = NULL};
	struct format_options o = {.version = "1|2=3]\"\\", .enterprise = 32473};
	enum format f;
	int r;

	if (n < 1)
		return 0;
	f = (enum format)(data[0] % FORMAT_N);
	o.max = limits[data[0] / FORMAT_N % 4];
	o.redact = data[0] / FORMAT_N / 4 % 2;
	r = format_event(f, span_make(data + 1, n - 1), &o, &out);
	if (r < 0) {
		must(r == -EBADMSG && out.n == 0);
		return 0;
	}
	is_safe(f, &out);
	if (!o.max || out.n <= o.max)
		return 0;
	o.max = 1;
	must(format_event(f, span_make(data + 1, n - 1), &o, &least) == 0 && out.n == least.n);
	return 0;
}
