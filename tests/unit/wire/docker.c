/* docker diff's list: parents are changed, each path once, in order of bytes, nothing is null. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "wire/docker.h"

static void shows(const char *const *paths, const char *kinds, const char *want)
{
	DOCKER_CHANGES struct docker_changes l = {.item = NULL};
	BUF struct buf out = {.p = NULL};
	struct json j = json_on(&out);

	for (size_t i = 0; kinds[i]; i++)
		docker_changes_add(&l, span_of(paths[i]), kinds[i]);
	docker_changes_show(&j, &l);
	assert_string_equal(buf_text(&out), want);
}

static void test_empty(void **state UNUSED)
{
	shows(NULL, "", "null");
}

static void test_parents(void **state UNUSED)
{
	static const char *const paths[] = {"/a/b/c", "/a/b/d"};

	shows(paths, "AD",
		"[{\"Kind\":0,\"Path\":\"/a\"},{\"Kind\":0,\"Path\":\"/a/b\"},"
		"{\"Kind\":1,\"Path\":\"/a/b/c\"},{\"Kind\":2,\"Path\":\"/a/b/d\"}]");
}

/* A parent that is itself new stays new; "/a-b" stands before "/a/x". */
static void test_own_kind_wins(void **state UNUSED)
{
	static const char *const paths[] = {"/a", "/a-b/x", "/a/x"};

	shows(paths, "AAA",
		"[{\"Kind\":1,\"Path\":\"/a\"},{\"Kind\":0,\"Path\":\"/a-b\"},"
		"{\"Kind\":1,\"Path\":\"/a-b/x\"},{\"Kind\":1,\"Path\":\"/a/x\"}]");
}

static void test_root_is_no_parent(void **state UNUSED)
{
	static const char *const paths[] = {"/x"};

	shows(paths, "C", "[{\"Kind\":0,\"Path\":\"/x\"}]");
}

static void test_bytes(void **state UNUSED)
{
	static const char *const paths[] = {"/x\xfe", "/x\xff"};

	shows(paths, "AD",
		"[{\"Kind\":1,\"Path\":\"/x\xef\xbf\xbd\",\"PathB64\":\"L3j+\"},"
		"{\"Kind\":2,\"Path\":\"/x\xef\xbf\xbd\",\"PathB64\":\"L3j/\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_empty),
		cmocka_unit_test(test_parents), cmocka_unit_test(test_own_kind_wins),
		cmocka_unit_test(test_root_is_no_parent), cmocka_unit_test(test_bytes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
