/* Requests to rows: decoding, methods, versions, query names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/err.h"
#include "wire/route.h"

static const struct {
	const char *method, *path;
	int result;
	enum route_id id;
	const char *arg;
} rows[] = {
	{"GET", "/v1/status", 0, ROUTE_ID_status, NULL},
	{"HEAD", "/v1/status", 0, ROUTE_ID_status, NULL},
	{"GET", "/v1/targets", 0, ROUTE_ID_targets, NULL},
	{"GET", "/v1/targets/a%2Fb", 0, ROUTE_ID_target, "a/b"},
	{"GET", "/v1/%74argets/x/drift", 0, ROUTE_ID_drift, "x"},
	{"GET", "/v1.44/containers/x/changes", 0, ROUTE_ID_docker_changes, "x"},
	{"GET", "/containers/json", 0, ROUTE_ID_docker_ps, NULL},
	{"GET", "/v1.1/v1/status", ROUTE_NOT_FOUND, 0, NULL},
	{"GET", "/v1/targets/", ROUTE_NOT_FOUND, 0, NULL},
	{"GET", "/v1/status/", ROUTE_NOT_FOUND, 0, NULL},
	{"GET", "//v1/status", ROUTE_NOT_FOUND, 0, NULL},
	{"GET", "/", ROUTE_NOT_FOUND, 0, NULL},
	{"POST", "/v1/status", ROUTE_NOT_ALLOWED, 0, NULL},
	{"HEAD", "/v1/events", 0, ROUTE_ID_events, NULL},
	{"GET", "", -EINVAL, 0, NULL},
	{"GET", "*", -EINVAL, 0, NULL},
	{"GET", "/v1/targets/%00", -EINVAL, 0, NULL},
	{"GET", "/v1/targets/%0", -EINVAL, 0, NULL},
};

static void test_find(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		ARENA struct arena mem = {NULL};
		struct route_match m;
		int r = route_find(&mem, rows[i].method, span_of(rows[i].path), &m);

		assert_int_equal(r, rows[i].result);
		if (r == 0)
			assert_int_equal(m.id, rows[i].id);
		if (rows[i].arg)
			assert_true(m.n_args == 1 && span_is(m.arg[0], rows[i].arg));
	}
}

static void test_every_row_is_found(void **state UNUSED)
{
	for (unsigned i = 0; i < ROUTE_N; i++) {
		ARENA struct arena mem = {NULL};
		struct route_match m;

		assert_int_equal(
			route_find(&mem, routes[i].method, span_of(routes[i].path), &m), 0);
		assert_int_equal(m.id, i);
		assert_string_equal(routes[m.id].handler, routes[i].handler);
	}
}

static int parse(const char *raw, const char *allowed, struct query *q, struct arena *mem)
{
	return query_parse(mem, span_of(raw), allowed, q);
}

static void test_query(void **state UNUSED)
{
	ARENA struct arena mem = {NULL};
	struct query q;
	bool yes;

	assert_int_equal(parse("a=1&b=%20+&&c", "a b c", &q, &mem), 0);
	assert_true(span_is(*query_get(&q, "b"), "  "));
	assert_int_equal(query_bool(&q, "a", &yes), 0);
	assert_true(yes);
	assert_int_equal(query_bool(&q, "c", &yes), 0);
	assert_true(yes);
	assert_int_equal(query_bool(&q, "d", &yes), 0);
	assert_false(yes);
	assert_int_equal(query_bool(&q, "b", &yes), -EINVAL);
	assert_int_equal(parse("a=1&a=2", "a", &q, &mem), -EINVAL);
	assert_int_equal(parse("a=1&a=2", "a*", &q, &mem), 0);
	assert_int_equal(q.n, 2);
	assert_int_equal(parse("x=1", "a", &q, &mem), -EINVAL);
	assert_int_equal(parse("x=1", "", &q, &mem), -EINVAL);
	assert_int_equal(parse("x=1&x=2", NULL, &q, &mem), 0);
	assert_int_equal(parse("a=%00", "a", &q, &mem), -EINVAL);
	assert_int_equal(parse("a=%f", "a", &q, &mem), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_find),
		cmocka_unit_test(test_every_row_is_found), cmocka_unit_test(test_query)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
