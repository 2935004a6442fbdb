/*
 * The reader of JSON texts, RFC 8259 to the letter and a little stricter: a name that comes twice
 * could be read two ways by two readers. tests/fuzz/jnode.c holds it against jansson.
 */
#include "wire/jnode.h"
#include "base/err.h"
#include "base/text.h"

struct reader {
	const uint8_t *start, *at, *end;
	struct arena *mem;
};

static int bad(const struct reader *r, const char *why)
{
	return err_set(-EBADMSG, "byte %zu: %s", (size_t)(r->at - r->start), why);
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool next_is(struct reader *r, uint8_t c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* ---- texts ---- */

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits at `p`; -1: they are not. */
static int32_t unit_at(const uint8_t *p, const uint8_t *end)
{
	int32_t unit = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_of(p[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* What "\u" at r->at stands for, read past; -1: nothing that UTF-8 could say. */
static int32_t read_code(struct reader *r)
{
	const uint8_t *p = r->at;
	int32_t high = unit_at(p + 2, r->end), low;

	if (high >= 0 && (high < 0xd800 || high > 0xdfff)) {
		r->at += 6;
		return high;
	}
	if (high < 0 || high > 0xdbff || r->end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return -1;
	low = unit_at(p + 8, r->end);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	r->at += 12;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_code(uint8_t *to, uint32_t code)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		to[i] = (uint8_t)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	to[0] = (uint8_t)(n == 1 ? code : lead[n] | code);
	return n;
}

/* The escape at r->at, read past, to `to`; 0: it is none. */
static size_t read_escape(struct reader *r, uint8_t *to)
{
	static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *known;
	int32_t code;

	if (r->end - r->at < 2)
		return 0;
	if (r->at[1] == 'u') {
		code = read_code(r);
		return code < 0 ? 0 : put_code(to, (uint32_t)code);
	}
	known = r->at[1] ? strchr(from, r->at[1]) : NULL;
	if (!known)
		return 0;
	r->at += 2;
	to[0] = (uint8_t)means[known - from];
	return 1;
}

/* Up to the next byte that is not simply itself. */
static void skip_plain(struct reader *r)
{
	const uint8_t *p = r->at;

	while (p < r->end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	r->at = p;
}

/* One that has escapes, or may have: `from` is its first byte, all up to r->at was plain. What it
 * stands for is never longer than what it is. */
static int read_escaped(struct reader *r, const uint8_t *from, struct span *ret)
{
	const uint8_t *end = r->at;
	uint8_t *to;
	size_t n = 0, k;

	while (end < r->end && *end != '"')
		end += *end == '\\' && r->end - end > 1 ? 2 : 1;
	to = arena_alloc(r->mem, (size_t)(end - from) + 1);
	for (r->at = from; r->at < r->end && *r->at != '"'; n += k) {
		const uint8_t *here = r->at;

		skip_plain(r);
		k = (size_t)(r->at - here);
		memcpy(to + n, here, k);
		if (k > 0)
			continue;
		if (*r->at == '\\') {
			k = read_escape(r, to + n);
		} else {
			k = *r->at < 0x20
				    ? 0
				    : text_utf8_len(span_make(r->at, (size_t)(r->end - r->at)));
			memcpy(to + n, here, k);
			r->at += k;
		}
		if (k == 0)
			return bad(r, *here < 0x20    ? "a control byte in a text"
				      : *here == '\\' ? "an escape that is none"
						      : "a text that is not UTF-8");
	}
	*ret = span_make(to, n);
	return next_is(r, '"') ? 0 : bad(r, "a text without an end");
}

/* Behind its first quote. */
static int read_text(struct reader *r, struct span *ret)
{
	const uint8_t *from = r->at;
	size_t k;

	for (;;) {
		skip_plain(r);
		if (r->at == r->end)
			return bad(r, "a text without an end");
		if (*r->at == '"')
			break;
		k = *r->at < 0x80 ? 0 : text_utf8_len(span_make(r->at, (size_t)(r->end - r->at)));
		if (k == 0)
			return read_escaped(r, from, ret);
		r->at += k;
	}
	*ret = span_make(from, (size_t)(r->at - from));
	r->at++;
	return 0;
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct reader *r)
{
	const uint8_t *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (size_t)(r->at - from);
}

static bool to_int(const uint8_t *p, const uint8_t *end, int64_t *ret)
{
	bool minus = *p == '-';
	int64_t v = 0;

	for (p += minus; p < end; p++) {
		int digit = *p - '0';

		if (__builtin_mul_overflow(v, 10, &v) ||
			(minus ? __builtin_sub_overflow(v, digit, &v)
			       : __builtin_add_overflow(v, digit, &v)))
			return false;
	}
	*ret = v;
	return true;
}

static int read_number(struct reader *r, struct jnode *v)
{
	const uint8_t *from = r->at;
	size_t digits;
	bool real = false;

	(void)next_is(r, '-');
	if (!next_is(r, '0') && skip_digits(r) == 0)
		return bad(r, "no JSON");
	if (next_is(r, '.')) {
		real = true;
		if (skip_digits(r) == 0)
			return bad(r, "a number without an end");
	}
	if (next_is(r, 'e') || next_is(r, 'E')) {
		real = true;
		if (!next_is(r, '+'))
			(void)next_is(r, '-');
		digits = skip_digits(r);
		if (digits == 0)
			return bad(r, "a number without an end");
	}
	v->kind = real ? JNODE_REAL : JNODE_INT;
	if (real)
		v->text = span_make(from, (size_t)(r->at - from));
	else if (!to_int(from, r->at, &v->number))
		return bad(r, "a number that is too large");
	return 0;
}

static int read_word(struct reader *r, struct jnode *v)
{
	static const struct {
		const char *word;
		enum jnode_kind kind;
	} words[] = {{"true", JNODE_TRUE}, {"false", JNODE_FALSE}, {"null", JNODE_NULL}};
	struct span rest = span_make(r->at, (size_t)(r->end - r->at));

	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (!span_starts(rest, span_of(words[i].word)))
			continue;
		r->at += strlen(words[i].word);
		v->kind = words[i].kind;
		return 0;
	}
	return bad(r, r->at == r->end ? "it ends too soon" : "no JSON");
}

/* ---- lists and objects ---- */

static int read_value(struct reader *r, struct jnode *v, unsigned depth);

static int read_list(struct reader *r, struct jnode *list, unsigned depth)
{
	skip_blanks(r);
	if (next_is(r, ']'))
		return 0;
	for (;;) {
		struct jnode *v = arena_alloc(r->mem, sizeof(*v));
		int e = read_value(r, v, depth);

		if (e < 0)
			return e;
		jnode_append(list, v);
		skip_blanks(r);
		if (next_is(r, ']'))
			return 0;
		if (!next_is(r, ','))
			return bad(r, "a list without an end");
	}
}

static int by_key(const void *a, const void *b)
{
	const struct jnode *const *x = a, *const *y = b;

	return span_cmp((*x)->key, (*y)->key);
}

/* Of names that did not come in order, as ours do. */
static bool has_twins(const struct jnode *object)
{
	FREE const struct jnode **all = calloc(object->n, sizeof(struct jnode *));
	size_t n = 0;

	must(all);
	for (const struct jnode *v = object->below.first; v; v = v->next)
		all[n++] = v;
	qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 1; i < n; i++) {
		if (span_eq(all[i - 1]->key, all[i]->key))
			return true;
	}
	return false;
}

static int read_name(struct reader *r, struct span *ret)
{
	int e;

	skip_blanks(r);
	if (!next_is(r, '"'))
		return bad(r, "an object without a name");
	e = read_text(r, ret);
	if (e < 0)
		return e;
	if (memchr(ret->p, 0, ret->n))
		return bad(r, "a name with a NUL in it");
	skip_blanks(r);
	return next_is(r, ':') ? 0 : bad(r, "a name without a value");
}

static int read_object(struct reader *r, struct jnode *object, unsigned depth)
{
	bool in_order = true;

	skip_blanks(r);
	if (next_is(r, '}'))
		return 0;
	for (;;) {
		struct jnode *v = arena_alloc(r->mem, sizeof(*v)), *last = object->below.last;
		struct span name;
		int e = read_name(r, &name);

		if (e == 0)
			e = read_value(r, v, depth);
		if (e < 0)
			return e;
		in_order = in_order && (!last || span_cmp(last->key, name) < 0);
		jnode_put(object, name, v);
		skip_blanks(r);
		if (next_is(r, '}'))
			break;
		if (!next_is(r, ','))
			return bad(r, "an object without an end");
	}
	return in_order || !has_twins(object) ? 0 : bad(r, "a name that comes twice");
}

/* `v` is all-zero. */
static int read_value(struct reader *r, struct jnode *v, unsigned depth)
{
	uint8_t c;

	skip_blanks(r);
	c = r->at < r->end ? *r->at : 0;
	if (c == '"') {
		r->at++;
		v->kind = JNODE_TEXT;
		return read_text(r, &v->text);
	}
	if (c == '{' || c == '[') {
		if (depth == 0)
			return bad(r, "nested too deeply");
		r->at++;
		v->kind = c == '{' ? JNODE_OBJECT : JNODE_LIST;
		v->mem = r->mem;
		return c == '{' ? read_object(r, v, depth - 1) : read_list(r, v, depth - 1);
	}
	return c == '-' || (c >= '0' && c <= '9') ? read_number(r, v) : read_word(r, v);
}

int jnode_read(struct span text, struct arena *mem, struct jnode **ret)
{
	const uint8_t *p = text.p ? text.p : (const uint8_t *)"";
	struct reader r = {.start = p, .at = p, .end = p + text.n, .mem = mem};
	struct jnode *v = arena_alloc(mem, sizeof(*v));
	int e = read_value(&r, v, JNODE_DEPTH);

	if (e < 0)
		return e;
	skip_blanks(&r);
	if (r.at != r.end)
		return bad(&r, "something follows");
	*ret = v;
	return 0;
}
