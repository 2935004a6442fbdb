/*
 * RFC 5424: header, structured data, a sentence.
 *
 * A value's bytes are made visible first (what is no printable UTF-8 becomes \xNN), then escaped as
 * the RFC says: a backslash before `"`, `\` and `]`. Names of our parameters are lower-case with
 * underscores, since rsyslog lower-cases names. No BOM before the sentence: receivers keep it as a
 * letter.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "base/clock.h"

enum { HOST_MAX = 255, SAY_MAX = 1024, FACILITY_MAX = 23 };
static const char truncated[] = " truncated=\"1\"";

/* A header's word: printable ASCII without blanks; "-" where there is none. */
static void add_word(struct buf *out, struct span s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	if (n == 0)
		buf_u8(out, '-');
	for (size_t i = 0; i < n; i++)
		buf_u8(out, s.p[i] > 0x20 && s.p[i] < 0x7f ? s.p[i] : '_');
	buf_u8(out, ' ');
}

static void add_escaped(struct buf *out, struct span visible)
{
	size_t from = 0;

	for (size_t i = 0; i < visible.n; i++) {
		uint8_t c = visible.p[i];

		if (c != '"' && c != '\\' && c != ']')
			continue;
		buf_add(out, visible.p + from, i - from);
		buf_u8(out, '\\');
		from = i;
	}
	buf_add(out, visible.p + from, visible.n - from);
}

/* 26 characters and Z: the RFC has no room for more than six digits of a second. */
static void add_time(struct buf *out, int64_t wall)
{
	size_t from = out->n;

	clock_format(out, wall);
	if (!buf_err(out))
		out->n = from + 26;
	buf_add_text(out, "Z ");
}

static void add_header(const struct facts *f, const struct format_options *o, struct buf *out)
{
	unsigned facility = o->facility <= FACILITY_MAX ? o->facility : FACILITY_MAX;

	buf_printf(out, "<%u>1 ", facility * 8 + severity_rows[f->severity].syslog);
	add_time(out, f->time);
	add_word(out, f->host, HOST_MAX);
	buf_add_text(out, "boltseal ");
	if (o->pid)
		buf_printf(out, "%u ", o->pid);
	else
		buf_add_text(out, "- ");
	buf_printf(out, "%s ", f->shape->id);
}

/* sequenceId begins again with 1 after 2147483647. */
static void add_standard(const struct facts *f, const struct format_options *o, struct buf *out)
{
	buf_printf(out, "[origin software=\"boltseal\" swVersion=\"");
	add_escaped(out, span_of(o->version));
	buf_printf(out, "\" enterpriseId=\"%u\"]", o->enterprise);
	buf_printf(out, "[meta sequenceId=\"%u\"]", (unsigned)((f->seq - 1) % INT32_MAX + 1));
	buf_printf(out, "[timeQuality tzKnown=\"1\"][boltseal@%u", o->enterprise);
}

static void make_param(const struct field_step *s, struct buf *visible, struct buf *param)
{
	buf_reset(param);
	buf_u8(param, ' ');
	buf_add_text(param, s->name);
	buf_add(param, "=\"", 2);
	if (s->value.is_number) {
		buf_int(param, s->value.number);
		buf_u8(param, '"');
		return;
	}
	buf_reset(visible);
	facts_visible(visible, s->value.text);
	add_escaped(param, buf_span(visible));
	buf_u8(param, '"');
}

/* Rows as long as there is room for the next and what must follow; the first few always. */
static bool add_params(const struct facts *f, size_t room, struct buf *out)
{
	BUF struct buf scratch = {.p = NULL}, visible = {.p = NULL}, param = {.p = NULL};
	struct field_step s = {.next = 0};
	bool cut = false;

	while (field_next(&s, f, FLAT_RFC5424, &scratch)) {
		make_param(&s, &visible, &param);
		if (out->n + param.n > room && s.field >= fields + FIELDS_FLOOR)
			cut = true;
		else
			buf_add_span(out, buf_span(&param));
	}
	return cut;
}

int format_rfc5424(const struct facts *f, const struct format_options *o, struct buf *out)
{
	BUF struct buf said = {.p = NULL};
	size_t end = o->max ? out->n + o->max : SIZE_MAX, tail, room;
	struct span sentence;
	bool cut;

	facts_say(f, &said);
	sentence =
		facts_cut(buf_span(&said), o->max && o->max / 4 < SAY_MAX ? o->max / 4 : SAY_MAX);
	tail = sizeof(truncated) + 2 + sentence.n; /* and "] " */
	room = end > tail ? end - tail : 0;
	add_header(f, o, out);
	add_standard(f, o, out);
	cut = add_params(f, room, out) || sentence.n < said.n;
	if (out->n > room) {
		cut = true;
		sentence.n = 0;
	}
	buf_add_text(out, cut ? truncated : "");
	buf_u8(out, ']');
	if (sentence.n > 0)
		buf_u8(out, ' ');
	buf_add_span(out, sentence);
	return 0;
}
