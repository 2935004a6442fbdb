/*
 * CEF: a header of seven fields with pipes, then key=value pairs apart by blanks.
 *
 * Header: backslash and pipe are escaped. Values: backslash and equals sign are escaped, a newline is
 * \n; so no name can begin another key, which is a blank, a word and a bare equals sign. Only keys
 * of the dictionary are used: an invented one cannot be searched for. Other controls and what is
 * not UTF-8 become \xNN (their backslash escaped), and so do blanks at a value's ends, which
 * readers strip.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "base/clock.h"

enum { VALUE_MAX = 1023, SAY_MAX = 1023 };
/* Not a key of ours: CEF has no word for it. */
static const char truncated[] = " flexNumber1Label=truncated flexNumber1=1";

/* Lengths of the dictionary where they are not VALUE_MAX. externalId has 40 there; ours has 64,
 * since a dedupe key is whole or it is none. */
static const struct {
	const char *key;
	size_t max;
} limits[] = {{"act", 63}, {"fileHash", 255}, {"oldFileHash", 255}, {"cs1", 4000}, {"cs2", 4000},
	{"cs3", 4000}, {"cs4", 4000}, {"cs5", 4000}, {"cs6", 4000}};

static size_t limit_of(const char *key, size_t n)
{
	for (size_t i = 0; i < COUNTOF(limits); i++) {
		if (span_eq(span_make(key, n), span_of(limits[i].key)))
			return limits[i].max;
	}
	return VALUE_MAX;
}

static void add_header(struct buf *out, const char *s)
{
	BUF struct buf visible = {.p = NULL};

	facts_visible(&visible, span_of(s));
	for (size_t i = 0; i < visible.n; i++) {
		if (visible.p[i] == '\\' || visible.p[i] == '|')
			buf_u8(out, '\\');
		buf_u8(out, visible.p[i]);
	}
	buf_u8(out, '|');
}

/* Visible text, but for line ends, for which CEF has its own words. */
static void make_visible(struct buf *visible, struct span raw)
{
	size_t from = 0, end = raw.n;

	if (end > 0 && raw.p[end - 1] == ' ')
		end--;
	if (end > 0 && raw.p[0] == ' ') {
		buf_add_text(visible, "\\x20");
		from = 1;
	}
	for (size_t i = from; i < end; i++) {
		if (raw.p[i] != '\n' && raw.p[i] != '\r')
			continue;
		facts_visible(visible, span_make(raw.p + from, i - from));
		buf_u8(visible, raw.p[i]);
		from = i + 1;
	}
	if (from < end)
		facts_visible(visible, span_make(raw.p + from, end - from));
	if (end < raw.n)
		buf_add_text(visible, "\\x20");
}

/* Not inside of a \xNN either. */
static struct span cut_visible(struct span s, size_t max)
{
	struct span kept = facts_cut(s, max);

	for (size_t back = 1; kept.n < s.n && back <= 3 && back <= kept.n; back++) {
		if (kept.p[kept.n - back] == '\\' &&
			(back == 1 || kept.p[kept.n - back + 1] == 'x'))
			return span_make(kept.p, kept.n - back);
	}
	return kept;
}

static void add_escaped(struct buf *out, struct span visible)
{
	for (size_t i = 0; i < visible.n; i++) {
		uint8_t c = visible.p[i];

		if (c == '\n' || c == '\r') {
			buf_add_text(out, c == '\n' ? "\\n" : "\\r");
			continue;
		}
		if (c == '\\' || c == '=')
			buf_u8(out, '\\');
		buf_u8(out, c);
	}
}

/* "cs1:label" -> " cs1Label=label cs1=value". True when the value had to be cut. */
static bool make_pair(
	const char *name, const struct value *v, struct buf *visible, struct buf *pair)
{
	const char *label = strchr(name, ':');
	size_t n = label ? (size_t)(label - name) : strlen(name);
	struct span kept;

	buf_reset(pair);
	if (label)
		buf_printf(pair, " %.*sLabel=%s", (int)n, name, label + 1);
	buf_u8(pair, ' ');
	buf_add(pair, name, n);
	buf_u8(pair, '=');
	if (v->is_number) {
		buf_int(pair, v->number);
		return false;
	}
	buf_reset(visible);
	make_visible(visible, v->text);
	kept = cut_visible(buf_span(visible), limit_of(name, n));
	add_escaped(pair, kept);
	return kept.n < visible->n;
}

static bool add_pairs(const struct facts *f, size_t room, struct buf *out)
{
	BUF struct buf scratch = {.p = NULL}, visible = {.p = NULL}, pair = {.p = NULL};
	struct field_step s = {.next = 0};
	bool cut = false;

	while (field_next(&s, f, FLAT_CEF, &scratch)) {
		cut |= make_pair(s.name, &s.value, &visible, &pair);
		if (out->n + pair.n > room && s.field >= fields + FIELDS_FLOOR)
			cut = true;
		else
			buf_add_span(out, buf_span(&pair));
	}
	return cut;
}

static void add_host(const struct facts *f, struct buf *out)
{
	const struct value host = {.text = facts_cut(f->host, 100)};
	BUF struct buf visible = {.p = NULL}, pair = {.p = NULL};

	make_pair("dvchost", &host, &visible, &pair);
	if (f->host.n > 0)
		buf_add_span(out, buf_span(&pair));
}

/* Visible text already. */
static void add_msg(struct buf *out, struct span sentence)
{
	buf_add_text(out, " msg=");
	add_escaped(out, sentence);
}

int format_cef(const struct facts *f, const struct format_options *o, struct buf *out)
{
	BUF struct buf said = {.p = NULL}, msg = {.p = NULL};
	size_t end = o->max ? out->n + o->max : SIZE_MAX, tail, room;
	struct span sentence;
	bool cut;

	facts_say(f, &said);
	sentence =
		cut_visible(buf_span(&said), o->max && o->max / 4 < SAY_MAX ? o->max / 4 : SAY_MAX);
	add_msg(&msg, sentence);
	tail = msg.n + sizeof(truncated);
	room = end > tail ? end - tail : 0;
	buf_add_text(out, "CEF:0|boltseal|boltseal|");
	add_header(out, o->version);
	add_header(out, f->shape->id);
	add_header(out, f->shape->name);
	buf_printf(
		out, "%u|rt=%lld", severity_rows[f->severity].cef, (long long)(f->time / CLOCK_MS));
	add_host(f, out);
	cut = add_pairs(f, room, out) || sentence.n < said.n || out->n > room;
	if (out->n <= room)
		buf_add_span(out, buf_span(&msg));
	buf_add_text(out, cut ? truncated : "");
	return 0;
}
