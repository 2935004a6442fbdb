/*
 * A line is one flat object: members are texts, numbers or null, in any order; nothing is nested. So it is scanned once, byte
 * by byte, without a tree. Texts without escapes, which is nearly all, are read where they lie.
 */
#include "image/tarsplit.h"
#include "base/err.h"
#include "base/text.h"

struct tarsplit {
	struct buf line; /* one that did not come in a piece */
	bool line_used;	 /* by the item that is out */
	struct buf name, bytes;
	uint64_t n; /* lines */
};

int tarsplit_new(struct tarsplit **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : err_set(-ENOMEM, "no memory to read a tar-split");
}

void tarsplit_free(struct tarsplit *t)
{
	if (!t)
		return;
	buf_free(&t->line);
	buf_free(&t->name);
	buf_free(&t->bytes);
	free(t);
}

static int bad(const struct tarsplit *t, const char *what)
{
	return err_set(-EBADMSG, "tar-split: line %llu: %s", (unsigned long long)t->n, what);
}

/* A member's value: one of three. */
struct value {
	enum { V_NULL, V_NUMBER, V_TEXT } kind;
	struct span raw; /* between the quotes; of a number its digits */
	bool escaped;
};
struct scan {
	const uint8_t *p, *end;
};

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static bool is(struct scan *s, char c)
{
	blanks(s);
	if (s->p == s->end || *s->p != (uint8_t)c)
		return false;
	s->p++;
	return true;
}

/* At the byte after the opening quote. */
static bool text(struct scan *s, struct value *v)
{
	const uint8_t *from = s->p, *quote = from;

	v->kind = V_TEXT;
	v->escaped = false;
	for (;;) {
		quote = memchr(quote, '"', (size_t)(s->end - quote));
		if (!quote)
			return false;
		const uint8_t *back = quote;

		while (back > from && back[-1] == '\\')
			back--;
		if ((quote - back) % 2 == 0)
			break;
		quote++;
	}
	v->raw = span_make(from, (size_t)(quote - from));
	v->escaped = memchr(from, '\\', v->raw.n) != NULL;
	s->p = quote + 1;
	return true;
}

static bool value(struct scan *s, struct value *v)
{
	const uint8_t *from;

	if (is(s, '"'))
		return text(s, v);
	from = s->p;
	if (s->end - s->p >= 4 && memcmp(s->p, "null", 4) == 0) {
		s->p += 4;
		*v = (struct value){.kind = V_NULL};
		return true;
	}
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	*v = (struct value){.kind = V_NUMBER, .raw = span_make(from, (size_t)(s->p - from))};
	return v->raw.n > 0;
}

static int hex4(const uint8_t *p, const uint8_t *end, uint32_t *ret)
{
	uint8_t two[2];

	if (end - p < 4 || text_unhex(span_make(p, 4), two, 2) < 0)
		return -EBADMSG;
	*ret = (uint32_t)two[0] << 8 | two[1];
	return 0;
}

static void utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_u8(out, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		buf_u8(out, (uint8_t)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_u8(out, (uint8_t)(0xe0 | c >> 12));
		buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_u8(out, (uint8_t)(0xf0 | c >> 18));
		buf_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* "\uXXXX", two of them for what is beyond 16 bits. Returns where it ends, NULL: it is none. */
static const uint8_t *unescape_u(const uint8_t *p, const uint8_t *end, struct buf *out)
{
	uint32_t c, low;

	if (hex4(p, end, &c) < 0 || c == 0 || (c >= 0xdc00 && c < 0xe000))
		return NULL;
	p += 4;
	if (c >= 0xd800 && c < 0xdc00) {
		if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || hex4(p + 2, end, &low) < 0 ||
			low < 0xdc00 || low >= 0xe000)
			return NULL;
		c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
		p += 6;
	}
	utf8(out, c);
	return p;
}

static bool unescape(struct span raw, struct buf *out)
{
	static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
	const uint8_t *p = raw.p, *end = raw.p + raw.n;

	while (p && p < end) {
		const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
		const char *which;

		buf_add(out, p, (size_t)((slash ? slash : end) - p));
		if (!slash)
			return true;
		if (slash + 1 == end)
			return false;
		p = slash + 2;
		if (slash[1] == 'u') {
			p = unescape_u(p, end, out);
			continue;
		}
		which = memchr(FROM, slash[1], strlen(FROM));
		if (!which)
			return false;
		buf_u8(out, (uint8_t)TO[which - FROM]);
	}
	return p != NULL;
}

struct line {
	uint64_t type, size;
	struct value name, name_raw, payload;
};

static bool keep_number(const struct value *v, uint64_t *ret)
{
	return v->kind == V_NUMBER && text_u64(v->raw, 0, INT64_MAX, ret) == 0;
}

static bool keep(struct line *l, struct span key, const struct value *v)
{
	if (span_is(key, "type"))
		return keep_number(v, &l->type);
	if (span_is(key, "size"))
		return keep_number(v, &l->size);
	if (span_is(key, "name"))
		l->name = *v;
	else if (span_is(key, "name_raw"))
		l->name_raw = *v;
	else if (span_is(key, "payload"))
		l->payload = *v;
	return true;
}

static bool members(struct scan *s, struct line *l)
{
	struct value key, v;

	if (!is(s, '{'))
		return false;
	do {
		if (!is(s, '"') || !text(s, &key) || !is(s, ':') || !value(s, &v) ||
			!keep(l, key.raw, &v))
			return false;
	} while (is(s, ','));
	if (!is(s, '}'))
		return false;
	blanks(s);
	return s->p == s->end;
}

enum { ZEROS = 64 }; /* characters; of 48 bytes */

/* How many characters at `from` stand for nothing but zeros: padding, and the empty fields of headers. */
static size_t zeros(const uint8_t *from, size_t n)
{
	static const char A[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	size_t at = 0;

	while (n - at >= ZEROS && memcmp(from + at, A, ZEROS) == 0)
		at += ZEROS;
	return at;
}

/* Four characters by a table. False: not all of them are digits. */
static bool quad(const uint8_t *value_of, const uint8_t *c, uint8_t *to)
{
	uint32_t v[4] = {value_of[c[0]], value_of[c[1]], value_of[c[2]], value_of[c[3]]};
	uint32_t all = v[0] << 18 | v[1] << 12 | v[2] << 6 | v[3];

	to[0] = (uint8_t)(all >> 16);
	to[1] = (uint8_t)(all >> 8);
	to[2] = (uint8_t)all;
	return !((v[0] | v[1] | v[2] | v[3]) & 0x80);
}

/* All but the last four characters by a table; whatever is wrong and what is left is text_unb64()'s to say. */
static int unb64_text(struct span b64, struct buf *out)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t value_of[256], *to;
	size_t most = b64.n >= 4 ? (b64.n / 4 - 1) * 4 : 0, i = 0;

	if (most < 256)
		return text_unb64(b64, out);
	memset(value_of, 0xff, sizeof(value_of));
	for (i = 0; i < 64; i++)
		value_of[(uint8_t)DIGITS[i]] = (uint8_t)i;
	if (buf_reserve(out, most / 4 * 3) < 0)
		return -ENOMEM;
	to = out->p + out->n;
	for (i = 0; i < most;) {
		size_t n = b64.p[i] == 'A' ? zeros(b64.p + i, most - i) : 0;

		memset(to, 0, n / 4 * 3);
		to += n / 4 * 3;
		i += n;
		if (i < most && !quad(value_of, b64.p + i, to))
			break;
		to += i < most ? 3 : 0;
		i += i < most ? 4 : 0;
	}
	out->n = (size_t)(to - out->p);
	return text_unb64(span_make(b64.p + i, b64.n - i), out);
}

static int unb64(struct tarsplit *t, const struct value *v, struct buf *out)
{
	buf_reset(out);
	if (v->kind == V_NULL)
		return 0;
	if (v->kind != V_TEXT)
		return bad(t, "a number where bytes belong");
	if (v->escaped) {
		BUF struct buf plain = {0};

		if (!unescape(v->raw, &plain) || text_unb64(buf_span(&plain), out) < 0)
			return bad(t, "bytes that are no base64");
		return buf_err(out);
	}
	if (unb64_text(v->raw, out) < 0)
		return bad(t, "bytes that are no base64");
	return buf_err(out);
}

static int name_of(struct tarsplit *t, const struct line *l, struct tarsplit_item *ret)
{
	if (l->name_raw.kind == V_TEXT) {
		int r = unb64(t, &l->name_raw, &t->name);

		ret->name = buf_span(&t->name);
		return r;
	}
	if (l->name.kind != V_TEXT)
		return bad(t, "a file without a name");
	ret->name = l->name.raw;
	if (!l->name.escaped)
		return 0;
	buf_reset(&t->name);
	if (!unescape(l->name.raw, &t->name))
		return bad(t, "a name with a broken escape");
	ret->name = buf_span(&t->name);
	return buf_err(&t->name);
}

static int item_of(struct tarsplit *t, const struct line *l, struct tarsplit_item *ret)
{
	int r = unb64(t, &l->payload, &t->bytes);
	struct rd crc = rd_of(buf_span(&t->bytes));

	if (r < 0)
		return r;
	if (l->type == 2) {
		ret->bytes = buf_span(&t->bytes);
		ret->size = t->bytes.n;
		return 0;
	}
	if (l->type != 1)
		return bad(t, "neither a file nor bytes");
	ret->file = true;
	ret->size = l->size;
	ret->has_crc = t->bytes.n == 8;
	ret->crc = ret->has_crc ? rd_be64(&crc) : 0;
	if (t->bytes.n && t->bytes.n != 8)
		return bad(t, "a checksum that is none");
	return name_of(t, l, ret);
}

static int parse(struct tarsplit *t, struct span line, struct tarsplit_item *ret)
{
	struct scan s = {line.p, line.p + line.n};
	struct line l = {0};

	*ret = (struct tarsplit_item){0};
	if (!members(&s, &l))
		return bad(t, "it is not as it should be");
	return item_of(t, &l, ret);
}

int tarsplit_step(struct tarsplit *t, struct span *in, struct tarsplit_item *ret)
{
	const uint8_t *nl = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n = nl ? (size_t)(nl - in->p) : in->n;
	struct span line = span_make(in->p, n);

	if (t->line_used)
		buf_reset(&t->line);
	t->line_used = false;
	if (t->line.n + n > TARSPLIT_LINE_MAX)
		return bad(t, "it is too long");
	if (!nl || t->line.n)
		buf_add_span(&t->line, line);
	if (t->line.err)
		return buf_err(&t->line);
	*in = span_make(in->p + n + (nl != NULL), in->n - n - (nl != NULL));
	if (!nl)
		return TARSPLIT_MORE;
	if (t->line.n) {
		line = buf_span(&t->line);
		t->line_used = true;
	}
	t->n++;
	return parse(t, line, ret) < 0 ? -EBADMSG : TARSPLIT_ITEM;
}

int tarsplit_end(const struct tarsplit *t)
{
	return t->line.n && !t->line_used ? err_set(-EBADMSG, "tar-split: it is cut off") : 0;
}
