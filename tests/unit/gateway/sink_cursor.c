/* A sink's position as a file, the file of what is refused, and how long a failure is waited out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/err.h"
#include "daemon/gateway/sink_impl.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/cursor-test-XXXXXX";

static int set_up(void **state UNUSED)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void test_cursor(void **state UNUSED)
{
	struct sink_cursor c = {.acked = 77, .id = {1, 2, 3}, .behind_from = 5, .behind_to = 9},
			   got;
	BUF struct buf text = {.p = NULL};

	cursor_format(&c, &text);
	assert_int_equal(cursor_parse(buf_span(&text), &got), 0);
	assert_memory_equal(&c, &got, sizeof(c));
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(cursor_parse(span_make(text.p, n), &got), -EBADMSG);
	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 1;
		assert_int_equal(cursor_parse(buf_span(&text), &got), -EBADMSG);
		text.p[i] ^= 1;
	}
	assert_int_equal(cursor_load(dir, "none", &got), CURSOR_NONE);
	assert_int_equal(cursor_save(dir, "x", &c), 0);
	assert_int_equal(cursor_load(dir, "x", &got), 0);
	assert_int_equal(got.acked, 77);
}

static void test_letters(void **state UNUSED)
{
	struct stat st;
	char path[128];

	for (int i = 0; i < 20; i++)
		assert_int_equal(letter_add(dir, "x", span_of("{\"a\":1}"), "\"\n", 512), 0);
	snprintf(path, sizeof(path), "%s/x.refused", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 512);
	snprintf(path, sizeof(path), "%s/x.refused.1", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 512 && st.st_size > 256);
}

static void test_pause(void **state UNUSED)
{
	uint64_t d = 1;

	for (unsigned f = 1; f < 200; f++)
		for (int i = 0; i < 50; i++) {
			int64_t ns = sink_pause(
				CLOCK_S, 300 * CLOCK_S, f, d = d * 6364136223846793005u + 9);

			assert_true(ns > 0 && ns <= 300 * CLOCK_S);
			assert_true(f > 1 || ns <= CLOCK_S);
		}
	assert_int_equal(sink_pause(CLOCK_S, 300 * CLOCK_S, 9, 256 * CLOCK_S - 1), 256 * CLOCK_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_letters), cmocka_unit_test(test_pause)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
