#include "tests/unit/base/unit.h"
#include <pthread.h>

static void *other_thread(void *arg UNUSED)
{
	assert_string_equal(err_why(), "no reason was given");
	err_set(-EIO, "of the other");
	return NULL;
}

static void sentences(void **state UNUSED)
{
	pthread_t t;

	assert_int_equal(err_set(-EINVAL, "no %s", "seal"), -EINVAL);
	assert_string_equal(err_why(), "no seal");
	assert_int_equal(err_wrap(-EINVAL, "box %d", 7), -EINVAL);
	assert_string_equal(err_why(), "box 7: no seal");
	assert_int_equal(err_set(-EIO, "then %s", err_why()), -EIO);
	assert_string_equal(err_why(), "then box 7: no seal");
	errno = ENOENT;
	assert_int_equal(err_sys("/x"), -ENOENT);
	assert_string_equal(err_why(), "/x: No such file or directory");
	errno = 0;
	assert_int_equal(err_sys("/x"), -EIO);
	assert_int_equal(pthread_create(&t, NULL, other_thread, NULL), 0);
	pthread_join(t, NULL);
	assert_string_equal(err_why(), "/x: Input/output error");
}

static void long_ones_are_cut(void **state UNUSED)
{
	char words[3000];

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = 0;
	err_set(-EIO, "%s", words);
	assert_int_equal(strlen(err_why()), 1023);
	err_wrap(-EIO, "%s", words);
	assert_in_range(strlen(err_why()), 900, 1023);
	errno = EIO;
	err_sys("%s", words);
	assert_non_null(strstr(err_why(), "Input/output error"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),
		cmocka_unit_test(long_ones_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
