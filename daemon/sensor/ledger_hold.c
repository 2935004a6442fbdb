/*
 * Maintenance windows: opened and closed by the clock or by command, and what is held meanwhile. A change
 * that falls into an open window is an entry of its own at once, as info, with what it would have been;
 * the window's last entry sums them up and has the severity of the worst. The drift keeps the true one.
 *
 * Held are changes of files and the runs of package managers. A mount that hides files and a layer that
 * was tampered with never are: that is not what maintenance does, and it hides what is done.
 *
 * The store has the truth: what is held is counted in the transaction that writes the change. Here is a
 * copy, which is read anew when a transaction was given up.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/glob.h"
#include "daemon/sensor/ledger_impl.h"
#include "store/hold.h"
#include "wire/held.h"
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define LOOK_EVERY (30 * CLOCK_S) /* clocks may be set: see holds_plan() */
enum { HOLDS_BY_COMMAND = 64 };

struct hold_open {
	struct hold_open *next;
	struct buf mem, lists;
	struct hold hold; /* borrows from both */
};

/* ---- the copy ---- */

static void drop(struct hold_open *o)
{
	buf_free(&o->mem);
	buf_free(&o->lists);
	free(o);
}

void ledger_holds_forget(struct ledger *l)
{
	while (l->holds.first) {
		struct hold_open *o = l->holds.first;

		l->holds.first = o->next;
		drop(o);
	}
	l->holds.n = 0;
	l->holds.loaded = false;
	l->holds.wake = 0;
}

void ledger_holds_free(struct ledger *l)
{
	ledger_holds_forget(l);
	rules_unref(l->holds.rules);
}

/* The oldest first. */
static int keep(struct ledger *l, const struct hold *h)
{
	struct hold_open *o = calloc(1, sizeof(*o)), **at = &l->holds.first;
	int r;

	must(o);
	hold_encode(h, &o->mem);
	r = hold_decode(buf_span(&o->mem), h->id, &o->hold);
	while (*at)
		at = &(*at)->next;
	*at = o;
	l->holds.n++;
	return r;
}

static void forget(struct ledger *l, struct hold_open *o)
{
	struct hold_open **at = &l->holds.first;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	l->holds.n--;
	drop(o);
}

static int load(struct ledger *l)
{
	struct hold h;
	uint64_t id = 0;
	int r;

	while ((r = hold_next(l->txn, &id, &h)) == 0)
		if ((r = keep(l, &h)) < 0)
			return r;
	l->holds.loaded = r == STORE_ABSENT;
	return r < 0 ? r : 0;
}

static struct hold_open *find(const struct ledger *l, struct span name)
{
	struct hold_open *o = l->holds.first;

	while (o && !span_eq(o->hold.name, name))
		o = o->next;
	return o;
}

/* A rule may have come by a name that was given by command. */
static struct hold_open *find_of_rule(const struct ledger *l, struct span name)
{
	struct hold_open *o = l->holds.first;

	while (o && !(hold_by_rule(&o->hold) && span_eq(o->hold.name, name)))
		o = o->next;
	return o;
}

/* ---- telling ---- */

struct summing {
	struct ledger *l;
	struct arena mem;
	struct show_hold_target target[HOLD_TARGETS + 1];
	size_t n;
};

static int add_target(struct summing *s, uint32_t no)
{
	struct show_hold_target *to = &s->target[s->n];
	struct target_state_rec st;
	struct target t;
	int r = ledger_target_of(s->l, no, &t);

	if (r)
		return r < 0 ? r : 0;
	*to = (struct show_hold_target){
		no, arena_dup(&s->mem, t.id), arena_dup(&s->mem, t.name), NULL};
	r = targets_state_get(s->l->txn, no, &st);
	if (r < 0)
		return r;
	to->drift_id = arena_dup(&s->mem, span_make(st.drift_id, SHA_LEN)).p;
	s->n++;
	return 0;
}

static int add_targets(struct summing *s, const struct hold *h)
{
	struct rd at = rd_of(h->targets);
	int r = 0;

	while (r == 0 && !rd_end(&at) && s->n < HOLD_TARGETS)
		r = add_target(s, (uint32_t)rd_upto(&at, UINT32_MAX));
	return r;
}

/* `e` has what the kind of entry alone knows. */
static int tell(struct ledger *l, const struct hold *h, struct event *e, uint64_t *ret_seq)
{
	struct summing s = {.l = l};
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	bool closed = e->type == EVENT_HOLD_CLOSED;
	struct target t;
	int r = closed ? add_targets(&s, h) : 0;

	if (r == 0) {
		show_hold(&j, &(struct show_hold){.hold = h,
				      .to = closed ? l->now : h->until,
				      .counted = closed,
				      .listed = closed,
				      .targets = s.target,
				      .n_targets = s.n});
		r = buf_err(&text);
	}
	if (r == 0)
		r = ledger_target_of(l, h->target, &t);
	e->target = r == 0 ? &t : NULL;
	e->hold = buf_span(&text);
	if (r >= 0)
		r = ledger_journal(l, e, ret_seq);
	arena_free(&s.mem);
	return r;
}

static int open_hold(struct ledger *l, struct hold *h)
{
	struct event e = {.type = EVENT_HOLD_OPENED,
		.severity = SEV_LOW,
		.has_uid = !hold_by_rule(h),
		.uid = h->uid};
	int r;

	h->id = l->head.last + 1;
	r = tell(l, h, &e, NULL);
	if (r == 0)
		r = hold_put(l->txn, h);
	return r < 0 ? r : keep(l, h);
}

struct closing {
	const char *why;
	bool has_uid;
	uint32_t uid;
	uint64_t seq; /* of its entry */
};

static int close_hold(struct ledger *l, struct hold_open *o, struct closing *c)
{
	struct event e = {.type = EVENT_HOLD_CLOSED,
		.severity = hold_worst(&o->hold),
		.reason = span_of(c->why),
		.has_uid = c->has_uid,
		.uid = c->uid};
	int r = tell(l, &o->hold, &e, &c->seq);

	if (r == 0)
		r = hold_delete(l->txn, o->hold.id);
	if (r >= 0)
		forget(l, o);
	return r < 0 ? r : 0;
}

/* ---- by the clock ---- */

static struct hold_now now_of(const struct ledger *l)
{
	return (struct hold_now){l->now, clock_boot(), span_of(l->holds.boot)};
}

/* Why it is over; NULL: it is not. */
static const char *why_over(const struct ledger *l, const struct hold *h, int64_t *ret_until)
{
	struct hold_now now = now_of(l);
	struct window_time t;
	const struct rule *r;

	*ret_until = h->until;
	if (!hold_by_rule(h))
		return hold_left(h, &now) ? NULL : "its time was over";
	if (!l->holds.rules)
		return NULL; /* they are on their way */
	r = rules_holding(l->holds.rules, h->name);
	if (!r)
		return "its rule is gone";
	if (!window_at(&r->window, l->now, &t) || h->from < t.from)
		return "its time was over";
	*ret_until = t.until;
	return NULL;
}

static int close_over(struct ledger *l)
{
	struct hold_open *o = l->holds.first, *next;
	int r = 0;

	for (; o && r == 0; o = next) {
		int64_t until;
		const char *why = why_over(l, &o->hold, &until);

		next = o->next;
		if (why) {
			r = close_hold(l, o, &(struct closing){.why = why});
		} else if (until != o->hold.until) { /* the rule is another now, under its name */
			o->hold.until = until;
			r = hold_put(l->txn, &o->hold);
		}
	}
	return r;
}

static int open_due(struct ledger *l)
{
	const struct rules *rules = l->holds.rules;
	struct window_time t;
	int r = 0;

	for (size_t i = 0; rules && i < rules->n && r == 0; i++) {
		const struct rule *one = &rules->rule[i];
		struct hold h = {.name = one->name,
			.reason = one->reason,
			.owner = one->owner,
			.file = one->file,
			.line = one->line,
			.from = l->now};

		if (!one->hold || find_of_rule(l, one->name) ||
			!window_at(&one->window, l->now, &t))
			continue;
		h.until = t.until;
		r = open_hold(l, &h);
	}
	return r;
}

/* Windows of rules go by the wall clock, which may be set while we sleep: so never for long. */
static void plan(struct ledger *l)
{
	struct hold_now now = now_of(l);
	const struct rules *rules = l->holds.rules;
	int64_t wait = l->holds.first ? LOOK_EVERY : INT64_MAX;

	for (const struct hold_open *o = l->holds.first; o; o = o->next) {
		int64_t left = hold_by_rule(&o->hold) ? wait : hold_left(&o->hold, &now);

		wait = left < wait ? left : wait;
	}
	for (size_t i = 0; rules && i < rules->n; i++) {
		int64_t next =
			rules->rule[i].hold ? window_next(&rules->rule[i].window, l->now) : 0;

		if (!next)
			continue;
		wait = wait < LOOK_EVERY ? wait : LOOK_EVERY;
		wait = next - l->now < wait ? next - l->now : wait;
	}
	l->holds.wake = wait == INT64_MAX ? INT64_MAX : clock_mono() + wait;
}

static int look(struct ledger *l)
{
	int r = close_over(l);

	if (r == 0)
		r = open_due(l);
	plan(l);
	return r;
}

int ledger_holds(struct ledger *l)
{
	int r = l->holds.loaded ? 0 : load(l);

	return r < 0 || clock_mono() < l->holds.wake ? r : look(l);
}

int ledger_rules(struct ledger *l, struct item *i)
{
	struct item_rules *it = container_of(i, struct item_rules, item);
	struct rules *old = l->holds.rules;

	tzset(); /* libc looks at the host's zone but once by itself */
	l->holds.rules = rules_ref(it->rules);
	rules_unref(old);
	return look(l);
}

/* ---- holding ---- */

static bool is_command_for(const struct hold *h, uint32_t no)
{
	return !hold_by_rule(h) && (!h->target || h->target == no);
}

static bool takes_path(const struct hold *h, struct span path)
{
	return !h->path.n || path_within(path, h->path) || glob_match(h->path, path);
}

static struct rules_for *rules_of(const struct ledger *l, const struct kept *k)
{
	for (size_t i = 0; i < l->n_kept; i++)
		if (l->kept[i] == k)
			return kept_rules(l->kept[i]);
	return NULL;
}

static int facts_of(const struct ledger *l, const struct change *c, struct record mem[2],
	struct rule_facts *ret)
{
	struct actor who;
	int r = 0;

	*ret = (struct rule_facts){
		.path = c->path, .kind = c->kind, .aspects = c->aspects, .when = l->now};
	if (c->old.n && (r = record_decode(c->old, &mem[0])) == 0)
		ret->old = &mem[0];
	if (r == 0 && c->now.n && (r = record_decode(c->now, &mem[1])) == 0)
		ret->now = &mem[1];
	if (r == 0 && c->actor.n && actor_decode(c->actor, &who) == 0) {
		ret->origin = who.origin;
		ret->exe = who.exe;
	}
	return r;
}

/* The window that the change falls into; NULL: none. */
static int window_for(
	struct ledger *l, const struct kept *k, const struct change *c, struct hold_open **ret)
{
	RULES_FOR struct rules_for *rules = rules_of(l, k);
	uint32_t no = atomic_load(&k->no);
	struct rules_of_change by;
	struct rule_facts facts;
	struct record mem[2];
	int r = facts_of(l, c, mem, &facts);

	*ret = NULL;
	if (r < 0)
		return r;
	rules_change(rules, &facts, &by);
	if (by.hold && !by.hold->hold)
		return 0; /* never, says a rule */
	/* Of several the one that was opened last. */
	for (struct hold_open *o = l->holds.first; o; o = o->next)
		if (is_command_for(&o->hold, no) && takes_path(&o->hold, c->path) &&
			(!*ret || o->hold.id > (*ret)->hold.id))
			*ret = o;
	if (!*ret)
		*ret = by.hold ? find_of_rule(l, by.hold->name) : NULL;
	return 0;
}

static int hold_it(struct ledger *l, struct hold_open *o, const struct hold_path *p,
	struct event *e, struct buf *mem)
{
	struct json j = json_on(mem);

	hold_add(&o->hold, p, &o->lists);
	show_held(&j, o->hold.name, p->severity);
	e->hold = buf_span(mem);
	e->severity = SEV_INFO;
	return buf_err(mem) < 0 ? buf_err(mem) : hold_put(l->txn, &o->hold);
}

int ledger_hold(struct ledger *l, const struct kept *k, struct event *e, struct buf *mem)
{
	const uint32_t never = 1u << ASPECT_LAYER | 1u << ASPECT_MOUNT;
	const struct change *c = e->change;
	struct hold_open *o;
	int r;

	if (!l->holds.first || e->type != EVENT_CHANGE || c->aspects & never)
		return 0;
	r = window_for(l, k, c, &o);
	if (r < 0 || !o)
		return r;
	return hold_it(l, o,
		&(struct hold_path){atomic_load(&k->no), c->kind, e->severity, c->path}, e, mem);
}

/* A window of a rule that takes whatever changes in the target. */
static bool takes_all_of(const struct ledger *l, const struct hold *h, const struct target *t)
{
	const struct rule *r = l->holds.rules ? rules_holding(l->holds.rules, h->name) : NULL;

	return r && rule_applies(r, t) && !r->origins && !r->kinds && !r->aspects && !r->exe.n &&
	       r->setuid < 0 && r->executable < 0 &&
	       (!r->paths.n || (r->paths.n == 1 && span_is(r->paths.v[0], "/**")));
}

int ledger_hold_run(struct ledger *l, const struct target *t, struct event *e, struct buf *mem)
{
	struct hold_open *o = l->holds.first;

	while (o && !(hold_by_rule(&o->hold) ? takes_all_of(l, &o->hold, t)
					     : is_command_for(&o->hold, t->no) && !o->hold.path.n))
		o = o->next;
	if (!o)
		return 0;
	return hold_it(l, o, &(struct hold_path){.target = t->no, .severity = e->severity}, e, mem);
}

/* ---- by command ---- */

static void refuse(struct ledger *l, int asker, uint32_t id, const struct hold_open *open,
	const struct rule *rule, struct span name)
{
	BUF struct buf text = {0};

	if (rule) {
		buf_printf(&text, "%s:%u has a window of the name %s: give this one another name",
			(const char *)rule->file.p, rule->line, (const char *)rule->name.p);
	} else if (open) {
		buf_add_text(&text, "a window of the name ");
		buf_add_span(&text, name);
		buf_add_text(&text, " is open, until ");
		clock_format(&text, open->hold.until);
		buf_add_text(&text, ": close it first, or give this one another name");
	} else {
		buf_printf(
			&text, "%d windows are open by command: close one first", HOLDS_BY_COMMAND);
	}
	ledger_answer(l, asker, id, DOOR_TAKEN, buf_text(&text));
}

static size_t n_by_command(const struct ledger *l)
{
	size_t n = 0;

	for (const struct hold_open *o = l->holds.first; o; o = o->next)
		n += !hold_by_rule(&o->hold);
	return n;
}

int ledger_hold_open(struct ledger *l, struct item *i)
{
	struct item_hold_open *it = container_of(i, struct item_hold_open, item);
	struct span name = buf_span(&it->name);
	const struct hold_open *open = find(l, name);
	const struct rule *rule =
		l->holds.rules ? rules_holding(l->holds.rules, name) : (const struct rule *)NULL;
	struct hold h = {.name = name,
		.reason = buf_span(&it->reason),
		.path = buf_span(&it->path),
		.target = it->kept ? atomic_load(&it->kept->no) : 0,
		.uid = it->uid,
		.from = l->now,
		.until = l->now + it->lasts,
		.boot = span_of(l->holds.boot),
		.boot_until = clock_boot() + it->lasts};
	char text[24];
	int r;

	if (it->kept && (!h.target || atomic_load(&it->kept->gone))) {
		ledger_answer(l, it->asker, it->ask_id, DOOR_NO_TARGET, "it was removed");
		return 0;
	}
	if (open || rule || n_by_command(l) >= HOLDS_BY_COMMAND) {
		refuse(l, it->asker, it->ask_id, open, rule, name);
		return 0;
	}
	r = open_hold(l, &h);
	if (r < 0)
		return r;
	plan(l);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)h.id);
	ledger_answer(l, it->asker, it->ask_id, DOOR_OK, text);
	return 0;
}

int ledger_hold_close(struct ledger *l, struct item *i)
{
	struct item_hold_close *it = container_of(i, struct item_hold_close, item);
	struct closing c = {.why = it->reason.n ? buf_text(&it->reason) : "closed by command",
		.has_uid = true,
		.uid = it->uid};
	struct hold_open *o = l->holds.first;
	char text[24];
	int r;

	while (o && (o->hold.id != it->hold || hold_by_rule(&o->hold)))
		o = o->next;
	if (!o) {
		ledger_answer(
			l, it->asker, it->ask_id, DOOR_NOTHING, "that window is not open any more");
		return 0;
	}
	r = close_hold(l, o, &c);
	if (r < 0)
		return r;
	plan(l);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)c.seq);
	ledger_answer(l, it->asker, it->ask_id, DOOR_OK, text);
	return 0;
}

int ledger_holds_gone(struct ledger *l, uint32_t no)
{
	struct hold_open *o = l->holds.first, *next;
	int r = 0;

	for (; o && r == 0; o = next) {
		next = o->next;
		if (o->hold.target == no)
			r = close_hold(l, o, &(struct closing){.why = "its target was removed"});
	}
	return r;
}

void ledger_holds_init(struct ledger *l)
{
	BUF struct buf id = {0};

	if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &id) == 0)
		snprintf(l->holds.boot, sizeof(l->holds.boot), "%.*s",
			(int)strcspn(buf_text(&id), "\n"), buf_text(&id));
}
