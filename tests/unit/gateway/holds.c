/* Maintenance windows over HTTP: what is listed, what a wish must say, and which names mean which. */
#include "rig.h"
#include "store/hold.h"

static struct rig rig;

static void put(struct txn *t, struct hold *h, uint64_t id, const char *name, uint32_t target)
{
	h->id = id;
	h->name = span_of(name);
	h->target = target;
	assert_int_equal(hold_put(t, h), 0);
}

static int setup(void **state UNUSED)
{
	BUF struct buf lists = {.p = NULL};
	struct hold h = {.reason = span_of("why"), .from = CLOCK_S, .until = 2 * CLOCK_S};
	struct txn *t;

	rig_start(&rig, true, NULL);
	assert_int_equal(txn_begin(rig.writer, true, &t), 0);
	hold_add(&h, &(struct hold_path){rig.web, 'C', SEV_HIGH, span_of("/x")}, &lists);
	put(t, &h, 1, "upgrade", rig.web);
	h.counts[SEV_HIGH] = 0;
	put(t, &h, 2, "one", rig.db);
	put(t, &h, 3, "two", rig.db);
	put(t, &h, 4, "all", 0);
	h.file = span_of("/r.yaml");
	h.line = 3;
	put(t, &h, 5, "nightly", 0);
	assert_int_equal(txn_commit(t), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	rig_stop(&rig);
	return 0;
}

static const struct {
	const char *line, *body;
	int status;
	const char *has;
} asks[] = {
	{"GET /v1/holds", NULL, 200,
		"\"counts\":{\"critical\":0,\"high\":1,\"info\":0,\"low\":0,\"medium\":0}"},
	{"GET /v1/holds", NULL, 200,
		"\"name\":\"upgrade\",\"reason\":\"why\",\"target\":{\"id\":\"" ID_WEB},
	{"GET /v1/holds", NULL, 200, "\"by\":\"rule\""},
	{"GET /v1/status", NULL, 200, "\"holds\":[{\"by\":\"command\""},
	{"GET /v1/targets", NULL, 200,
		"\"holds\":[\"upgrade\",\"all\",\"nightly\"],\"id\":\"" ID_WEB},
	{"GET /v1/targets/db", NULL, 200,
		"\"holds\":[\"one\",\"two\",\"all\",\"nightly\"],\"id\":\"" ID_DB},
	{"GET /metrics", NULL, 200, "boltseal_holds_open 5\n"},
	{"GET /metrics", NULL, 200, "boltseal_held_changes{severity=\"high\"} 1\n"},
	{"POST /v1/holds", "{}", 400, "a reason is required"},
	{"POST /v1/holds", "{\"reason\":\"x\"}", 400, "say for what"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"target\":\"web\"}", 400,
		"say for what"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":1}", 400, "say for what"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":false}", 400, "say for what"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"target\":\"nope\"}", 404,
		"no target is called nope"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"target\":\"aaaa\"}", 409, "candidates"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"for\":\"soon\"}", 400, "for: "},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"for\":\"0s\"}", 400,
		"between a second and 31 days"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"for\":\"32d\"}", 400, "31 days"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"for\":7}", 400, "for must be a text"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"path\":\"etc\"}", 400,
		"begins with / or with **"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"path\":\"/[a\"}", 400, "a bracket"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"name\":\"\"}", 400,
		"name must be a text"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"all\":true,\"name\":\"a\\u0000\"}", 400,
		"name must be a text"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"al\":true}", 400, "al"},
	{"POST /v1/holds", "{\"reason\":\"x\",\"target\":\"web\"}", 404,
		"problem+json"}, /* says the rig's sensor */
	{"POST /v1/holds/nightly/close", "", 409, "the window of a rule (/r.yaml:3)"},
	{"POST /v1/holds/nope/close", "", 404,
		"\"detail\":\"no open window and no target is called nope; GET /v1/holds lists"},
	{"POST /v1/holds/db/close", "", 409, "\"candidates\":[\"one\",\"two\"]"},
	{"POST /v1/holds/one/close", "{\"reason\":\"\"}", 400, "a reason is required"},
	{"POST /v1/holds/one/close", "{\"why\":\"x\"}", 400, "why"},
	{"POST /v1/holds/upgrade/close", "", 404, "problem+json"},
	{"DELETE /v1/holds", NULL, 405, "Allow: GET, HEAD, POST"},
};

static void test_table(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(asks); i++) {
		BUF struct buf out = {.p = NULL};
		int status = rig_ask(&rig, &out, asks[i].line, NULL, asks[i].body);

		if (status != asks[i].status || !strstr(buf_text(&out), asks[i].has))
			fail_msg("%s %s: %d, has no %s: %s", asks[i].line,
				asks[i].body ? asks[i].body : "", status, asks[i].has,
				buf_text(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
