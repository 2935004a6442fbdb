#include "model/kinds.h"
#include "tests/unit/base/unit.h"

static const struct {
	const struct kind *table;
	int n;
} tables[] = {
	{aspect_kinds, ASPECT_N},
	{event_kinds, EVENT_N},
	{severity_kinds, SEV_N},
	{gap_kinds, GAP_N},
	{origin_kinds, ORIGIN_N},
	{target_kinds, TARGET_KIND_N},
	{state_kinds, STATE_N},
	{file_kinds, FILE_N},
	{level_kinds, LEVEL_N},
	{flood_states, FLOOD_STATE_N},
};

static void every_row_is_whole_and_found(void **state UNUSED)
{
	for (size_t t = 0; t < COUNTOF(tables); t++) {
		const struct kind *row = tables[t].table;

		for (int i = 0; i < tables[t].n; i++) {
			assert_true(row[i].name && row[i].name[0]);
			assert_true(row[i].sentence && row[i].sentence[0]);
			assert_int_equal(kind_find(row, tables[t].n, span_of(row[i].name)), i);
		}
		assert_int_equal(kind_find(row, tables[t].n, LIT("nonsense")), -1);
		assert_int_equal(kind_find(row, tables[t].n, LIT("")), -1);
	}
}

static void rows_are_where_the_enum_says(void **state UNUSED)
{
	assert_string_equal(aspect_kinds[ASPECT_LAYER].name, "layer");
	assert_string_equal(event_kinds[EVENT_CANARY].name, "canary");
	assert_string_equal(severity_kinds[SEV_CRITICAL].name, "critical");
	assert_string_equal(gap_kinds[GAP_OVERFLOW].name, "overflow");
	assert_string_equal(origin_kinds[ORIGIN_EXEC].name, "exec");
	assert_string_equal(target_kinds[TARGET_VOLUME].name, "volume");
	assert_string_equal(state_kinds[STATE_REMOVED].name, "removed");
	assert_string_equal(file_kinds[FILE_SOCK].name, "socket");
	assert_string_equal(level_kinds[LEVEL_L6].name, "L6");
}

static void severities_rise(void **state UNUSED)
{
	assert_true(SEV_INFO < SEV_LOW && SEV_LOW < SEV_MEDIUM && SEV_MEDIUM < SEV_HIGH &&
		    SEV_HIGH < SEV_CRITICAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole_and_found),
		cmocka_unit_test(rows_are_where_the_enum_says),
		cmocka_unit_test(severities_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
