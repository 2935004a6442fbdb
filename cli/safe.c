/* text_quote() decides what is plain; here only the dress differs. */
#include "cli/safe.h"
#include "base/text.h"
#include <wchar.h>

static bool is_plain(struct span c, bool utf8_ok)
{
	BUF struct buf shown = {0};

	text_quote(&shown, c, utf8_ok);
	return span_eq(buf_span(&shown), c);
}

/* The sequence at the start of non-empty `s`; one byte when it is none. */
static struct span first(struct span s)
{
	size_t n = text_utf8_len(s);

	return span_make(s.p, n ? n : 1);
}

static bool is_ascii_print(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

void safe_text(struct buf *out, struct span raw, bool utf8_ok, bool keep_tabs)
{
	struct span c;

	for (size_t i = 0; i < raw.n; i += c.n) {
		c = first(span_make(raw.p + i, raw.n - i));
		if (is_ascii_print(c.p[0]) || (keep_tabs && c.p[0] == '\t') ||
			(c.n > 1 && is_plain(c, utf8_ok)))
			buf_add_span(out, c);
		else
			for (size_t k = 0; k < c.n; k++)
				buf_printf(out, "\\%03o", c.p[k]);
	}
}

void safe_lines(struct buf *out, struct span raw, bool utf8_ok)
{
	while (raw.n) {
		const uint8_t *nl = memchr(raw.p, '\n', raw.n);
		size_t n = nl ? (size_t)(nl - raw.p) : raw.n;

		safe_text(out, span_make(raw.p, n), utf8_ok, true);
		if (!nl)
			return;
		buf_u8(out, '\n');
		raw = span_make(nl + 1, raw.n - n - 1);
	}
}

/* JSON's escapes are of UTF-16. */
static void escape(struct buf *out, uint32_t v)
{
	if (v >= 0x10000) {
		v -= 0x10000;
		buf_printf(out, "\\u%04x", 0xd800 + (v >> 10));
		v = 0xdc00 + (v & 0x3ff);
	}
	buf_printf(out, "\\u%04x", v);
}

void safe_json(struct buf *out, struct span json)
{
	struct span c;

	for (size_t i = 0; i < json.n; i += c.n) {
		c = first(span_make(json.p + i, json.n - i));
		if (is_ascii_print(c.p[0]) || c.p[0] == '\n' || (c.n > 1 && is_plain(c, true)))
			buf_add_span(out, c);
		else if (c.n == 1 && c.p[0] >= 0x80)
			buf_add_text(out, "\\ufffd");
		else
			escape(out, text_code_point(c));
	}
}

size_t safe_width(struct span text)
{
	size_t width = 0;
	struct span c;

	for (size_t i = 0; i < text.n; i += c.n) {
		int w;

		c = first(span_make(text.p + i, text.n - i));
		w = c.n == 1 ? 1 : wcwidth((wchar_t)text_code_point(c));
		width += w > 0 ? (size_t)w : w < 0;
	}
	return width;
}
