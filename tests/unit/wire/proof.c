/* What is missing, changed or moved in a stored journal is found, however it was stored; what is
 * whole is proven, in whatever order and dress it lies there. */
#include "proof_rig.h"

static bool finds(const json_t *root, const char *finding, json_int_t line, json_int_t seq)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(root, "checks"), i, v) {
		const char *is = json_string_value(json_object_get(v, "finding"));

		if (is && strcmp(is, finding) == 0 &&
			json_integer_value(json_object_get(v, "line")) == line &&
			json_integer_value(json_object_get(v, "seq")) == seq)
			return true;
	}
	return false;
}

static void test_whole(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	DECREF json_t *root = NULL;
	struct journal j;

	write_all(&j, "web1");
	add_lines(&text, &j, 1, N);
	root = said(&text);
	assert_true(is_clean(root));
	assert_int_equal(number(root, "complete", "first"), 1);
	assert_int_equal(number(root, "complete", "last"), N);
	assert_int_equal(number(root, "complete", "entries"), N);
	assert_int_equal(number(root, "chain", "out_of_order"), 0);
	assert_non_null(check_named(root, "complete", "web1"));
	drop_all(&j);
}

/* Every order of a few pieces, every one twice, and the same in single bytes. */
static void test_any_order(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (uint64_t turn = 1; turn < N; turn++) {
		BUF struct buf text = {.p = NULL};
		DECREF json_t *whole = NULL, *bytes = NULL;
		int r;

		for (uint64_t i = 0; i < N * 2; i++)
			add_line(&text, &j, 1 + i * turn * 7 % N);
		for (uint64_t i = N; i > 0; i--)
			add_line(&text, &j, i);
		whole = said(&text);
		assert_true(is_clean(whole));
		assert_int_equal(number(whole, "complete", "entries"), N);
		assert_int_equal(number(whole, "chain", "repeated"), 2 * N);
		bytes = answer(buf_span(&text), &(struct proof_options){.host = NULL}, 1, &r);
		assert_true(json_equal(whole, bytes));
	}
	drop_all(&j);
}

static void test_missing(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (uint64_t gone = 2; gone < N; gone++) {
		BUF struct buf text = {.p = NULL};
		DECREF json_t *root = NULL, *allowed = NULL, *part = NULL;
		const json_t *hole;

		add_lines(&text, &j, 1, gone - 1);
		add_lines(&text, &j, gone + 1, N);
		root = said(&text);
		assert_false(is_clean(root));
		assert_int_equal(number(root, "complete", "missing"), 1);
		hole = json_array_get(
			json_object_get(check_named(root, "complete", NULL), "holes"), 0);
		assert_int_equal(json_integer_value(json_object_get(hole, "from")), gone);
		assert_int_equal(json_integer_value(json_object_get(hole, "to")), gone);
		allowed = said_with(&text, &(struct proof_options){.allow_holes = true});
		assert_true(is_clean(allowed));
		assert_int_equal(number(allowed, "complete", "missing"), 1);
		part = said_with(&text, &(struct proof_options){.since = gone + 1});
		assert_true(is_clean(part));
		assert_int_equal(number(part, "entries", "outside"), gone - 1);
	}
	drop_all(&j);
}

static void test_ends(void **state UNUSED)
{
	static const struct {
		uint64_t since, until;
		json_int_t missing;
	} rows[] = {{0, 0, 0}, {5, 15, 0}, {4, 0, 1}, {1, 0, 4}, {0, 16, 1}, {1, 20, 9}, {7, 9, 0}};
	BUF struct buf text = {.p = NULL};
	struct journal j;

	write_all(&j, "h");
	add_lines(&text, &j, 5, 15);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		DECREF json_t *root = said_with(&text,
			&(struct proof_options){.since = rows[i].since, .until = rows[i].until});

		assert_int_equal(number(root, "complete", "missing"), rows[i].missing);
		assert_int_equal(is_clean(root), rows[i].missing == 0);
	}
	drop_all(&j);
}

/* A changed text with its old id; with a new id, but another behind it; a second one of its seq. */
static void test_forged(void **state UNUSED)
{
	BUF struct buf changed = {.p = NULL}, again = {.p = NULL}, both = {.p = NULL},
		       first = {.p = NULL};
	DECREF json_t *one = NULL, *two = NULL, *three = NULL, *four = NULL;
	struct journal j, other;
	uint8_t *at;

	write_all(&j, "h");
	write_all(&other, "h");
	add_lines(&changed, &j, 1, N);
	at = memmem(changed.p + j.line[1].n, changed.n - j.line[1].n, "as it", 5);
	*at = 'A';
	one = said(&changed);
	assert_true(finds(one, "altered", 2, 2));
	assert_int_equal(number(one, "complete", "missing"), 1);

	write_entry(&other, 7, "h", "another", other.id[6]);
	add_lines(&again, &j, 1, 6);
	add_line(&again, &other, 7);
	add_lines(&again, &j, 8, N);
	two = said(&again);
	assert_false(is_clean(two));
	assert_true(finds(two, "link", 8, 8));
	assert_int_equal(number(two, "complete", "missing"), 0);

	add_lines(&both, &j, 1, N);
	add_line(&both, &other, 7);
	three = said(&both);
	assert_false(is_clean(three));
	assert_true(finds(three, "conflict", N + 1, 7));

	write_entry(&other, 1, "h", "not the first", other.id[9]);
	add_line(&first, &other, 1);
	four = said(&first);
	assert_true(finds(four, "link", 1, 1));
	drop_all(&j);
	drop_all(&other);
}

static void test_hosts(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	DECREF json_t *root = NULL, *one = NULL;
	struct journal a, b;
	int r;

	write_all(&a, "a");
	write_all(&b, "b");
	for (uint64_t i = 1; i <= N; i++) {
		add_line(&text, &a, i);
		if (i != 4)
			add_line(&text, &b, i);
	}
	root = said(&text);
	assert_false(is_clean(root));
	assert_true(json_is_true(json_object_get(check_named(root, "complete", "a"), "ok")));
	assert_true(json_is_false(json_object_get(check_named(root, "complete", "b"), "ok")));
	one = said_with(&text, &(struct proof_options){.host = "a"});
	assert_true(is_clean(one));
	assert_int_equal(number(one, "entries", "foreign"), N - 1);
	assert_null(answer(buf_span(&text), &(struct proof_options){.host = "c"}, 4096, &r));
	assert_int_equal(r, -ENODATA);
	drop_all(&a);
	drop_all(&b);
}

static void as_string(struct buf *out, const struct buf *text)
{
	struct json j = json_on(out);

	json_str(&j, buf_span(text));
}

/* The dresses in which receivers keep an event: what stands before it and after it. */
static void test_dresses(void **state UNUSED)
{
	static const struct {
		const char *before, *after;
		bool quoted;
	} dress[] = {
		{"<134>1 2026-11-23T22:14:05Z h boltseal 7 change [b@1 p=\"{\"] ", "", false},
		{"Nov 23 22:14:05 h boltseal[7]: ", "\r", false},
		{"{\"time\":1.5,\"host\":\"h\",\"event\":", ",\"sourcetype\":\"boltseal.event\"}",
			false},
		{"{\"@timestamp\":\"x\",\"event\":{\"kind\":\"event\",\"original\":", "}}", true},
		{"{\"_index\":\"b\",\"_source\":{\"event\":{\"original\":", "}}}", true},
		{"{\"class_uid\":1001,\"raw_data\":", "}", true},
		{"{\"MESSAGE\":", ",\"PRIORITY\":\"6\"}", true},
		{"{\"log\":", ",\"stream\":\"stdout\"}", true},
		{"[{\"a\":", "},", false},
		{"{\"half\":{\"actor\":\"", "", false},
		{"{{{{ {\"x\":\"\\\"", "", false},
	};
	struct journal j;

	write_all(&j, "h");
	for (size_t d = 0; d < COUNTOF(dress); d++) {
		BUF struct buf text = {.p = NULL};
		DECREF json_t *root = NULL;

		for (uint64_t i = 1; i <= N; i++) {
			buf_add_text(&text, dress[d].before);
			if (dress[d].quoted)
				as_string(&text, &j.line[i]);
			else
				buf_add_span(&text, buf_span(&j.line[i]));
			buf_add_text(&text, dress[d].after);
			buf_add_text(&text, "\nlast message repeated {2} times\n");
		}
		root = said(&text);
		assert_true(is_clean(root));
		assert_int_equal(number(root, "complete", "entries"), N);
		assert_int_equal(number(root, "entries", "other_lines"), N);
	}
	drop_all(&j);
}

/* Splunk's collector takes objects one behind the other. */
static void test_one_line(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	DECREF json_t *root = NULL;
	struct journal j;

	write_all(&j, "h");
	for (uint64_t i = 1; i <= N; i++) {
		buf_add_text(&text, "{\"event\":");
		buf_add_span(&text, buf_span(&j.line[i]));
		buf_add_text(&text, "}");
	}
	root = said(&text);
	assert_true(is_clean(root));
	assert_int_equal(number(root, "complete", "entries"), N);
	drop_all(&j);
}

/* Half a line at the end is no mismatch, and the same half in the middle is none either when the
 * event came again; without it, it is missing. */
static void test_torn(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (size_t n = 1; n < j.line[9].n; n++) {
		BUF struct buf text = {.p = NULL}, on = {.p = NULL};
		DECREF json_t *end = NULL, *joined = NULL;

		add_lines(&text, &j, 1, 8);
		buf_add(&text, j.line[9].p, n);
		end = said(&text);
		assert_true(is_clean(end));
		assert_int_equal(number(end, "complete", "last"), 8);
		assert_true(
			json_is_true(json_object_get(check_named(end, "entries", NULL), "cut")));
		buf_add_span(&on, buf_span(&text));
		add_lines(&on, &j, 9, N);
		joined = said(&on);
		assert_true(is_clean(joined));
	}
	drop_all(&j);
}

static void test_unreadable(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL}, lengthy = {.p = NULL}, endless = {.p = NULL};
	DECREF json_t *root = NULL, *second = NULL, *third = NULL;
	struct journal j;

	write_all(&j, "h");
	add_lines(&text, &j, 1, 3);
	buf_add_text(&text, "{\"schema\":\"boltseal.event/1\",\n");
	root = said(&text);
	assert_false(is_clean(root));
	assert_true(finds(root, "unreadable", 4, 0));
	add_lines(&lengthy, &j, 1, 3);
	buf_add_text(&lengthy, "{\"boltseal.event/1");
	for (size_t i = 0; i < 5 << 17; i++)
		buf_add_text(&lengthy, "01234567");
	buf_add_text(&lengthy, "\"}\n");
	add_line(&lengthy, &j, 4);
	second = said(&lengthy);
	assert_true(finds(second, "unreadable", 4, 0));
	assert_int_equal(number(second, "complete", "last"), 4);
	/* All of it are events, but not all of them were read. */
	while (endless.n <= 4 << 20)
		for (uint64_t i = 1; i <= N; i++)
			buf_add_span(&endless, buf_span(&j.line[i]));
	third = said(&endless);
	assert_true(finds(third, "unreadable", 1, 0));
	drop_all(&j);
}

/* Only names under which receivers keep the original are looked into, and only whole events count:
 * who chose a file's name has no say. */
static void test_injected(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL}, name = {.p = NULL};
	DECREF json_t *root = NULL;
	struct journal j, forged;

	write_all(&j, "h");
	write_all(&forged, "h");
	write_entry(&forged, N, "h", "nobody wrote this", j.id[N - 1]);
	as_string(&name, &forged.line[N]);
	for (uint64_t i = 1; i <= N; i++) {
		buf_printf(&text, "{\"process\":{\"command_line\":%s},\"event\":{\"original\":",
			buf_text(&name));
		as_string(&text, &j.line[i]);
		buf_add_text(&text, "}}\n");
	}
	root = said(&text);
	assert_true(is_clean(root));
	assert_int_equal(number(root, "entries", "events"), N);
	drop_all(&j);
	drop_all(&forged);
}

static void test_slow_lines(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL}, deep = {.p = NULL};
	struct proof_options o = {.host = NULL};
	DECREF json_t *root = NULL;
	int r;

	for (size_t i = 0; i < 1 << 19; i++)
		buf_add_text(&text, "{\"a\":");
	buf_add_text(&text, "boltseal.event\n");
	root = answer(buf_span(&text), &o, 1 << 16, &r);
	assert_int_equal(r, 0);
	assert_true(finds(root, "unreadable", 1, 0));
	for (size_t i = 0; i < 2000; i++)
		buf_add_text(&deep, "{\"a\":");
	buf_add_text(&deep, "\"boltseal.event\"");
	for (size_t i = 0; i < 2000; i++)
		buf_add_text(&deep, "}");
	buf_add_text(&deep, "\n");
	json_decref(root);
	root = answer(buf_span(&deep), &o, 1 << 16, &r);
	assert_true(finds(root, "unreadable", 1, 0));
}

static void test_bounds(void **state UNUSED)
{
	BUF struct buf holes = {.p = NULL}, far = {.p = NULL};
	DECREF json_t *alone = NULL, *some = NULL;
	struct journal j;
	int r;

	write_all(&j, "h");
	for (uint64_t i = 1; i <= N; i += 2)
		add_line(&holes, &j, i);
	assert_null(answer(buf_span(&holes), &(struct proof_options){.max_runs = 4}, 4096, &r));
	assert_int_equal(r, -E2BIG);
	assert_non_null(strstr(err_why(), "--allow-holes"));
	alone = said_with(&holes, &(struct proof_options){.max_runs = 4, .allow_holes = true});
	assert_true(is_clean(alone));
	assert_int_equal(number(alone, "complete", "entries"), N / 2);
	/* A second host takes the only page: then repeats of the first are not proven. */
	add_lines(&far, &j, 1, N);
	drop_all(&j);
	write_all(&j, "other");
	add_line(&far, &j, 1);
	drop_all(&j);
	write_all(&j, "h");
	add_line(&far, &j, 5);
	some = said_with(&far, &(struct proof_options){.max_pages = 1});
	assert_false(is_clean(some));
	assert_int_equal(number(some, "chain", "uncompared"), 1);
	drop_all(&j);
}

/* A receiver was tested: that is of no journal. A sink that leaves things out is told from a forger. */
static void test_tests(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	DECREF json_t *root = NULL, *worse = NULL;
	struct journal j;

	write_all(&j, "h");
	add_lines(&text, &j, 1, 5);
	buf_add_text(&text, "{\"detail\":\"test\",\"host\":\"h\",\"schema\":\"boltseal.event/1\","
			    "\"seq\":0,\"type\":\"canary\"}\n");
	add_lines(&text, &j, 6, N);
	root = said(&text);
	assert_true(is_clean(root));
	assert_int_equal(number(root, "complete", "entries"), N);
	buf_add_text(&text, "{\"redacted\":true,");
	buf_add(&text, j.line[3].p + 1, j.line[3].n - 1);
	worse = said(&text);
	assert_false(is_clean(worse));
	assert_non_null(strstr(
		json_string_value(json_object_get(check_named(worse, "entry", NULL), "detail")),
		"shortened by its sink"));
	drop_all(&j);
}

static void test_nothing(void **state UNUSED)
{
	static const char *const no[] = {"", "\n\n", "{}\n", "some log\n", "{\"seq\":1"};
	int r;

	for (size_t i = 0; i < COUNTOF(no); i++) {
		assert_null(answer(span_of(no[i]), &(struct proof_options){.host = NULL}, 3, &r));
		assert_int_equal(r, -ENODATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole),
		cmocka_unit_test(test_any_order), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_ends), cmocka_unit_test(test_forged),
		cmocka_unit_test(test_hosts), cmocka_unit_test(test_dresses),
		cmocka_unit_test(test_one_line), cmocka_unit_test(test_torn),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_injected),
		cmocka_unit_test(test_slow_lines), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_tests), cmocka_unit_test(test_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
