/* The catalogue has an entry for the message id of each type of event, and no other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/fd.h"
#include "daemon/gateway/sink_journald.h"
#include <fcntl.h>

static void test_catalogue(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	unsigned n = 0;

	assert_int_equal(
		fd_read_file(AT_FDCWD, "packaging/journald/boltseal.catalog", 1 << 20, &text), 0);
	for (int i = 0; i < EVENT_N; i++) {
		char id[33];
		const char *at;

		journald_message_id((enum event_type)i, id);
		at = strstr(buf_text(&text), id);
		if (!at || !strstr(at, event_kinds[i].name))
			fail_msg("-- %s: %s is not there", id, event_kinds[i].name);
	}
	for (const char *at = buf_text(&text); (at = strstr(at, "\n-- ")); at++)
		n++;
	assert_int_equal(n, EVENT_N);
}

static void test_fields(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL};

	journald_field(&out, "A", span_of("x"));
	journald_field(&out, "B", span_of("x\nC=y"));
	assert_int_equal(out.n, 4 + 2 + 8 + 5 + 1);
	assert_memory_equal(out.p, "A=x\nB\n\5\0\0\0\0\0\0\0x\nC=y\n", out.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalogue), cmocka_unit_test(test_fields)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
