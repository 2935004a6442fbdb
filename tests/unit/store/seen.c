/* The hash cache, with times as hostile as they come. */
#include "place.h"
#include "store/targets.h"

static void test_round_trip(void **state)
{
	struct place *p = *state;
	static const struct seen all[] = {
		{.ino = 0, .size = 0},
		{.ino = 1,
			.size = 4096,
			.mtime = 1700000000000000000,
			.ctime = 1700000000000000001,
			.btime = 1600000000000000000,
			.sha = "abc"},
		{.ino = UINT64_MAX,
			.size = UINT64_MAX,
			.mtime = INT64_MIN,
			.ctime = INT64_MAX,
			.btime = -1},
		{.ino = 5, .mtime = INT64_MAX, .ctime = INT64_MIN, .btime = INT64_MIN},
	};
	struct txn *t = writing(p);
	struct seen got;

	for (size_t i = 0; i < COUNTOF(all); i++)
		ok(seen_put(t, 1, &all[i]));
	for (size_t i = 0; i < COUNTOF(all); i++) {
		ok(seen_get(t, 1, all[i].ino, &got));
		assert_int_equal(got.ino, all[i].ino);
		assert_int_equal(got.size, all[i].size);
		assert_int_equal(got.mtime, all[i].mtime);
		assert_int_equal(got.ctime, all[i].ctime);
		assert_int_equal(got.btime, all[i].btime);
		assert_memory_equal(got.sha, all[i].sha, SHA_LEN);
	}
	fails(seen_get(t, 2, 1, &got), STORE_ABSENT);
	ok(seen_delete(t, 1, 1));
	fails(seen_delete(t, 1, 1), STORE_ABSENT);
	fails(seen_get(t, 1, 1, &got), STORE_ABSENT);
	ok(txn_commit(t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, place_setup, place_teardown),
	};

	return cmocka_run_group_tests_name("store/seen", tests, NULL, NULL);
}
