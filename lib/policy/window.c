/* Days are counted since 1970-01-01, a Thursday; civil seconds are what a clock shows, as if it were UTC. */
#include "policy/window.h"
#include "base/clock.h"
#include "base/err.h"
#include <time.h>

enum { DAY = 86400, WEEK = 7, THURSDAY = 3, SLACK = 3600 };

const char *const window_days[WEEK] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* Seconds that the host's clock is ahead of UTC then. */
static int64_t east(int64_t s)
{
	time_t t = s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* Clocks are not changed twice within two days: what they show a day before and a day after are the two
 * ways to read it. */
static int64_t moment_of(const struct window *w, int64_t civil)
{
	int64_t before, after;

	if (w->utc)
		return civil;
	before = civil - east(civil - DAY);
	after = civil - east(civil + DAY);
	if (before + east(before) == civil)
		return before;
	return after + east(after) == civil ? after : before;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t day_of(const struct window *w, int64_t wall)
{
	int64_t s = floor_div(wall, CLOCK_S);

	return floor_div(s + (w->utc ? 0 : east(s)), DAY);
}

static bool has_day(const struct window *w, int64_t day)
{
	int64_t of_week = (day + THURSDAY) % WEEK;

	return w->days >> (of_week < 0 ? of_week + WEEK : of_week) & 1;
}

static struct window_time time_on(const struct window *w, int64_t day)
{
	int64_t from = moment_of(w, day * DAY + w->at) * CLOCK_S;

	return (struct window_time){from, from + w->lasts};
}

bool window_at(const struct window *w, int64_t now, struct window_time *ret)
{
	int64_t today;

	if (!w->days) {
		*ret = (struct window_time){w->from, w->until};
		return now >= ret->from && now < ret->until;
	}
	today = day_of(w, now);
	/* One day ahead, too: where clocks are put forward over midnight a day begins early. */
	for (int64_t day = today + 1; day >= today - WEEK; day--) {
		if (!has_day(w, day))
			continue;
		*ret = time_on(w, day);
		if (now >= ret->from && now < ret->until)
			return true;
	}
	return false;
}

static void sooner(int64_t *next, int64_t now, int64_t at)
{
	if (at > now && (!*next || at < *next))
		*next = at;
}

int64_t window_next(const struct window *w, int64_t now)
{
	int64_t next = 0, today;

	if (!w->days) {
		sooner(&next, now, w->from);
		sooner(&next, now, w->until);
		return next;
	}
	today = day_of(w, now);
	for (int64_t day = today - WEEK; day <= today + WEEK + 1; day++) {
		struct window_time t;

		if (!has_day(w, day))
			continue;
		t = time_on(w, day);
		sooner(&next, now, t.from);
		sooner(&next, now, t.until);
	}
	return next;
}

/* Seconds from the beginning on one day of the week to the next beginning. */
static int64_t distance(const struct window *w, int day)
{
	int n = 1;

	while (!(w->days >> (day + n) % WEEK & 1))
		n++;
	return (int64_t)n * DAY;
}

int window_check(const struct window *w)
{
	BUF struct buf most = {0};

	if (!w->days && w->until <= w->from)
		return err_set(-EINVAL, "it ends before it begins");
	if (!w->days)
		return 0;
	if (w->lasts <= 0)
		return err_set(-EINVAL, "for: a window that lasts no time holds nothing");
	for (int day = 0; day < WEEK; day++) {
		/* An hour may be missing between two. */
		int64_t room = (distance(w, day) - SLACK) * CLOCK_S;

		if (!(w->days >> day & 1) || w->lasts <= room)
			continue;
		clock_format_duration(&most, room);
		return err_set(-EINVAL,
			"for: the window of %s would still be open, or end, when the next begins; "
			"it may last %s at most",
			window_days[day], buf_text(&most));
	}
	return 0;
}

bool window_same(const struct window *a, const struct window *b)
{
	return a->days == b->days && a->utc == b->utc && a->at == b->at && a->lasts == b->lasts &&
	       a->from == b->from && a->until == b->until;
}

void window_words(const struct window *w, struct buf *out)
{
	const char *between = "";

	if (!w->days) {
		buf_add_text(out, "from ");
		clock_format(out, w->from);
		buf_add_text(out, " until ");
		clock_format(out, w->until);
		return;
	}
	for (int day = 0; day < WEEK; day++) {
		if (!(w->days >> day & 1))
			continue;
		buf_printf(out, "%s%s", between, window_days[day]);
		between = ", ";
	}
	buf_printf(
		out, " at %02u:%02u%s for ", w->at / 3600, w->at / 60 % 60, w->utc ? " UTC" : "");
	clock_format_duration(out, w->lasts);
}
