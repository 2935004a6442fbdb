/* The table of checks: each row is a word, says what it costs and what to do; boltseal.findings(7) is the
 * table (UPDATE=1 writes that part anew); and a finding is as openapi.yaml says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include "base/clock.h"
#include "base/fd.h"
#include "wire/finding.h"
#include "wire/jansson.h"

#define MAN "lib/wire/boltseal.findings.7.scd"
#define BEGIN "# CHECKS\n"
#define END "# SEE ALSO\n"

static const char *const ids[] = {
#define CHECK(id, word, scope, severity, looks, costs, todo) #id,
#include "wire/checks.def"
#undef CHECK
};

static void rows_are_whole(void **state UNUSED)
{
	for (int i = 0; i < CHECK_N; i++) {
		const struct check_row *r = &check_rows[i];

		assert_int_equal(
			strspn(r->word, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(r->word));
		assert_int_not_equal(r->severity, FIND_OK);
		assert_true(strlen(r->looks) > 5 && strlen(r->costs) > 10 && strlen(r->todo) > 10);
		/* A sentence ends, and begins with a capital or a word of the kernel's. */
		if (r->costs[strlen(r->costs) - 1] != '.')
			fail_msg("%s: %s: no sentence", ids[i], r->costs);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(r->word, check_rows[k].word);
	}
}

/* scdoc takes _ and * for marks. */
static void plain(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strncmp(text, "{}", 2) == 0) {
			buf_add_text(out, "_NAME_");
			text++;
			continue;
		}
		if (strchr("_*\\<>[]#`~", *text))
			buf_u8(out, '\\');
		buf_u8(out, (uint8_t)*text);
	}
}

static void add_row(struct buf *out, const struct check_row *r)
{
	buf_add_text(out, "\n*");
	plain(out, r->word);
	buf_printf(out, "* (%s)\n\t", finding_severities[r->severity]);
	plain(out, r->looks);
	buf_add_text(out, ".++\nCosts: ");
	plain(out, r->costs);
	buf_add_text(out, "++\nDo: ");
	plain(out, r->todo);
	buf_add_text(out, ".\n");
}

static void table_as_man(struct buf *out)
{
	buf_add_text(out,
		"\nThe severity is that of a finding that is not ok. _NAME_ stands for what it is "
		"about.\n");
	for (int s = 0; s < SCOPE_N; s++) {
		buf_printf(out, "\n## %s\n", finding_scopes[s]);
		for (int i = 0; i < CHECK_N; i++)
			if ((int)check_rows[i].scope == s)
				add_row(out, &check_rows[i]);
	}
	buf_u8(out, '\n');
}

static void man_is_the_table(void **state UNUSED)
{
	BUF struct buf want = {.p = NULL}, got = {.p = NULL}, whole = {.p = NULL};
	const char *begin, *end;

	table_as_man(&want);
	assert_int_equal(fd_read_file(AT_FDCWD, MAN, 1 << 20, &got), 0);
	begin = strstr(buf_text(&got), BEGIN);
	assert_non_null(begin);
	begin += strlen(BEGIN);
	end = strstr(begin, END);
	assert_non_null(end);
	if (getenv("UPDATE")) {
		buf_add(&whole, got.p, (size_t)(begin - buf_text(&got)));
		buf_add_span(&whole, buf_span(&want));
		buf_add_text(&whole, end);
		assert_int_equal(fd_write_file(MAN, buf_span(&whole), 0644), 0);
		return;
	}
	if (!span_eq(buf_span(&want), span_make(begin, (size_t)(end - begin))))
		fail_msg("%s is not the table: UPDATE=1 writes it anew", MAN);
}

static json_t *put(const struct finding *f, const char *what)
{
	BUF struct buf out = {.p = NULL};
	struct json j = json_on(&out);
	json_t *v;

	finding_put(&j, f, "%s", what);
	v = json_loadb(buf_text(&out), out.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(v);
	return v;
}

static const char *text(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

static void ok_says_no_more(void **state UNUSED)
{
	DECREF json_t *v = put(&(struct finding){.check = CHECK_GAP}, "no gap");

	assert_string_equal(text(v, "severity"), "ok");
	assert_string_equal(text(v, "id"), "gap");
	assert_string_equal(text(v, "scope"), "target");
	assert_null(json_object_get(v, "costs"));
	assert_null(json_object_get(v, "do"));
	assert_null(json_object_get(v, "since"));
}

static void bad_says_what_to_do(void **state UNUSED)
{
	DECREF json_t *v = put(&(struct finding){.check = CHECK_GAP,
				       .bad = true,
				       .subject = span_of("we\"b\n"),
				       .since = CLOCK_S},
		"a gap \x1b");
	DECREF json_t *none = put(&(struct finding){.check = CHECK_GAP, .bad = true}, "x");
	DECREF json_t *worse = put(
		&(struct finding){.check = CHECK_GAP, .bad = true, .severity = FIND_PROBLEM}, "x");

	assert_string_equal(text(v, "severity"), "warning");
	assert_non_null(strstr(text(v, "do"), "boltseal rescan we\"b\n"));
	assert_string_equal(text(v, "what"), "a gap \x1b");
	assert_string_equal(text(v, "since"), "1970-01-01T00:00:01.000000000Z");
	assert_non_null(strstr(text(none, "do"), "boltseal rescan NAME"));
	assert_string_equal(text(worse, "severity"), "problem");
}

static void names_are_few(void **state UNUSED)
{
	FINDING_NAMES struct finding_names n = {.n = 0};

	assert_string_equal(finding_names_text(&n), "");
	for (int i = 0; i < 7; i++)
		finding_name(&n, span_of("t"));
	assert_string_equal(finding_names_text(&n), "t, t, t, t, t and 2 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(man_is_the_table),
		cmocka_unit_test(ok_says_no_more),
		cmocka_unit_test(bad_says_what_to_do),
		cmocka_unit_test(names_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
