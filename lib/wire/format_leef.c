/*
 * LEEF 2.0: a header of six fields with pipes, then key=value pairs apart by tabs.
 *
 * It has no escapes at all. Values are visible text, in which a tab, a newline and every other
 * control is replaced by \xNN, so none can begin a pair or a line; a pipe in the header becomes an
 * underscore. The EventID is one of a small set, since QRadar maps each by hand.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "base/clock.h"

enum { SAY_MAX = 1024 };
static const char truncated[] = "\ttruncated=1";

static void add_header(struct buf *out, const char *s)
{
	for (; *s; s++)
		buf_u8(out, *s > 0x20 && *s < 0x7f && *s != '|' ? (uint8_t)*s : '_');
	buf_u8(out, '|');
}

/* Readers strip blanks from a value's ends. */
static void add_value(struct buf *out, struct span raw)
{
	bool first = raw.n > 0 && raw.p[0] == ' ', last = raw.n > 1 && raw.p[raw.n - 1] == ' ';

	if (first)
		buf_add_text(out, "\\x20");
	facts_visible(out, span_make(raw.p + first, raw.n - first - last));
	if (last)
		buf_add_text(out, "\\x20");
}

static void make_pair(const char *name, const struct value *v, struct buf *pair)
{
	buf_reset(pair);
	buf_u8(pair, '\t');
	buf_add_text(pair, name);
	buf_u8(pair, '=');
	if (v->is_number)
		buf_int(pair, v->number);
	else
		add_value(pair, v->text);
}

static bool add_pairs(const struct facts *f, size_t room, struct buf *out)
{
	BUF struct buf scratch = {.p = NULL}, pair = {.p = NULL};
	struct field_step s = {.next = 0};
	bool cut = false;

	while (field_next(&s, f, FLAT_LEEF, &scratch)) {
		make_pair(s.name, &s.value, &pair);
		if (out->n + pair.n > room && s.field >= fields + FIELDS_FLOOR)
			cut = true;
		else
			buf_add_span(out, buf_span(&pair));
	}
	return cut;
}

/* devTime in milliseconds since the epoch needs no devTimeFormat. */
static void add_head(const struct facts *f, const struct format_options *o, struct buf *out)
{
	struct span host = facts_cut(f->host, 255);

	buf_add_text(out, "LEEF:2.0|boltseal|boltseal|");
	add_header(out, o->version);
	add_header(out, f->shape->id);
	buf_printf(out, "x09|devTime=%lld\tsev=%u\tcat=%s", (long long)(f->time / CLOCK_MS),
		severity_rows[f->severity].leef, f->shape->ecs_category);
	if (host.n > 0) {
		buf_add_text(out, "\tidentHostName=");
		add_value(out, host);
	}
}

int format_leef(const struct facts *f, const struct format_options *o, struct buf *out)
{
	BUF struct buf said = {.p = NULL};
	size_t end = o->max ? out->n + o->max : SIZE_MAX, tail, room;
	struct span sentence;
	bool cut;

	facts_say(f, &said);
	sentence =
		facts_cut(buf_span(&said), o->max && o->max / 4 < SAY_MAX ? o->max / 4 : SAY_MAX);
	tail = sizeof("\tmsg=") + sentence.n + sizeof(truncated);
	room = end > tail ? end - tail : 0;
	add_head(f, o, out);
	cut = add_pairs(f, room, out) || sentence.n < said.n || out->n > room;
	if (out->n <= room) {
		buf_add_text(out, "\tmsg="); /* visible text already */
		buf_add_span(out, sentence);
	}
	buf_add_text(out, cut ? truncated : "");
	return 0;
}
