#include "base/host_name.h"
#include "tests/unit/base/unit.h"
#include <stdlib.h>
#include <unistd.h>

static void kernels(char *out)
{
	assert_int_equal(gethostname(out, HOST_NAME_ROOM), 0);
}

static void the_kernels_word_unless_told(void **state UNUSED)
{
	char want[HOST_NAME_ROOM], got[HOST_NAME_ROOM];

	kernels(want);
	unsetenv("BOLTSEAL_HOST_NAME");
	host_name(got);
	assert_string_equal(got, want);
	setenv("BOLTSEAL_HOST_NAME", "node-7.example", 1);
	host_name(got);
	assert_string_equal(got, "node-7.example");
}

static void what_is_no_name_is_not_taken(void **state UNUSED)
{
	char want[HOST_NAME_ROOM], got[HOST_NAME_ROOM], endless[2 * HOST_NAME_ROOM];
	const char *bad[] = {"", "two words", "a\nb", "\xc3\xa4", endless};

	kernels(want);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = 0;
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		setenv("BOLTSEAL_HOST_NAME", bad[i], 1);
		host_name(got);
		assert_string_equal(got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_word_unless_told),
		cmocka_unit_test(what_is_no_name_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
