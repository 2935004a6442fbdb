/* What a role reads of itself is what the kernel says by other means. */
#include "unit.h"
#include "daemon/self.h"
#include <unistd.h>

static void numbers(void **state)
{
	uint64_t v = 0;

	(void)state;
	ok(self_number("Pid", 10, &v));
	assert_int_equal(v, getpid());
	ok(self_number("CapBnd", 16, &v));
	assert_true(v > 0 || geteuid() != 0);
	assert_int_equal(self_number("Pi", 10, &v), -ENOENT);
	assert_int_equal(self_number("nothing", 10, &v), -ENOENT);
	assert_true(self_memory() > 100000 && self_memory() < UINT64_C(1) << 50);
}

static void files(void **state)
{
	int before = self_open_files(), fd = dup(0);

	(void)state;
	assert_true(before >= 3);
	assert_int_equal(self_open_files(), before + 1);
	close(fd);
	assert_int_equal(self_open_files(), before);
}

static void program(void **state)
{
	BUF struct buf path = {.p = NULL}, unit = {.p = NULL};

	(void)state;
	assert_false(self_is_replaced(&path));
	assert_non_null(strstr(buf_text(&path), "/tests/unit/daemon/self"));
	self_unit(&unit);
	assert_int_equal(unit.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(files), cmocka_unit_test(program)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
