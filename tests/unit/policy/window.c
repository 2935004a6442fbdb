/* When windows are open: once, by days, over changes of the clock, at the ends of months and years. Zones
 * are written out, so that no table of zones is needed. */
#include "tests/unit/base/unit.h"
#include "base/clock.h"
#include "policy/window.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOUR (3600 * CLOCK_S)
#define UTC "UTC0"
#define BERLIN "CET-1CEST,M3.5.0/2,M10.5.0/3"
#define LORD_HOWE "LHST-10:30LHDT-11,M10.1.0/2,M4.1.0/2" /* by half an hour */
#define MIDNIGHT "<-03>3<-02>,M10.3.0/0,M2.3.0/0"	 /* changes at midnight */
#define AUCKLAND "NZST-12NZDT,M9.5.0/2,M4.1.0/3"
enum { MON = 1, TUE = 2, WED = 4, FRI = 16, SAT = 32, SUN = 64, DAILY = 127 };

static void zone(const char *tz)
{
	assert_int_equal(setenv("TZ", tz, 1), 0);
	tzset();
}

static int64_t at(const char *text)
{
	int64_t ns;

	assert_int_equal(clock_parse(span_of(text), 0, &ns), 0);
	return ns;
}

static const struct {
	const char *tz;
	uint8_t days;
	unsigned hour, minute;
	int64_t lasts;
	const char *now;
	const char *from, *until; /* NULL: not open */
	const char *next;	  /* when it next opens or closes */
} rows[] = {
	/* 2027-01-01 is a Friday */
	{UTC, FRI, 2, 0, 2 * HOUR, "2027-01-01T01:59:59Z", NULL, NULL, "2027-01-01T02:00:00Z"},
	{UTC, FRI, 2, 0, 2 * HOUR, "2027-01-01T02:00:00Z", "2027-01-01T02:00:00Z",
		"2027-01-01T04:00:00Z", "2027-01-01T04:00:00Z"},
	{UTC, FRI, 2, 0, 2 * HOUR, "2027-01-01T04:00:00Z", NULL, NULL, "2027-01-08T02:00:00Z"},
	{UTC, SAT, 2, 0, 2 * HOUR, "2027-01-01T02:30:00Z", NULL, NULL, "2027-01-02T02:00:00Z"},
	/* over midnight, over the end of a month, of a year, of February in a leap year */
	{UTC, MON | WED, 23, 0, 3 * HOUR, "2027-02-02T01:30:00Z", "2027-02-01T23:00:00Z",
		"2027-02-02T02:00:00Z", "2027-02-02T02:00:00Z"},
	{UTC, FRI, 23, 30, 2 * HOUR, "2028-01-01T00:30:00Z", "2027-12-31T23:30:00Z",
		"2028-01-01T01:30:00Z", "2028-01-01T01:30:00Z"},
	{UTC, TUE, 23, 0, 4 * HOUR, "2028-03-01T01:00:00Z", "2028-02-29T23:00:00Z",
		"2028-03-01T03:00:00Z", "2028-03-01T03:00:00Z"},
	{UTC, SAT, 0, 0, 48 * HOUR, "2027-01-03T23:59:59Z", "2027-01-02T00:00:00Z",
		"2027-01-04T00:00:00Z", "2027-01-04T00:00:00Z"},
	/* by the zone: Monday in Berlin begins on Sunday */
	{BERLIN, MON, 0, 30, HOUR, "2027-01-03T23:45:00Z", "2027-01-03T23:30:00Z",
		"2027-01-04T00:30:00Z", "2027-01-04T00:30:00Z"},
	{BERLIN, DAILY, 2, 0, HOUR, "2027-07-01T00:30:00Z", "2027-07-01T00:00:00Z",
		"2027-07-01T01:00:00Z", "2027-07-01T01:00:00Z"},
	/* put forward: 02:30 is left out, and is where it would have been; it lasts as long */
	{BERLIN, SUN, 2, 30, HOUR, "2027-03-28T01:30:00Z", "2027-03-28T01:30:00Z",
		"2027-03-28T02:30:00Z", "2027-03-28T02:30:00Z"},
	{BERLIN, SUN, 1, 30, 2 * HOUR, "2027-03-28T02:29:59Z", "2027-03-28T00:30:00Z",
		"2027-03-28T02:30:00Z", "2027-03-28T02:30:00Z"},
	/* put back: 02:30 comes twice, and counts the first time */
	{BERLIN, SUN, 2, 30, HOUR, "2027-10-31T00:30:00Z", "2027-10-31T00:30:00Z",
		"2027-10-31T01:30:00Z", "2027-10-31T01:30:00Z"},
	{BERLIN, SUN, 2, 30, HOUR, "2027-10-31T01:30:00Z", NULL, NULL, "2027-11-07T01:30:00Z"},
	{LORD_HOWE, SUN, 2, 15, HOUR, "2027-10-02T15:45:00Z", "2027-10-02T15:45:00Z",
		"2027-10-02T16:45:00Z", "2027-10-02T16:45:00Z"},
	{MIDNIGHT, SUN, 0, 0, HOUR, "2027-10-17T03:00:00Z", "2027-10-17T03:00:00Z",
		"2027-10-17T04:00:00Z", "2027-10-17T04:00:00Z"},
};

static void when_it_is_open(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct window w = {.days = rows[i].days,
			.at = rows[i].hour * 3600 + rows[i].minute * 60,
			.lasts = rows[i].lasts};
		int64_t now = at(rows[i].now);
		struct window_time t;
		bool open;

		zone(rows[i].tz);
		assert_int_equal(window_check(&w), 0);
		open = window_at(&w, now, &t);
		if (open != (rows[i].from != NULL) || (open && t.from != at(rows[i].from)) ||
			(open && t.until != at(rows[i].until)) ||
			window_next(&w, now) != at(rows[i].next))
			fail_msg("row %zu: %s", i, rows[i].now);
	}
}

/* Every day has one window, of full length, wherever clocks are changed: four years of each zone. */
static void no_day_is_lost_or_doubled(void **state UNUSED)
{
	static const char *const zones[] = {UTC, BERLIN, LORD_HOWE, MIDNIGHT, AUCKLAND};

	for (size_t z = 0; z < COUNTOF(zones); z++)
		for (unsigned half = 0; half < 48; half++) {
			struct window w = {.days = DAILY, .at = half * 1800, .lasts = 22 * HOUR};
			int64_t end = at("2030-12-31T12:00:00Z"), now, last = 0;
			unsigned n = 0;

			zone(zones[z]);
			for (now = at("2027-01-02T12:00:00Z"); now < end;) {
				struct window_time t;

				now = window_next(&w, now);
				if (!window_at(&w, now, &t) || t.from != now)
					continue;
				assert_true(t.until - t.from == w.lasts);
				assert_true(!last ||
					    (now - last >= 23 * HOUR && now - last <= 25 * HOUR));
				assert_true(window_at(&w, t.until - 1, &t) && t.from == now);
				last = now;
				n++;
			}
			assert_in_range(n, 1458, 1460);
		}
}

static void in_utc_no_zone_matters(void **state UNUSED)
{
	struct window w = {.days = SUN, .at = 9000, .lasts = HOUR, .utc = true};
	struct window_time t;

	zone(BERLIN);
	assert_true(window_at(&w, at("2027-03-28T02:30:00Z"), &t));
	assert_true(t.from == at("2027-03-28T02:30:00Z"));
	assert_false(window_at(&w, at("2027-03-28T02:29:59Z"), &t));
}

static void once(void **state UNUSED)
{
	struct window w = {.from = 10, .until = 20};
	struct window_time t;

	assert_false(window_at(&w, 9, &t));
	assert_true(window_at(&w, 10, &t) && t.from == 10 && t.until == 20);
	assert_true(window_at(&w, 19, &t));
	assert_false(window_at(&w, 20, &t));
	assert_true(window_next(&w, 0) == 10 && window_next(&w, 10) == 20);
	assert_true(window_next(&w, 20) == 0);
}

/* A clock that is set lands where the calendar is then: behind, within, before. */
static void clocks_that_are_set(void **state UNUSED)
{
	struct window w = {.days = DAILY, .at = 7200, .lasts = HOUR, .utc = true};
	struct window_time t, again;

	assert_true(window_at(&w, at("2027-05-05T02:10:00Z"), &t));
	assert_false(window_at(&w, at("2027-05-05T01:10:00Z"), &again)); /* back */
	assert_true(window_next(&w, at("2027-05-05T01:10:00Z")) == t.from);
	assert_true(window_at(&w, at("2027-05-05T02:05:00Z"), &again) && again.from == t.from);
	assert_false(window_at(&w, at("2027-05-05T09:00:00Z"), &again)); /* forward */
	assert_true(window_at(&w, at("2031-05-05T02:10:00Z"), &again) && again.from != t.from);
}

static void what_cannot_be(void **state UNUSED)
{
	static const struct {
		struct window w;
		const char *says;
	} bad[] = {
		{{.from = 5, .until = 5}, "ends before it begins"},
		{{.from = 5, .until = 4}, "ends before it begins"},
		{{.days = MON}, "lasts no time"},
		{{.days = DAILY, .lasts = 24 * HOUR}, "it may last 23h at most"},
		{{.days = MON | TUE, .lasts = 30 * HOUR}, "the window of mon would still be open"},
		{{.days = MON, .lasts = 168 * HOUR}, "it may last 6d23h at most"},
	};
	struct window w = {.days = MON | SUN, .lasts = 23 * HOUR};

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		assert_int_equal(window_check(&bad[i].w), -EINVAL);
		assert_non_null(strstr(err_why(), bad[i].says));
	}
	assert_int_equal(window_check(&w), 0);
}

static void words(void **state UNUSED)
{
	struct window w = {.days = MON | FRI, .at = 7500, .lasts = 90 * 60 * CLOCK_S};
	BUF struct buf out = {0};

	window_words(&w, &out);
	assert_string_equal(buf_text(&out), "mon, fri at 02:05 for 1h30m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_it_is_open),
		cmocka_unit_test(no_day_is_lost_or_doubled),
		cmocka_unit_test(in_utc_no_zone_matters),
		cmocka_unit_test(once),
		cmocka_unit_test(clocks_that_are_set),
		cmocka_unit_test(what_cannot_be),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
