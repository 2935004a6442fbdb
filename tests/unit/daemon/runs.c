/* What counts as a package manager, what a run sums up, when it is over, and what an aborted batch
 * takes back. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/sensor/runs.h"
#include <stdio.h>
#include <string.h>

static const char *manager(const struct run_process *chain, size_t n, int want)
{
	const char *name = NULL;
	struct span program;

	assert_int_equal(runs_manager(chain, n, &name, &program), want);
	return name;
}

#define EXE(path)                                                                                  \
	{                                                                                          \
		1, 1, span_of(path),                                                               \
		{                                                                                  \
			.p = NULL                                                                  \
		}                                                                                  \
	}

static void test_managers(void **state UNUSED)
{
	struct run_process apt[] = {EXE("/bin/sh"), EXE("/usr/bin/dpkg"), EXE("/usr/bin/apt-get"),
		EXE("/usr/bin/bash")};
	struct run_process none[] = {EXE("/bin/sh"), EXE("/usr/sbin/nginx")};
	struct run_process elsewhere[] = {EXE("/tmp/apt-get"), EXE("/usr/bin/x/dpkg"),
		EXE("/usr/bin/"), EXE(""), EXE("dpkg"), EXE("/usr/bin/dpkg (deleted)")};
	struct run_process apk[] = {EXE("/sbin/apk")};
	struct run_process dnf[] = {{1, 1, span_of("/usr/bin/python3.11"),
		span_make("/usr/bin/python3\0/usr/bin/dnf\0install\0", 38)}};
	struct run_process script[] = {
		{1, 1, span_of("/usr/bin/python3.11"), span_make("python3\0/root/dnf\0", 18)}};
	struct run_process option[] = {{1, 1, span_of("/usr/bin/python3.11"),
		span_make("python3\0-c\0/usr/bin/dnf\0", 24)}};
	struct run_process bare[] = {{1, 1, span_of("/usr/bin/python3"), span_of("python3")}};

	assert_string_equal(manager(apt, COUNTOF(apt), 2), "apt-get");
	assert_string_equal(manager(apt, 2, 1), "dpkg");
	assert_string_equal(manager(apk, 1, 0), "apk");
	assert_string_equal(manager(dnf, 1, 0), "dnf");
	assert_null(manager(none, COUNTOF(none), -1));
	assert_null(manager(elsewhere, COUNTOF(elsewhere), -1));
	assert_null(manager(script, 1, -1));
	assert_null(manager(option, 1, -1));
	assert_null(manager(bare, 1, -1));
	assert_null(manager(NULL, 0, -1));
}

static void test_program(void **state UNUSED)
{
	struct run_process dnf = {1, 1, span_of("/usr/bin/python3.11"),
		span_make("/usr/bin/python3\0/usr/bin/dnf\0install\0", 38)};
	struct run_process dpkg = EXE("/usr/bin/dpkg");
	struct span program;
	const char *name;

	assert_int_equal(runs_manager(&dnf, 1, &name, &program), 0);
	assert_true(span_is(program, "/usr/bin/dnf"));
	assert_int_equal(runs_manager(&dpkg, 1, &name, &program), 0);
	assert_true(span_is(program, "/usr/bin/dpkg"));
}

/* A world of processes: those below `living` live. */
static bool lives(void *living, uint32_t pid, uint64_t start)
{
	(void)start;
	return pid < *(uint32_t *)living;
}

static uint64_t add(
	struct runs *rs, uint32_t pid, uint64_t seq, char kind, const char *path, int64_t now)
{
	struct run_process p = {
		pid, 7, span_of("/usr/bin/dpkg"), span_make("dpkg\0-i\0x.deb\0", 14)};
	struct run_change c = {.target = 3,
		.manager = "dpkg",
		.process = &p,
		.session = span_of("9-19"),
		.kind = kind,
		.path = span_of(path),
		.severity = strstr(path, "evil") ? SEV_HIGH : SEV_LOW,
		.seq = seq,
		.wall = CLOCK_S,
		.now = now};

	return runs_add(rs, &c);
}

/* How the paths of these tests are in the end. */
static int state_now(void *ctx UNUSED, struct span path)
{
	static const struct {
		const char *path;
		char kind;
	} rows[] = {{"/z", 'D'}, {"/b", 'C'}, {"/c", 'C'}, {"/etc/\"y", 'C'}, {"/x.dpkg-new", 0}};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (span_is(path, rows[i].path))
			return rows[i].kind;
	return 'A';
}

static void text_of(const struct run *r, struct buf *out)
{
	CLEANUP(run_sum_free) struct run_sum sum = {.n = {0}};
	struct json j = json_on(out);

	assert_int_equal(run_sum(r, state_now, NULL, &sum), 0);
	buf_reset(out);
	run_show(&j, r, &sum);
}

static void test_run(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint32_t living = 100;
	const struct run *over;
	struct runs *rs;

	assert_int_equal(runs_new(&rs), 0);
	assert_int_equal(runs_next(rs), INT64_MAX);
	assert_int_equal(add(rs, 10, 5, 'A', "/usr/bin/x", CLOCK_S), 5);
	assert_int_equal(add(rs, 10, 6, 'C', "/etc/\"y", CLOCK_S), 5);
	assert_int_equal(add(rs, 11, 7, 'D', "/z", CLOCK_S), 7); /* another process: another run */
	runs_commit(rs);
	assert_null(runs_over(rs, 4 * CLOCK_S, false, lives, &living));
	assert_int_equal(runs_next(rs), 5 * CLOCK_S);
	living = 11;
	over = runs_over(rs, 4 * CLOCK_S, false, lives, &living);
	assert_non_null(over);
	assert_int_equal(run_target(over), 3);
	text_of(over, &text);
	assert_string_equal(buf_text(&text),
		"{\"cmdline\":[\"dpkg\",\"-i\",\"x.deb\"],\"counts\":{\"A\":0,\"C\":0,\"D\":1},"
		"\"ended\":true,\"first\":\"1970-01-01T00:00:01.000000000Z\",\"id\":7,"
		"\"last\":\"1970-01-01T00:00:01.000000000Z\",\"manager\":\"dpkg\",\"n_paths\":1,"
		"\"paths\":[\"/z\"],\"pid\":11,\"session\":\"9-19\",\"start\":7,"
		"\"worst\":{\"path\":\"/z\",\"severity\":\"low\"}}");
	assert_null(runs_over(rs, 4 * CLOCK_S, false, lives, &living));
	runs_commit(rs);
	over = runs_over(rs, 4 * CLOCK_S, true, lives, &living); /* the sensor stops */
	text_of(over, &text);
	assert_non_null(
		strstr(buf_text(&text), "\"counts\":{\"A\":1,\"C\":1,\"D\":0},\"ended\":false"));
	assert_non_null(strstr(buf_text(&text), "\"paths\":[\"/usr/bin/x\",\"/etc/\\\"y\"]"));
	runs_commit(rs);
	assert_int_equal(runs_next(rs), INT64_MAX);
	runs_free(rs);
}

/* The one thing that matters is not lost among the others, nor does an aborted batch leave its word. */
static void test_worst(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint32_t none = 0;
	struct runs *rs;
	const struct run *over;

	assert_int_equal(runs_new(&rs), 0);
	add(rs, 10, 1, 'A', "/a", CLOCK_S);
	runs_commit(rs);
	add(rs, 10, 2, 'A', "/aborted/evil", CLOCK_S);
	runs_abort(rs);
	add(rs, 10, 2, 'A', "/bin/evil", CLOCK_S);
	add(rs, 10, 3, 'A', "/other/evil", CLOCK_S);
	add(rs, 10, 4, 'A', "/b", CLOCK_S);
	runs_commit(rs);
	over = runs_over(rs, 20 * CLOCK_S, false, lives, &none);
	assert_non_null(over);
	assert_int_equal(run_worst(over), SEV_HIGH);
	text_of(over, &text);
	assert_non_null(strstr(
		buf_text(&text), "\"worst\":{\"path\":\"/bin/evil\",\"severity\":\"high\"}"));
	runs_free(rs);
}

/* Gone, but what it did last may not have been looked at; alive and quiet; alive for ever. */
static void test_ends(void **state UNUSED)
{
	uint32_t all = 100, none = 0;
	struct runs *rs;

	assert_int_equal(runs_new(&rs), 0);
	add(rs, 10, 1, 'A', "/a", 10 * CLOCK_S);
	runs_commit(rs);
	assert_null(runs_over(rs, 11 * CLOCK_S, false, lives, &none));
	assert_null(runs_over(rs, 39 * CLOCK_S, false, lives, &all));
	assert_non_null(runs_over(rs, 41 * CLOCK_S, false, lives, &all));
	runs_commit(rs);
	assert_int_equal(add(rs, 10, 9, 'A', "/a", 50 * CLOCK_S), 9); /* it goes on: a new run */
	for (int64_t t = 50; t < 945; t += 5) {
		add(rs, 10, 10, 'A', "/a", t * CLOCK_S);
		runs_commit(rs);
		assert_null(runs_over(rs, t * CLOCK_S, false, lives, &all));
	}
	add(rs, 10, 10, 'A', "/a", 950 * CLOCK_S);
	assert_non_null(runs_over(rs, 950 * CLOCK_S, false, lives, &all));
	runs_free(rs);
}

static void test_abort(void **state UNUSED)
{
	BUF struct buf once = {.p = NULL}, again = {.p = NULL};
	uint32_t none = 0;
	struct runs *rs;

	assert_int_equal(runs_new(&rs), 0);
	add(rs, 10, 1, 'A', "/a", CLOCK_S);
	runs_abort(rs);
	assert_int_equal(runs_next(rs), INT64_MAX);
	add(rs, 10, 1, 'A', "/a", CLOCK_S);
	runs_commit(rs);
	for (int i = 0; i < 5; i++) {
		add(rs, 10, 2, 'C', "/b", CLOCK_S);
		add(rs, 11, 3, 'C', "/c", CLOCK_S);
		assert_non_null(runs_over(rs, 9 * CLOCK_S, false, lives, &none));
		runs_abort(rs);
	}
	add(rs, 10, 2, 'C', "/b", CLOCK_S);
	text_of(runs_over(rs, 9 * CLOCK_S, false, lives, &none), &once);
	assert_non_null(strstr(buf_text(&once), "\"counts\":{\"A\":1,\"C\":1,\"D\":0}"));
	assert_non_null(strstr(buf_text(&once), "\"paths\":[\"/a\",\"/b\"]"));
	runs_abort(rs);
	text_of(runs_over(rs, 9 * CLOCK_S, false, lives, &none), &again);
	assert_non_null(strstr(buf_text(&again), "\"counts\":{\"A\":1,\"C\":0,\"D\":0}"));
	runs_commit(rs);
	assert_null(runs_over(rs, 9 * CLOCK_S, true, lives, &none));
	runs_free(rs);
}

/* A file that is unpacked beside its place and moved there is one; one that went again is none. */
static void test_each_path_once(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint32_t none = 0;
	struct runs *rs;

	assert_int_equal(runs_new(&rs), 0);
	add(rs, 10, 1, 'A', "/x.dpkg-new", CLOCK_S);
	add(rs, 10, 2, 'A', "/x", CLOCK_S);
	add(rs, 10, 3, 'C', "/b", CLOCK_S);
	add(rs, 10, 4, 'C', "/x", CLOCK_S);
	add(rs, 10, 5, 'D', "/b", CLOCK_S);
	add(rs, 10, 6, 'C', "/b", CLOCK_S);
	runs_commit(rs);
	text_of(runs_over(rs, 9 * CLOCK_S, false, lives, &none), &text);
	assert_non_null(strstr(buf_text(&text), "\"counts\":{\"A\":1,\"C\":1,\"D\":0}"));
	assert_non_null(strstr(buf_text(&text), "\"n_paths\":2,\"paths\":[\"/x\",\"/b\"]"));
	runs_free(rs);
}

static void test_bounds(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint32_t none = 0;
	struct runs *rs;
	char path[32];

	assert_int_equal(runs_new(&rs), 0);
	for (uint32_t i = 0; i < RUNS_OPEN; i++)
		assert_int_equal(add(rs, 100 + i, 1 + i, 'A', "/a", CLOCK_S), 1 + i);
	assert_int_equal(add(rs, 99, 999, 'A', "/a", CLOCK_S), 0);
	for (int i = 0; i < 2 * RUN_PATHS; i++) {
		snprintf(path, sizeof(path), "/p%d", i);
		assert_int_equal(add(rs, 100, 999, 'A', path, CLOCK_S), 1);
	}
	runs_commit(rs);
	text_of(runs_over(rs, 9 * CLOCK_S, false, lives, &none), &text);
	assert_non_null(strstr(buf_text(&text), "\"n_paths\":201"));
	assert_non_null(strstr(buf_text(&text), "\"/p98\"]"));
	runs_free(rs);
}

/* One that is over may be asked what it brought, and is told when that is known, or after a while. */
static void test_asked(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint32_t living = 0;
	const struct run *over;
	uint64_t seqs[] = {9};
	struct run_brought brought = {.same = 3, .odd = 1, .seqs = seqs, .n_seqs = 1};
	CLEANUP(run_sum_free) struct run_sum sum = {.brought = &brought};
	struct json j = json_on(&text);
	struct runs *rs;

	assert_int_equal(runs_new(&rs), 0);
	assert_int_equal(add(rs, 10, 5, 'A', "/usr/bin/x", CLOCK_S), 5);
	runs_commit(rs);
	assert_null(runs_answered(rs, 3, 5)); /* nobody has asked */
	over = runs_over(rs, 10 * CLOCK_S, false, lives, &living);
	assert_non_null(over);
	assert_int_equal(run_id(over), 5);
	assert_int_equal(run_paths(over).n, 1 + strlen("/usr/bin/x"));
	assert_true(runs_ask(rs, over, 10 * CLOCK_S));
	assert_false(runs_ask(rs, over, 10 * CLOCK_S));
	assert_null(runs_over(rs, 11 * CLOCK_S, false, lives, &living));
	runs_abort(rs); /* that does not ask again */
	assert_null(runs_over(rs, 11 * CLOCK_S, false, lives, &living));
	runs_commit(rs);
	assert_int_equal(add(rs, 10, 8, 'A', "/later", 12 * CLOCK_S), 8); /* another run */
	runs_commit(rs);
	assert_null(runs_answered(rs, 4, 5));
	over = runs_answered(rs, 3, 5);
	assert_non_null(over);
	run_show(&j, over, &sum);
	assert_non_null(strstr(buf_text(&text),
		"\"packages\":{\"edited\":0,\"odd\":1,\"other\":0,\"same\":3,\"seqs\":[9]}"));
	runs_commit(rs);
	assert_null(runs_answered(rs, 3, 5));
	over = runs_over(rs, 20 * CLOCK_S, false, lives, &living);
	assert_true(over && runs_ask(rs, over, 20 * CLOCK_S));
	over = runs_over(rs, 90 * CLOCK_S, false, lives, &living); /* nobody answers */
	assert_non_null(over);
	assert_int_equal(run_id(over), 8);
	runs_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_managers),
		cmocka_unit_test(test_program), cmocka_unit_test(test_run),
		cmocka_unit_test(test_asked), cmocka_unit_test(test_each_path_once),
		cmocka_unit_test(test_worst), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_abort), cmocka_unit_test(test_bounds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
