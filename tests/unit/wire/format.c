/* Events in the words of each receiver: gold files, what is cut and what never is, what is refused.
 *     build/tests/unit/wire/format --serve    # lines "FORMAT MAX REDACT EVENT" in, messages out
 * tests/gold/format/properties.py reads what it serves with parsers of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "wire/event.h"
#include "wire/facts.h"
#include "wire/format.h"

static const struct format_options plain = {
	.version = "0.1.0", .enterprise = 32473, .facility = 13, .pid = 77};

static void slurp(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char block[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, block, n);
	fclose(f);
}

static bool next_line(struct span *text, struct span *line)
{
	const uint8_t *end = text->n ? memchr(text->p, '\n', text->n) : NULL;

	if (!end)
		return false;
	*line = span_make(text->p, (size_t)(end - text->p));
	*text = span_make(end + 1, text->n - line->n - 1);
	return true;
}

/* What every message of every format is: UTF-8, one line, no control but LEEF's tab. */
static void is_safe(enum format f, struct span message)
{
	assert_true(text_is_utf8(message));
	for (size_t i = 0; i < message.n; i++) {
		uint8_t c = message.p[i];

		assert_true((c >= 0x20 && c != 0x7f) || (c == '\t' && f == FORMAT_LEEF));
	}
}

static void make(enum format f, struct span event, const struct format_options *o, struct buf *out)
{
	buf_reset(out);
	if (format_event(f, event, o, out) < 0)
		fail_msg("%s: %s", format_kinds[f].name, err_why());
	is_safe(f, buf_span(out));
}

/* tests/gold/format/FORMAT has a line for each of tests/gold/format/events. UPDATE=1 writes what
 * is, to be looked at before it is believed. */
static void gold_one(enum format f, struct span events)
{
	BUF struct buf got = {.p = NULL}, want = {.p = NULL}, one = {.p = NULL}, name = {.p = NULL};
	struct span line, left, had;

	while (next_line(&events, &line)) {
		make(f, line, &plain, &one);
		buf_add_span(&got, buf_span(&one));
		buf_u8(&got, '\n');
	}
	buf_printf(&name, "tests/gold/format/%s", format_kinds[f].name);
	if (getenv("UPDATE"))
		assert_int_equal(fd_write_file(buf_text(&name), buf_span(&got), 0644), 0);
	slurp(buf_text(&name), &want);
	left = buf_span(&got);
	had = buf_span(&want);
	for (int i = 1; next_line(&left, &line); i++) {
		struct span w = span_of("");

		next_line(&had, &w);
		if (!span_eq(line, w))
			fail_msg("%s:%d: %.*s", buf_text(&name), i, (int)line.n, line.p);
	}
	assert_int_equal(had.n, 0);
}

static void test_gold(void **state UNUSED)
{
	BUF struct buf events = {.p = NULL};

	slurp("tests/gold/format/events", &events);
	for (int f = 0; f < FORMAT_N; f++)
		gold_one((enum format)f, buf_span(&events));
}

/* The events of the gold files are events, and one of each type is there. */
static void test_gold_is_whole(void **state UNUSED)
{
	BUF struct buf events = {.p = NULL};
	bool seen[EVENT_N] = {false};
	struct span left, line;

	slurp("tests/gold/format/events", &events);
	left = buf_span(&events);
	while (next_line(&left, &line)) {
		uint8_t id[SHA_LEN], prev[SHA_LEN];
		uint64_t seq;
		FACTS struct facts f = {.root = NULL};

		assert_int_equal(event_check(line, &seq, id, prev), 0);
		assert_int_equal(facts_read(line, false, &f), 0);
		seen[f.shape->type] = true;
	}
	for (int i = 0; i < EVENT_N; i++) {
		if (!seen[i])
			fail_msg("no event of type %s", event_kinds[i].name);
	}
}

static bool is_name(const char *s, const char *more)
{
	size_t n = strlen(s);

	for (const char *c = s; *c; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr(more, *c)))
			return false;
	}
	return n > 0 && n <= 32;
}

/* MSGID and SD-NAME have 32 characters; rsyslog lower-cases names. */
static void test_tables(void **state UNUSED)
{
	for (int i = 0; i < EVENT_N; i++) {
		const struct shape *s = shape_find((enum event_type)i, span_of("C"));

		assert_int_equal(s->type, i);
		assert_true(is_name(s->id, ".-"));
		assert_true(strncmp(s->id, event_kinds[i].name, strlen(event_kinds[i].name)) == 0);
	}
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].names[FLAT_RFC5424])
			assert_true(is_name(fields[i].names[FLAT_RFC5424], "_"));
	}
	for (int i = 1; i < SEV_N; i++) {
		const struct severity_row *a = &severity_rows[i - 1], *b = &severity_rows[i];

		assert_true(a->syslog > b->syslog && a->cef < b->cef && a->leef < b->leef &&
			    a->ocsf < b->ocsf && a->otel < b->otel && a->ecs < b->ecs);
	}
	for (size_t i = 0; i < FIELDS_FLOOR; i++)
		assert_non_null(fields[i].names[FLAT_RFC5424]);
	assert_null(strstr(fields[FIELDS_FLOOR].place, "path"));
}

/* Whatever the limit: within it, or as small as it gets; and id, seq and path are there. */
static void cut_one(enum format f, struct span event)
{
	static const size_t limits[] = {1, 300, 480, 700, 1024, 1500, 2048, 4000, 8192, 20000};
	BUF struct buf out = {.p = NULL};
	FACTS struct facts facts = {.root = NULL};
	struct format_options o = plain;
	size_t floor, whole;

	assert_int_equal(facts_read(event, false, &facts), 0);
	make(f, event, &o, &out);
	whole = out.n;
	o.max = 1;
	make(f, event, &o, &out);
	floor = out.n;
	for (size_t i = 0; i < COUNTOF(limits); i++) {
		o.max = limits[i];
		make(f, event, &o, &out);
		if (out.n > o.max && out.n != floor)
			fail_msg("%s: %zu bytes, limit %zu, least %zu: %s", format_kinds[f].name,
				out.n, o.max, floor, buf_text(&out));
		assert_true(o.max < whole + 1400 || out.n == whole);
		assert_non_null(memmem(out.p, out.n, facts.id.p, facts.id.n));
		if (out.n < whole)
			assert_non_null(strstr(buf_text(&out), "truncated"));
	}
}

static void test_cut(void **state UNUSED)
{
	BUF struct buf events = {.p = NULL};
	struct span left, line;

	slurp("tests/gold/format/events", &events);
	left = buf_span(&events);
	while (next_line(&left, &line)) {
		for (int f = 0; f < FORMAT_N; f++)
			cut_one((enum format)f, line);
	}
}

static void test_redact(void **state UNUSED)
{
	static const char *const lines[] = {
		"echo x", "apt-get", "\"cmdline\"", " cmdline=", "one text as it was"};
	BUF struct buf events = {.p = NULL}, out = {.p = NULL};
	struct format_options o = plain;
	struct span left, line;

	o.redact = true;
	slurp("tests/gold/format/events", &events);
	left = buf_span(&events);
	while (next_line(&left, &line)) {
		for (int f = 0; f < FORMAT_N; f++) {
			make((enum format)f, line, &o, &out);
			for (size_t i = 0; i < COUNTOF(lines); i++)
				assert_null(strstr(buf_text(&out), lines[i]));
		}
	}
}

#define ID "0000000000000000000000000000000000000000000000000000000000000000"
#define EVENT(more)                                                                                 \
	"{\"host\":\"h\",\"id\":\"" ID "\",\"schema\":\"boltseal.event/1\",\"seq\":1,"              \
	"\"severity\":\"low\",\"time\":\"2026-01-01T00:00:00.000000000Z\",\"type\":\"canary\"" more \
	"}"

static void test_refused(void **state UNUSED)
{
	static const char *const no[] = {"", "{}", "[]", "1", "{\"schema\":\"boltseal.event/1\"}",
		EVENT(",\"seq\":2"),
		EVENT(""
		      "x"),
		"{\"host\":\"h\",\"id\":\"" ID "\",\"schema\":\"boltseal.event/1\",\"seq\":1,"
		"\"severity\":\"low\",\"time\":\"10m\",\"type\":\"canary\"}",
		"{\"host\":\"h\",\"id\":\"" ID "\",\"schema\":\"boltseal.event/1\",\"seq\":1,"
		"\"severity\":\"odd\",\"time\":\"2026-01-01T00:00:00.000000000Z\",\"type\":"
		"\"canary\"}",
		"{\"host\":\"h\",\"id\":\"" ID "\",\"schema\":\"boltseal.event/1\",\"seq\":-1,"
		"\"severity\":\"low\",\"time\":\"2026-01-01T00:00:00.000000000Z\",\"type\":"
		"\"canary\"}"};
	BUF struct buf out = {.p = NULL};

	for (int f = 0; f < FORMAT_N; f++) {
		for (size_t i = 0; i < COUNTOF(no); i++) {
			assert_int_equal(format_event((enum format)f, span_of(no[i]), &plain, &out),
				-EBADMSG);
			assert_int_equal(out.n, 0);
			assert_non_null(strstr(err_why(), "not an event"));
		}
		make((enum format)f, span_of(EVENT("")), &plain, &out);
		buf_reset(&out);
		/* What is of another type than we write is not there. */
		make((enum format)f,
			span_of(EVENT(",\"actor\":7,\"change\":{\"path\":[1],\"old\":\"x\"},"
				      "\"target\":\"t\",\"rule\":null,\"container\":true")),
			&plain, &out);
		buf_reset(&out);
	}
}

/* It appends: what was there stays, and does not count against the limit. */
static void test_appends(void **state UNUSED)
{
	struct format_options o = plain;

	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf alone = {.p = NULL}, after = {.p = NULL};

		for (int turn = 0; turn < 2; turn++) {
			o.max = turn ? 700 : 0;
			buf_reset(&alone);
			buf_reset(&after);
			buf_add_text(&after, "before");
			assert_int_equal(
				format_event((enum format)f, span_of(EVENT("")), &o, &alone), 0);
			assert_int_equal(
				format_event((enum format)f, span_of(EVENT("")), &o, &after), 0);
			assert_memory_equal(after.p, "before", 6);
			assert_string_equal(buf_text(&after) + 6, buf_text(&alone));
		}
	}
}

static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

/* Bytes of real events turned at random: refused, or as safe as ever. */
static void test_damage(void **state UNUSED)
{
	BUF struct buf events = {.p = NULL}, one = {.p = NULL}, out = {.p = NULL};
	uint32_t x = 2463534242u;
	struct span left, line;
	size_t taken = 0;

	slurp("tests/gold/format/events", &events);
	left = buf_span(&events);
	while (next_line(&left, &line)) {
		for (int i = 0; i < 60; i++) {
			enum format f = (enum format)(next_random(&x) % FORMAT_N);

			buf_reset(&one);
			buf_add_span(&one, line);
			for (uint32_t k = next_random(&x) % 3 + 1; k > 0; k--)
				one.p[next_random(&x) % one.n] = (uint8_t)next_random(&x);
			buf_reset(&out);
			if (format_event(f, buf_span(&one), &plain, &out) < 0)
				continue;
			is_safe(f, buf_span(&out));
			taken++;
		}
	}
	assert_true(taken > 100);
}

/* The tables of boltseal.formats(7), as they must stand there. */
static void print_events(struct buf *out)
{
	for (int i = 0; i < EVENT_N; i++) {
		static const char kinds[] = "ACD";
		const struct shape *s = NULL;

		for (size_t k = 0; k < 3; k++) {
			struct span kind = span_make(&kinds[k], 1);
			const struct shape *next = shape_find((enum event_type)i, kind);

			if (next != s)
				buf_printf(out, "|  %s\n:  %s\n:  %u\n", next->id, next->name,
					next->ocsf_class);
			s = next;
		}
	}
}

/* scdoc takes an underscore for the beginning of emphasis. */
static void print_cell(struct buf *out, char begin, const char *text)
{
	buf_printf(out, "%c  ", begin);
	for (; *text; text++) {
		if (*text == '_')
			buf_u8(out, '\\');
		buf_u8(out, (uint8_t)*text);
	}
	buf_u8(out, '\n');
}

static void print_fields(struct buf *out)
{
	for (size_t i = 0; i < n_fields; i++) {
		print_cell(out, '|', fields[i].place);
		for (size_t c = 0; c < FLAT_N; c++) {
			const char *name = fields[i].names[c];

			print_cell(out, ':', name ? name : "-");
		}
	}
}

static void test_page(void **state UNUSED)
{
	BUF struct buf page = {.p = NULL}, events = {.p = NULL}, rows = {.p = NULL};

	slurp("lib/wire/boltseal.formats.7.scd", &page);
	print_events(&events);
	print_fields(&rows);
	if (!strstr(buf_text(&page), buf_text(&events)))
		fail_msg("the page's events are not those of the table:\n%s", buf_text(&events));
	if (!strstr(buf_text(&page), buf_text(&rows)))
		fail_msg("the page's fields are not those of the table:\n%s", buf_text(&rows));
}

/* Not asserted: the machine decides. */
static void test_speed(void **state UNUSED)
{
	BUF struct buf events = {.p = NULL}, out = {.p = NULL};
	struct span left, line;
	enum { TURNS = 2000 };

	slurp("tests/gold/format/events", &events);
	left = buf_span(&events);
	assert_true(next_line(&left, &line));
	for (int f = 0; f < FORMAT_N; f++) {
		int64_t from = clock_thread();

		for (int i = 0; i < TURNS; i++) {
			buf_reset(&out);
			assert_int_equal(format_event((enum format)f, line, &plain, &out), 0);
		}
		print_message("# %s: %.1f us for an event of %zu bytes, %zu of message\n",
			format_kinds[f].name, (double)(clock_thread() - from) / TURNS / 1000,
			line.n, out.n);
	}
}

static int format_named(const char *name)
{
	return kind_find(format_kinds, FORMAT_N, span_of(name));
}

/* Lines in, lines out; a refusal is "!" and its sentence. */
static int serve(void)
{
	FREE char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct format_options o = plain;
		BUF struct buf out = {.p = NULL};
		char name[16];
		int redact, at = 0, f;

		if (sscanf(line, "%15s %zu %d %n", name, &o.max, &redact, &at) != 3 ||
			(f = format_named(name)) < 0)
			return 2;
		o.redact = redact;
		n -= line[n - 1] == '\n';
		if (format_event((enum format)f, span_make(line + at, (size_t)(n - at)), &o, &out) <
			0)
			printf("!%s\n", err_why());
		else
			printf("%s\n", buf_text(&out));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables),
		cmocka_unit_test(test_gold_is_whole), cmocka_unit_test(test_gold),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_redact),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_appends),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_page),
		cmocka_unit_test(test_speed)};

	if (argc > 1 && strcmp(argv[1], "--serve") == 0)
		return serve();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
