/* A sensor whose store is full, or that hangs: every view says so, and no change is waited for. */
#include "rig.h"

static const char ok[] = "{\"store\":\"ok\"}", full[] = "{\"store\":\"full\"}",
		  failed[] = "{\"store\":\"failed\"}";

struct row {
	const char *line, *head, *body;
	int status;
	const char *has; /* "!": has not */
};

static void ask_all(struct rig *r, const struct row *rows, size_t n)
{
	BUF struct buf out = {.p = NULL};
	int failures = 0;

	for (size_t i = 0; i < n; i++) {
		bool without = rows[i].has[0] == '!';
		int status = rig_ask(r, &out, rows[i].line, rows[i].head, rows[i].body);

		if (status == rows[i].status && rig_has(&out, rows[i].has + without) != without)
			continue;
		print_error("%s: wanted %d, %s; got %.900s\n", rows[i].line, rows[i].status,
			rows[i].has, buf_text(&out));
		failures++;
	}
	assert_int_equal(failures, 0);
}

static const struct row when_ok[] = {
	{"GET /healthz", NULL, NULL, 200, "\"status\":\"ok\""},
	{"GET /metrics", NULL, NULL, 200, "gaps_open{cause=\"store full\"} 0"},
	{"GET /v1/targets/web/drift", NULL, NULL, 200, "!store full"},
	{"GET /v1/targets/web/drift", NULL, NULL, 200, "!\"sensor\""},
	{"POST /v1/targets/db/rescan", NULL, "", 200, "\"result\":\"ok\""},
};
#define ACCEPT "If-Match: \"0000000000000000000000000000000000000000000000000000000000000000\"\r\n"
static const struct row when_full[] = {
	{"GET /healthz", NULL, NULL, 503, "the store is full: changes are held back"},
	{"GET /metrics", NULL, NULL, 200, "gaps_open{cause=\"store full\"} 1"},
	{"GET /v1/targets/web/drift", NULL, NULL, 200, "\"cause\":\"store full\",\"detail\":\""},
	{"GET /v1/targets/db", NULL, NULL, 200, "\"cause\":\"store full\",\"detail\":\""},
	{"GET /v1/status", NULL, NULL, 200, "\"cause\":\"store full\""},
	{"POST /v1/targets/db/rescan", NULL, "", 507, "make room below"},
	{"POST /v1/targets/db/rescan", "Accept: application/x-ndjson\r\n", "", 507, "map_limit"},
	{"POST /v1/targets/db/accept", ACCEPT, "{\"reason\":\"r\"}", 507, "not recorded"},
	{"POST /v1/targets/nope/rescan", NULL, "", 404, "nope"},
};
static const struct row when_failed[] = {
	{"GET /healthz", NULL, NULL, 503, "cannot be written"},
	{"POST /v1/targets/db/rescan", NULL, "", 507, "cannot be written"},
};
static const struct row when_silent[] = {
	{"GET /healthz", NULL, NULL, 503, "the sensor does not answer"},
	{"GET /v1/targets/web/drift", NULL, NULL, 200, "\"sensor\":\"silent\""},
	{"POST /v1/targets/db/rescan", NULL, "", 503, "the sensor does not answer"},
};

/* What was said less than a second ago is not asked for again: until `row` is what is answered. */
static void becomes(struct rig *r, const char *status, const struct row *row)
{
	BUF struct buf out = {.p = NULL};

	atomic_store(&r->status, status);
	assert_true(!row || rig_until(5000, rig_ask(r, &out, row->line, row->head, row->body) ==
							    row->status &&
						    rig_has(&out, row->has)));
}

static void test_store(void **state UNUSED)
{
	struct rig r;

	rig_start(&r, true, NULL);
	assert_true(rig_has_door(&r));
	becomes(&r, ok, when_ok);
	ask_all(&r, when_ok, COUNTOF(when_ok));
	becomes(&r, full, when_full);
	ask_all(&r, when_full, COUNTOF(when_full));
	becomes(&r, failed, when_failed);
	ask_all(&r, when_failed, COUNTOF(when_failed));
	becomes(&r, ok, when_ok);
	ask_all(&r, when_ok, COUNTOF(when_ok));
	rig_stop(&r);
}

/* It becomes full while a rescan is waited for: that is answered, too. */
static void test_full_meanwhile(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL};
	struct rig r;
	int64_t from;

	rig_start(&r, true, NULL);
	assert_true(rig_has_door(&r));
	ask_all(&r, when_ok, 1); /* it is known to be well for a second from now */
	atomic_store(&r.status, full);
	from = clock_mono();
	assert_int_equal(rig_ask(&r, &out, "POST /v1/targets/db/rescan", NULL, ""), 507);
	assert_true(clock_mono() - from < 6 * CLOCK_S);
	rig_stop(&r);
}

static void test_silent(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL};
	struct rig r;
	int64_t from;
	int status = 200;

	rig_start(&r, true, NULL);
	assert_true(rig_has_door(&r));
	becomes(&r, NULL, NULL);
	assert_true(
		rig_until(15000, (status = rig_ask(&r, &out, "GET /healthz", NULL, NULL)) != 200));
	assert_int_equal(status, 503);
	from = clock_mono();
	ask_all(&r, when_silent, COUNTOF(when_silent));
	assert_true(clock_mono() - from < 2 * CLOCK_S);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_store),
		cmocka_unit_test(test_full_meanwhile), cmocka_unit_test(test_silent)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
