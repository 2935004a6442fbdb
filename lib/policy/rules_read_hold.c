/* The keys of a maintenance window, and whether together they make one. */
#include "policy/rules_reading.h"
#include "base/clock.h"

static const struct kind zones[] = {{"local", "the host's"}, {"utc", "UTC"}};

static void read_moment(struct reading *r, const struct node *n, const struct key *k)
{
	int64_t *to = reading_member(r, k);

	if (n->kind != NODE_TEXT || n->text.n < 10 || n->text.p[4] != '-' ||
		clock_parse(n->text, 0, to) < 0)
		making_refuse(r->m, n, "%s: a day (2027-01-31) or a time (RFC 3339) belongs here",
			k->name);
}

static void add_day(struct reading *r, const struct node *n, const struct key *k, void *to)
{
	uint8_t *days = to;

	for (unsigned i = 0; i < COUNTOF(window_days); i++)
		if (span_is(n->text, window_days[i])) {
			*days |= (uint8_t)(1u << i);
			return;
		}
	if (span_is(n->text, "daily"))
		*days = 127;
	else
		making_refuse(r->m, n,
			"%s: mon, tue, wed, thu, fri, sat, sun, or daily, belongs here", k->name);
}

static void read_days(struct reading *r, const struct node *n, const struct key *k)
{
	reading_each(r, n, k, add_day, reading_member(r, k));
}

static bool two_digits(const uint8_t *p, unsigned most, uint32_t *ret)
{
	*ret = (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
	return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' && *ret <= most;
}

static void read_clock(struct reading *r, const struct node *n, const struct key *k)
{
	uint32_t h = 0, m = 0;

	if (n->kind != NODE_TEXT || n->text.n != 5 || n->text.p[2] != ':' ||
		!two_digits(n->text.p, 23, &h) || !two_digits(n->text.p + 3, 59, &m))
		making_refuse(r->m, n, "%s: a time of the day, \"02:00\", belongs here", k->name);
	*(uint32_t *)reading_member(r, k) = h * 3600 + m * 60;
}

static void read_lasts(struct reading *r, const struct node *n, const struct key *k)
{
	int64_t *to = reading_member(r, k);

	if (n->kind != NODE_TEXT || clock_parse_duration(n->text, to) < 0 || *to <= 0)
		making_refuse(r->m, n, "%s: a duration such as 90m or 2h belongs here", k->name);
}

static void read_zone(struct reading *r, const struct node *n, const struct key *k)
{
	int i = n->kind == NODE_TEXT ? kind_find(k->words, k->n_words, n->text) : -1;

	if (i < 0)
		reading_refuse_word(r, n, k);
	*(bool *)reading_member(r, k) = i == 1;
}

static const struct key hold_keys[] = {
	{"from", read_moment, AT(window.from), 0, NULL, 0},
	{"until", read_moment, AT(window.until), 0, NULL, 0},
	{"days", read_days, AT(window.days), 0, NULL, 0},
	{"at", read_clock, AT(window.at), 0, NULL, 0},
	{"for", read_lasts, AT(window.lasts), 0, NULL, 0},
	{"zone", read_zone, AT(window.utc), 0, WORDS(zones)},
	{"reason", reading_text, AT(reason), 0, NULL, 0},
	{"owner", reading_text, AT(owner), 0, NULL, 0},
};
enum { HOLD_ONCE = 3, HOLD_AGAIN = 28, HOLD_TIMES = 63 }; /* bits of the rows above */

/* Which of the keys are there, by their row. */
static unsigned keys_there(const struct node *map)
{
	unsigned there = 0;

	for (const struct node *n = map->child; n; n = n->next)
		for (unsigned i = 0; i < COUNTOF(hold_keys); i++)
			there |= span_is(n->key->text, hold_keys[i].name) ? 1u << i : 0;
	return there;
}

static void check_hold(struct reading *r, const struct node *n, const char *key)
{
	unsigned there = keys_there(n) & HOLD_TIMES;
	bool once = (there & HOLD_ONCE) == HOLD_ONCE, again = (there & HOLD_AGAIN) == HOLD_AGAIN;

	if (!once && !again)
		making_refuse(r->m, n,
			"%s: needs from and until, or days, at and for: a window that nobody closes "
			"ends by itself",
			key);
	else if (there & HOLD_ONCE && there & ~(unsigned)HOLD_ONCE)
		making_refuse(r->m, n, "%s: from and until go with no other time", key);
	else if (window_check(&r->rule->window) < 0)
		making_refuse(r->m, n, "%s: %s", key, err_why());
}

void reading_hold(struct reading *r, const struct node *n, const struct key *k)
{
	unsigned was = r->m->errors;

	reading_gives(r, RULE_HOLD);
	r->rule->hold = n->kind == NODE_MAP;
	if (r->rule->hold)
		reading_map(r, n, "hold", hold_keys, COUNTOF(hold_keys));
	else if (n->kind != NODE_TEXT || !n->plain || !span_is(n->text, "false"))
		making_refuse(r->m, n,
			"%s: {from: …, until: …}, {days: …, at: …, for: …}, or false, belongs here",
			k->name);
	if (r->rule->hold && r->m->errors == was)
		check_hold(r, n, k->name);
}
