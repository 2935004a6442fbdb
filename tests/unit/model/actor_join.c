/* Who of two is told, and that the other is named. */
#include "tests/unit/model/any.h"

struct side {
	enum origin origin;
	uint32_t pid;
	const char *session;
	bool wrote;
};
static const struct row {
	const char *name;
	struct side first, later;
	uint32_t told; /* pid */
	const char *reason;
} rows[] = {
	{"exec wrote, the workload chmods", {ORIGIN_EXEC, 1, "s", true},
		{ORIGIN_WORKLOAD, 2, "", false}, 1,
		"at the same moment changed by /bin/x[2] (workload), too"},
	{"exec wrote, the workload writes", {ORIGIN_EXEC, 1, "s", true},
		{ORIGIN_WORKLOAD, 2, "", true}, 1,
		"at the same moment changed by /bin/x[2] (workload), too"},
	{"the workload wrote, exec touches", {ORIGIN_WORKLOAD, 1, "", true},
		{ORIGIN_EXEC, 2, "s", false}, 2,
		"at the same moment changed by /bin/x[1] (workload), too"},
	{"the host wrote, exec chmods", {ORIGIN_HOST, 1, "", true}, {ORIGIN_EXEC, 2, "s", false}, 1,
		"at the same moment changed by /bin/x[2] (exec) of session s, too"},
	{"two sessions", {ORIGIN_EXEC, 1, "a", true}, {ORIGIN_EXEC, 2, "b", true}, 2,
		"at the same moment changed by /bin/x[1] (exec) of session a, too"},
	{"one session: the later", {ORIGIN_EXEC, 1, "a", true}, {ORIGIN_EXEC, 2, "a", true}, 2, ""},
	{"one session: who wrote", {ORIGIN_EXEC, 1, "a", true}, {ORIGIN_EXEC, 2, "a", false}, 1,
		""},
	{"the workload: the later", {ORIGIN_WORKLOAD, 1, "", true}, {ORIGIN_WORKLOAD, 2, "", true},
		2, ""},
	{"one process", {ORIGIN_WORKLOAD, 1, "", true}, {ORIGIN_WORKLOAD, 1, "", false}, 1, ""},
};

static void encode(const struct side *s, struct buf *out)
{
	struct actor a = {.origin = s->origin,
		.pid = s->pid,
		.start = s->pid,
		.exe = span_of("/bin/x"),
		.session = span_of(s->session)};

	actor_encode(&a, out);
}

static void nobody_hides(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf mine = {0}, later = {0};
		bool wrote = rows[i].first.wrote;
		struct actor got;

		encode(&rows[i].first, &mine);
		encode(&rows[i].later, &later);
		actor_join(&mine, &wrote, buf_span(&later), rows[i].later.wrote);
		assert_int_equal(actor_decode(buf_span(&mine), &got), 0);
		if (got.pid != rows[i].told || !span_is(got.reason, rows[i].reason))
			fail_msg("%s: %u, %.*s", rows[i].name, got.pid, (int)got.reason.n,
				got.reason.n ? (const char *)got.reason.p : "");
	}
}

/* The first is nobody, the later is not known to anybody: nothing is made up. */
static void nothing_is_made_up(void **state)
{
	struct side one = {ORIGIN_EXEC, 7, "s", true};
	BUF struct buf mine = {0}, other = {0};
	bool wrote = false;
	struct actor got;

	(void)state;
	encode(&one, &other);
	actor_join(&mine, &wrote, (struct span){0}, true);
	assert_int_equal(mine.n, 0);
	actor_join(&mine, &wrote, buf_span(&other), true);
	assert_true(wrote && span_eq(buf_span(&mine), buf_span(&other)));
	actor_join(&mine, &wrote, (struct span){0}, false);
	assert_int_equal(actor_decode(buf_span(&mine), &got), 0);
	assert_int_equal(got.pid, 7);
	assert_int_equal(got.reason.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_hides),
		cmocka_unit_test(nothing_is_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
