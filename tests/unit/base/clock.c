#include "base/clock.h"
#include "tests/unit/base/unit.h"

#define T INT64_C(1795472045) /* 2026-11-23T22:14:05Z */
#define NOW (INT64_C(2000000000) * CLOCK_S)

static void formatting(void **state UNUSED)
{
	static const struct {
		int64_t wall;
		const char *text;
	} table[] = {
		{0, "1970-01-01T00:00:00.000000000Z"},
		{1, "1970-01-01T00:00:00.000000001Z"},
		{-1, "1969-12-31T23:59:59.999999999Z"},
		{T * CLOCK_S + 123456789, "2026-11-23T22:14:05.123456789Z"},
		{INT64_C(951782400) * CLOCK_S, "2000-02-29T00:00:00.000000000Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
		{INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
	};
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		clock_format(&b, table[i].wall);
		assert_text(&b, table[i].text);
	}
}

static void parsing(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t wall;
	} table[] = {
		{"2026-11-23T22:14:05Z", T * CLOCK_S},
		{"2026-11-23t22:14:05z", T * CLOCK_S},
		{"2026-11-23 22:14:05Z", T * CLOCK_S},
		{"2026-11-23T22:14:05.1Z", T * CLOCK_S + 100000000},
		{"2026-11-23T22:14:05.123456789Z", T * CLOCK_S + 123456789},
		{"2026-11-24T00:14:05+02:00", T * CLOCK_S},
		{"2026-11-23T16:44:05-05:30", T * CLOCK_S},
		{"2026-11-23T22:14:05+00:00", T * CLOCK_S},
		{"2026-11-23", (T - 80045) * CLOCK_S},
		{"1970-01-01T00:00:00Z", 0},
		{"1969-12-31T23:59:59.999999999Z", -1},
		{"2000-02-29", INT64_C(951782400) * CLOCK_S},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800) * CLOCK_S},
		{"@1795472045", T * CLOCK_S},
		{"@1795472045.5", T * CLOCK_S + 500000000},
		{"@0", 0},
		{"now", NOW},
		{"10m", NOW - 600 * CLOCK_S},
		{"2h30m", NOW - 9000 * CLOCK_S},
		{"7d", NOW - 7 * 86400 * CLOCK_S},
	};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		struct span s = exact_copy(span_of(table[i].text));
		int64_t wall = 42;

		if (clock_parse(s, NOW, &wall))
			fail_msg("%s", err_why());
		assert_true(wall == table[i].wall);
		exact_free(s);
	}
}

static void what_is_no_time(void **state UNUSED)
{
	static const char *const table[] = {"", "yesterday", "2026", "2026-", "2026-11", "2026-11-",
		"2026-1-23", "2026-13-01", "2026-00-01", "2026-11-31", "2026-11-00", "2025-02-29",
		"1900-02-29", "2026-11-23T", "2026-11-23T22", "2026-11-23T22:14",
		"2026-11-23T22:14:05", "2026-11-23T22:14Z", "2026-11-23T24:00:00Z",
		"2026-11-23T22:60:00Z", "2026-11-23T22:14:61Z", "2026-11-23T22:14:05.Z",
		"2026-11-23T22:14:05.1234567890Z", "2026-11-23T22:14:05Zx",
		"2026-11-23T22:14:05+02", "2026-11-23T22:14:05+0200", "2026-11-23T22:14:05+24:00",
		"2026-11-23T22:14:05+02:60", "2026-11-23  22:14:05Z", " 2026-11-23", "+026-11-23",
		"1500-01-01", "2300-01-01", "@", "@-1", "@1x", "@1.", "@.5",
		"@99999999999999999999", "@9223372037", "10", "m", "-10m", "now ", "1h now"};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		struct span s = exact_copy(span_of(table[i]));
		int64_t wall;

		if (clock_parse(s, NOW, &wall) != -EINVAL)
			fail_msg("%s was taken", table[i]);
		exact_free(s);
	}
}

static void durations(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t ns;
	} table[] = {{"0s", 0}, {"90s", 90 * CLOCK_S}, {"10m", 600 * CLOCK_S},
		{"250ms", 250 * CLOCK_MS}, {"2h30m", 9000 * CLOCK_S}, {"7d", 604800 * CLOCK_S},
		{"4w", 2419200 * CLOCK_S}, {"1w1d1h1m1s1ms", 694861 * CLOCK_S + CLOCK_MS},
		{"9223372036s", INT64_C(9223372036) * CLOCK_S}};
	static const char *const bad[] = {"", "0", "5", "s", "5x", "5S", "5 m", "m5", "30m2h",
		"5m5m", "-5m", "+5m", "1.5h", "9223372037s", "9223372036s999ms",
		"99999999999999999999w", "5sm"};
	int64_t ns;

	for (size_t i = 0; i < COUNTOF(table); i++) {
		assert_int_equal(clock_parse_duration(span_of(table[i].text), &ns), 0);
		assert_true(ns == table[i].ns);
	}
	for (size_t i = 0; i < COUNTOF(bad); i++)
		if (clock_parse_duration(span_of(bad[i]), &ns) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
}

static void durations_for_people(void **state UNUSED)
{
	static const struct {
		int64_t s;
		const char *text;
	} table[] = {{0, "0s"}, {12, "12s"}, {59, "59s"}, {60, "1m"}, {61, "1m1s"}, {3600, "1h"},
		{3661, "1h1m"}, {3605, "1h"}, {273600, "3d4h"}, {86400 * 400, "400d"},
		{-61, "-1m1s"}};
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		clock_format_duration(&b, table[i].s * CLOCK_S);
		assert_text(&b, table[i].text);
	}
	clock_format_duration(&b, CLOCK_S - 1);
	assert_text(&b, "0s");
	clock_format_duration(&b, -1);
	assert_text(&b, "0s");
	clock_format_duration(&b, INT64_MIN);
	assert_text(&b, "-106751d23h");
}

static void what_is_printed_is_parsed(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 8;

	for (int i = 0; i < 20000; i++) {
		int64_t wall = (int64_t)any(&seed) / 64 * 63, back;

		clock_format(&b, wall);
		assert_int_equal(clock_parse(buf_span(&b), 0, &back), 0);
		assert_true(back == wall);
		buf_reset(&b);
	}
}

static void clocks_run(void **state UNUSED)
{
	int64_t a = clock_mono();

	assert_true(clock_wall() > INT64_C(1600000000) * CLOCK_S);
	assert_true(clock_mono() >= a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formatting),
		cmocka_unit_test(parsing),
		cmocka_unit_test(what_is_no_time),
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_for_people),
		cmocka_unit_test(what_is_printed_is_parsed),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
