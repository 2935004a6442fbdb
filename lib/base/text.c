/* Names come from people who may not wish us well: nothing here trusts a byte. */
#include "base/text.h"
#include "base/err.h"

/* The classes of bytes follow Unicode's table 3-7: after some first bytes the second is narrower.
 */
struct utf8_lead {
	uint8_t first, last, more, lo, hi;
};
static const struct utf8_lead utf8_leads[] = {
	{0x00, 0x7f, 0, 0, 0},
	{0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f},
	{0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf},
	{0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct utf8_lead *lead_of(uint8_t c)
{
	for (size_t i = 0; i < COUNTOF(utf8_leads); i++)
		if (c >= utf8_leads[i].first && c <= utf8_leads[i].last)
			return &utf8_leads[i];
	return NULL;
}

/* Length of the sequence at the start of a non-empty `s`, or of the longest part that could have
 * begun one (at least 1); `whole` says which. */
static size_t utf8_scan(struct span s, bool *whole)
{
	const struct utf8_lead *l = lead_of(s.p[0]);
	size_t n = 1;

	*whole = false;
	if (!l)
		return 1;
	while (n <= l->more && n < s.n) {
		uint8_t lo = n == 1 ? l->lo : 0x80, hi = n == 1 ? l->hi : 0xbf;

		if (s.p[n] < lo || s.p[n] > hi)
			return n;
		n++;
	}
	*whole = n == (size_t)l->more + 1;
	return n;
}

size_t text_utf8_len(struct span s)
{
	bool whole = false;
	size_t n = s.n ? utf8_scan(s, &whole) : 0;

	return whole ? n : 0;
}

/* Where from `i` on the first byte is that is not ASCII, or the end; most texts have none, so eight
 * are looked at together. */
static size_t past_ascii(struct span s, size_t i)
{
	uint64_t eight;

	for (; s.n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, s.p + i, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < s.n && s.p[i] < 0x80)
		i++;
	return i;
}

bool text_is_utf8(struct span s)
{
	for (size_t i = past_ascii(s, 0), n; i < s.n; i = past_ascii(s, i + n)) {
		n = text_utf8_len(span_make(s.p + i, s.n - i));
		if (n == 0)
			return false;
	}
	return true;
}

void text_to_utf8(struct buf *out, struct span raw)
{
	size_t from = 0, n;

	for (size_t i = past_ascii(raw, 0); i < raw.n; i = past_ascii(raw, i + n)) {
		bool whole;

		n = utf8_scan(span_make(raw.p + i, raw.n - i), &whole);
		if (whole)
			continue;
		if (i > from)
			buf_add(out, raw.p + from, i - from);
		buf_add_text(out, "\xef\xbf\xbd");
		from = i + n;
	}
	if (raw.n > from)
		buf_add(out, raw.p + from, raw.n - from);
}

uint32_t text_code_point(struct span c)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t v = c.p[0] & mask[c.n];

	for (size_t i = 1; i < c.n; i++)
		v = v << 6 | (c.p[i] & 0x3f);
	return v;
}

/* Unicode's classes Cc, Cf, Zl and Zp, and what is shown as nothing. */
static const struct {
	uint32_t first, last;
} formats[] = {
	{0x80, 0x9f},	     /* C1 controls move cursors */
	{0xad, 0xad},	     /* a hyphen that is not seen */
	{0x34f, 0x34f},	     /* joins */
	{0x600, 0x605},	     /* Arabic number signs */
	{0x61c, 0x61c},	     /* turns text around */
	{0x6dd, 0x6dd},	     /* end of a verse */
	{0x70f, 0x70f},	     /* abbreviation */
	{0x890, 0x891},	     /* currency marks */
	{0x8e2, 0x8e2},	     /* the same */
	{0x115f, 0x1160},    /* fillers */
	{0x17b4, 0x17b5},    /* vowels that are not seen */
	{0x180b, 0x180f},    /* selectors, a separator */
	{0x200b, 0x200f},    /* no width; U+200E and F turn text around */
	{0x2028, 0x202e},    /* end lines; turn text around */
	{0x2060, 0x206f},    /* no width; turn text around */
	{0x3164, 0x3164},    /* a filler */
	{0xfe00, 0xfe0f},    /* selectors */
	{0xfeff, 0xfeff},    /* byte order mark */
	{0xffa0, 0xffa0},    /* a filler */
	{0xfff0, 0xfffb},    /* annotations */
	{0x110bd, 0x110bd},  /* number signs */
	{0x110cd, 0x110cd},  /* the same */
	{0x13430, 0x1343f},  /* joins of hieroglyphs */
	{0x1bca0, 0x1bca3},  /* of shorthand */
	{0x1d173, 0x1d17a},  /* of music */
	{0xe0000, 0xe0fff},  /* tags and selectors */
	{0xf0000, 0x10ffff}, /* nobody knows what they mean */
};

bool text_is_format(struct span c)
{
	uint32_t v = text_code_point(c);

	for (size_t i = 0; i < COUNTOF(formats) && formats[i].first <= v; i++)
		if (v <= formats[i].last)
			return true;
	return false;
}

/* Length of what at the start of `s` may be shown as it is; 0 when its first byte may not. */
static size_t plain_len(struct span s, bool utf8_ok)
{
	uint8_t c = s.p[0];
	size_t n;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
	n = utf8_ok ? text_utf8_len(s) : 0;
	return n && !text_is_format(span_make(s.p, n)) ? n : 0;
}

static void quote_byte(struct buf *out, uint8_t c)
{
	static const char from[] = "\a\b\t\n\v\f\r\"\\", to[] = "abtnvfr\"\\";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", to[at - from]);
	else
		buf_printf(out, "\\%03o", c);
}

static bool is_plain(struct span raw, bool utf8_ok)
{
	for (size_t i = 0, n; i < raw.n; i += n) {
		n = plain_len(span_make(raw.p + i, raw.n - i), utf8_ok);
		if (n == 0)
			return false;
	}
	return true;
}

void text_quote(struct buf *out, struct span raw, bool utf8_ok)
{
	size_t n;

	if (is_plain(raw, utf8_ok)) {
		buf_add_span(out, raw);
		return;
	}
	buf_u8(out, '"');
	for (size_t i = 0; i < raw.n; i += n) {
		n = plain_len(span_make(raw.p + i, raw.n - i), utf8_ok);
		if (n) {
			buf_add(out, raw.p + i, n);
		} else {
			quote_byte(out, raw.p[i]);
			n = 1;
		}
	}
	buf_u8(out, '"');
}

int text_refuse(int code, struct span raw, const char *why)
{
	BUF struct buf shown = {0};
	bool cut = raw.n > 80;

	text_quote(&shown, span_make(raw.p, cut ? 80 : raw.n), false);
	return err_set(code, "%s%s: %s", raw.n ? buf_text(&shown) : "\"\"", cut ? "..." : "", why);
}

void text_hex(struct buf *out, struct span raw)
{
	static const char digits[] = "0123456789abcdef";

	if (buf_reserve(out, raw.n * 2))
		return;
	for (size_t i = 0; i < raw.n; i++) {
		buf_u8(out, (uint8_t)digits[raw.p[i] >> 4]);
		buf_u8(out, (uint8_t)digits[raw.p[i] & 15]);
	}
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_unhex(struct span hex, uint8_t *out, size_t n)
{
	if (hex.n != n * 2)
		return err_set(-EINVAL, "%zu hex digits where %zu belong", hex.n, n * 2);
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(hex.p[2 * i]), lo = hex_digit(hex.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return text_refuse(-EINVAL, hex, "not a hex number");
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_b64(struct buf *out, struct span raw)
{
	for (size_t i = 0; i < raw.n; i += 3) {
		size_t left = raw.n - i;
		uint32_t v = (uint32_t)raw.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)raw.p[i + 1] << 8;
		if (left > 2)
			v |= raw.p[i + 2];
		buf_u8(out, (uint8_t)b64_digits[v >> 18]);
		buf_u8(out, (uint8_t)b64_digits[v >> 12 & 63]);
		buf_u8(out, left > 1 ? (uint8_t)b64_digits[v >> 6 & 63] : '=');
		buf_u8(out, left > 2 ? (uint8_t)b64_digits[v & 63] : '=');
	}
}

/* Four digits, of which the last `pad` are '='; false when the bits that fall off are not zero. */
static bool unb64_quad(const uint8_t *p, size_t pad, struct buf *out)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *at = i < 4 - pad && p[i] ? strchr(b64_digits, p[i]) : NULL;

		if (i < 4 - pad && !at)
			return false;
		v = v << 6 | (at ? (uint32_t)(at - b64_digits) : 0);
	}
	if (v & ((1u << 8 * pad) - 1))
		return false;
	for (size_t i = 0; i < 3 - pad; i++)
		buf_u8(out, (uint8_t)(v >> (16 - 8 * i)));
	return true;
}

int text_unb64(struct span b64, struct buf *out)
{
	if (b64.n % 4)
		return err_set(-EINVAL, "base64 of %zu characters is cut short", b64.n);
	for (size_t i = 0; i < b64.n; i += 4) {
		size_t pad = 0;

		if (i + 4 == b64.n)
			pad = (b64.p[i + 3] == '=') + (b64.p[i + 3] == '=' && b64.p[i + 2] == '=');
		if (!unb64_quad(b64.p + i, pad, out))
			return err_set(-EINVAL, "not base64 at character %zu", i);
	}
	return buf_err(out);
}

static bool url_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void text_url_encode(struct buf *out, struct span raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		if (url_plain(raw.p[i]))
			buf_u8(out, raw.p[i]);
		else
			buf_printf(out, "%%%02X", raw.p[i]);
	}
}

int text_url_decode(struct span enc, bool plus_is_space, struct buf *out)
{
	for (size_t i = 0; i < enc.n; i++) {
		uint8_t c = enc.p[i];

		if (c == '%') {
			if (enc.n - i < 3 || text_unhex(span_make(enc.p + i + 1, 2), &c, 1))
				return text_refuse(-EINVAL, enc, "a broken % escape");
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == 0)
			return text_refuse(-EINVAL, enc, "a NUL byte");
		buf_u8(out, c);
	}
	return buf_err(out);
}

int text_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret)
{
	bool over = false;
	uint64_t v = 0;

	if (s.n == 0)
		return text_refuse(-EINVAL, s, "not a number");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return text_refuse(-EINVAL, s, "not a whole decimal number");
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v);
	}
	if (over || v < min || v > max)
		return err_set(-ERANGE, "%.*s is not between %llu and %llu",
			s.n > 40 ? 40 : (int)s.n, (const char *)s.p, (unsigned long long)min,
			(unsigned long long)max);
	*ret = v;
	return 0;
}

static int unit_shift(uint8_t c)
{
	static const char units[] = "kmgt";
	const char *at = c ? strchr(units, c | 0x20) : NULL;

	return at && *at ? 10 * (int)(at - units + 1) : -1;
}

int text_size(struct span s, uint64_t *ret)
{
	struct span digits = s;
	uint64_t v;
	int r, shift = 0;

	if (digits.n > 3 && digits.p[digits.n - 2] == 'i' && digits.p[digits.n - 1] == 'B' &&
		unit_shift(digits.p[digits.n - 3]) > 0)
		digits.n -= 2;
	if (digits.n > 1 && unit_shift(digits.p[digits.n - 1]) > 0)
		shift = unit_shift(digits.p[--digits.n]);
	r = text_u64(digits, 0, UINT64_MAX >> shift, &v);
	if (r == -ERANGE)
		return text_refuse(r, s, "too large a size");
	if (r)
		return text_refuse(r, s, "not a size such as 512, 64k, 10M or 2GiB");
	*ret = v << shift;
	return 0;
}

void text_bare_url(struct buf *out, struct span url)
{
	size_t scheme = span_starts(url, span_of("https://"))  ? 8
			: span_starts(url, span_of("http://")) ? 7
							       : 0;
	size_t end = scheme, host = scheme;

	if (!scheme) {
		buf_add_span(out, url);
		return;
	}
	while (end < url.n && !strchr("/?#", url.p[end]))
		if (url.p[end++] == '@')
			host = end;
	buf_add(out, url.p, scheme);
	if (host > scheme)
		buf_add_text(out, TEXT_LEFT_OUT "@");
	buf_add(out, url.p + host, end - host);
	if (end + 1 < url.n || (end < url.n && url.p[end] != '/'))
		buf_add_text(out, "/" TEXT_LEFT_OUT);
}
