/* Unified diffs: known ones byte for byte, and many at random that patch(1) has to follow. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include "base/fd.h"
#include "wire/udiff.h"
#include <fcntl.h>

static const struct {
	const char *old, *now, *want;
} rows[] = {
	{"", "", ""},
	{"a\n", "a\n", ""},
	{"", "a\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+a\n"},
	{"a\n", "", "--- a\n+++ b\n@@ -1 +0,0 @@\n-a\n"},
	{"a\n", "a", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"},
	{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
		"--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
};

static void test_known(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf out = {.p = NULL};

		assert_int_equal(
			udiff(span_of(rows[i].old), span_of(rows[i].now), "a", "b", &out), 0);
		assert_string_equal(buf_text(&out), rows[i].want);
	}
}

static void random_text(struct buf *out, unsigned *seed)
{
	int n = rand_r(seed) % 40;

	for (int i = 0; i < n; i++)
		buf_printf(out, "%c%s", 'a' + rand_r(seed) % 4,
			i == n - 1 && rand_r(seed) % 2 ? "" : "\n");
}

static void patched(
	const char *dir, const struct buf *old, const struct buf *now, const struct buf *diff)
{
	BUF struct buf got = {.p = NULL};
	char path[128], cmd[512];

	snprintf(path, sizeof(path), "%s/old", dir);
	assert_int_equal(fd_write_file(path, buf_span(old), 0600), 0);
	snprintf(path, sizeof(path), "%s/diff", dir);
	assert_int_equal(fd_write_file(path, buf_span(diff), 0600), 0);
	snprintf(cmd, sizeof(cmd), "patch -s -o %s/new %s/old %s/diff", dir, dir, dir);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &got), 0);
	assert_true(span_eq(buf_span(&got), buf_span(now)));
}

static void test_patch_follows(void **state UNUSED)
{
	char dir[] = "/tmp/udiff-XXXXXX", cmd[64];
	unsigned seed = 7;

	if (system("command -v patch >/dev/null 2>&1") != 0) {
		print_message("SKIP: no patch(1) here\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 60; i++) {
		BUF struct buf old = {.p = NULL}, now = {.p = NULL}, diff = {.p = NULL};

		random_text(&old, &seed);
		random_text(&now, &seed);
		assert_int_equal(udiff(buf_span(&old), buf_span(&now), "a", "b", &diff), 0);
		if (diff.n > 0 && now.n > 0 && old.n > 0)
			patched(dir, &old, &now, &diff);
	}
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void test_too_far(void **state UNUSED)
{
	BUF struct buf old = {.p = NULL}, now = {.p = NULL}, out = {.p = NULL};

	for (int i = 0; i < 3000; i++) {
		buf_printf(&old, "a%d\n", i);
		buf_printf(&now, "b%d\n", i);
	}
	assert_int_equal(udiff(buf_span(&old), buf_span(&now), "a", "b", &out), UDIFF_TOO_FAR);
	assert_non_null(strstr(buf_text(&out), "@@ -1,3000 +1,3000 @@\n-a0\n"));
}

static void test_text(void **state UNUSED)
{
	assert_true(udiff_is_text(span_of("")));
	assert_true(udiff_is_text(span_of("\xff\x01")));
	assert_false(udiff_is_text(span_make("a\0b", 3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_known),
		cmocka_unit_test(test_patch_follows), cmocka_unit_test(test_too_far),
		cmocka_unit_test(test_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
