/* Times come in as people type them and go out as machines sort them: UTC, fixed width. */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include <time.h>

static int64_t now_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

int64_t clock_wall(void)
{
	return now_of(CLOCK_REALTIME);
}

int64_t clock_mono(void)
{
	return now_of(CLOCK_MONOTONIC);
}

int64_t clock_boot(void)
{
	return now_of(CLOCK_BOOTTIME);
}

int64_t clock_thread(void)
{
	return now_of(CLOCK_THREAD_CPUTIME_ID);
}

void clock_format(struct buf *out, int64_t wall)
{
	int64_t ns = wall % CLOCK_S;
	time_t s = wall / CLOCK_S;
	struct tm tm;

	if (ns < 0) {
		ns += CLOCK_S;
		s--;
	}
	gmtime_r(&s, &tm);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ns);
}

static bool take_char(struct rd *r, const char *any)
{
	if (r->p == r->end || !*r->p || !strchr(any, *r->p))
		return false;
	r->p++;
	return true;
}

/* Exactly `n` digits, between `min` and `max`; turns the cursor bad otherwise. */
static int take_digits(struct rd *r, int n, int min, int max)
{
	int v = 0;

	while (n--) {
		uint8_t c = rd_u8(r);

		r->bad |= c < '0' || c > '9';
		v = r->bad ? min : v * 10 + (c - '0');
	}
	r->bad |= v < min || v > max;
	return v;
}

static void expect_char(struct rd *r, const char *any)
{
	if (!take_char(r, any))
		r->bad = true;
}

/* ".5" -> 500000000 ns; nothing where there is no point. */
static int64_t take_fraction(struct rd *r)
{
	int64_t ns = 0, unit = CLOCK_S;

	if (!take_char(r, "."))
		return 0;
	do {
		unit /= 10;
		ns += unit * take_digits(r, 1, 0, 9);
	} while (unit > 1 && r->p < r->end && *r->p >= '0' && *r->p <= '9');
	return ns;
}

/* "Z" or "+hh:mm", as seconds east of UTC. */
static int take_zone(struct rd *r)
{
	bool west;
	int h, m;

	if (take_char(r, "Zz"))
		return 0;
	west = r->p < r->end && *r->p == '-';
	expect_char(r, "+-");
	h = take_digits(r, 2, 0, 23);
	expect_char(r, ":");
	m = take_digits(r, 2, 0, 59);
	return (west ? -60 : 60) * (h * 60 + m);
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* The range of years is what nanoseconds in 64 bits hold. */
static int parse_rfc3339(struct rd *r, int64_t *ret)
{
	struct tm tm = {0};
	int64_t ns = 0;
	int east = 0;

	tm.tm_year = take_digits(r, 4, 1678, 2261) - 1900;
	expect_char(r, "-");
	tm.tm_mon = take_digits(r, 2, 1, 12) - 1;
	expect_char(r, "-");
	tm.tm_mday = r->bad ? 1 : take_digits(r, 2, 1, days_in(tm.tm_year + 1900, tm.tm_mon + 1));
	if (!rd_end(r)) {
		expect_char(r, "Tt ");
		tm.tm_hour = take_digits(r, 2, 0, 23);
		expect_char(r, ":");
		tm.tm_min = take_digits(r, 2, 0, 59);
		expect_char(r, ":");
		tm.tm_sec = take_digits(r, 2, 0, 60); /* 60: a leap second */
		ns = take_fraction(r);
		east = take_zone(r);
	}
	if (r->bad || !rd_end(r))
		return -EINVAL;
	*ret = ((int64_t)timegm(&tm) - east) * CLOCK_S + ns;
	return 0;
}

static int parse_epoch(struct rd *r, int64_t *ret)
{
	const uint8_t *from = r->p;
	uint64_t s;
	int64_t ns;

	while (r->p < r->end && *r->p != '.')
		r->p++;
	if (text_u64(span_make(from, (size_t)(r->p - from)), 0, INT64_MAX / CLOCK_S - 1, &s))
		return -EINVAL;
	ns = take_fraction(r);
	if (r->bad || !rd_end(r))
		return -EINVAL;
	*ret = (int64_t)s * CLOCK_S + ns;
	return 0;
}

int clock_parse(struct span text, int64_t now, int64_t *ret_wall)
{
	struct rd r = rd_of(text);
	int64_t back = 0;
	int bad;

	if (span_is(text, "now")) {
		*ret_wall = now;
		return 0;
	}
	if (take_char(&r, "@"))
		bad = parse_epoch(&r, ret_wall);
	else if (text.n > 4 && text.p[4] == '-')
		bad = parse_rfc3339(&r, ret_wall);
	else
		bad = clock_parse_duration(text, &back) ||
		      __builtin_sub_overflow(now, back, ret_wall);
	if (!bad)
		return 0;
	return text_refuse(-EINVAL, text,
		"not a time such as 2026-11-23T22:14:05Z, 2026-11-23, @1795472045, 10m or now");
}

/* In falling order: the order in which they may be written, each at most once. */
static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{"w", 7 * 86400 * CLOCK_S},
	{"d", 86400 * CLOCK_S},
	{"h", 3600 * CLOCK_S},
	{"m", 60 * CLOCK_S},
	{"s", CLOCK_S},
	{"ms", CLOCK_MS},
};

static bool in_range(const struct rd *r, uint8_t lo, uint8_t hi)
{
	return r->p < r->end && *r->p >= lo && *r->p <= hi;
}

/* One "30m" of a duration. `*next` is the first unit that may still come. */
static bool add_part(struct rd *r, size_t *next, int64_t *sum)
{
	const uint8_t *from = r->p, *name;
	struct span unit;
	uint64_t v;
	int64_t ns;

	while (in_range(r, '0', '9'))
		r->p++;
	name = r->p;
	while (in_range(r, 'a', 'z'))
		r->p++;
	unit = span_make(name, (size_t)(r->p - name));
	while (*next < COUNTOF(units) && !span_is(unit, units[*next].name))
		++*next;
	if (*next == COUNTOF(units))
		return false;
	if (text_u64(span_make(from, (size_t)(name - from)), 0, INT64_MAX, &v))
		return false;
	if (__builtin_mul_overflow((int64_t)v, units[(*next)++].ns, &ns))
		return false;
	return !__builtin_add_overflow(*sum, ns, sum);
}

int clock_parse_duration(struct span text, int64_t *ret_ns)
{
	struct rd r = rd_of(text);
	bool ok = text.n > 0;
	int64_t sum = 0;
	size_t next = 0;

	while (ok && r.p < r.end)
		ok = add_part(&r, &next, &sum);
	if (!ok)
		return text_refuse(
			-EINVAL, text, "not a duration such as 90s, 10m, 2h30m, 7d or 4w");
	*ret_ns = sum;
	return 0;
}

void clock_format_duration(struct buf *out, int64_t ns)
{
	static const char letter[] = "dhms";
	static const uint64_t seconds[] = {86400, 3600, 60, 1};
	uint64_t s = (ns < 0 ? -(uint64_t)ns : (uint64_t)ns) / (uint64_t)CLOCK_S;
	size_t i = 0;

	while (i < 3 && s < seconds[i])
		i++;
	if (ns < 0 && s)
		buf_u8(out, '-');
	buf_printf(out, "%llu%c", (unsigned long long)(s / seconds[i]), letter[i]);
	if (i < 3 && s % seconds[i] >= seconds[i + 1])
		buf_printf(out, "%llu%c", (unsigned long long)(s % seconds[i] / seconds[i + 1]),
			letter[i + 1]);
}
