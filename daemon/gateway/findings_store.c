/* What the store says by itself: it can be asked while the sensor is down. */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/gateway/golden.h"
#include "daemon/gateway/findings.h"
#include "daemon/gateway/gw.h"
#include "store/verdict.h"
#include <stdio.h>

enum { TOLD_SINGLY = 50, PERCENT_FULL = 80, LAG_BEARABLE = 10000 };
#define MIB UINT64_C(1048576)

static void file(struct json *j, const struct store_stats *s)
{
	FINDING(j, STORE_MAP, s->used / 100 > s->map_limit / 10000 * PERCENT_FULL,
		"%llu MiB are in use of at most %llu (store.map_limit); %llu MiB can be used again",
		(unsigned long long)(s->used / MIB), (unsigned long long)(s->map_limit / MIB),
		(unsigned long long)(s->idle / MIB));
	FINDING(j, STORE_READER, s->reader_lag > LAG_BEARABLE,
		"the oldest of %u readers is %llu commits behind", s->readers,
		(unsigned long long)s->reader_lag);
	FINDING(j, STORE_FORMAT, s->format != STORE_FORMAT,
		"format %u, %llu targets, %llu records, %llu journal entries (%llu to %llu)",
		s->format, (unsigned long long)s->targets, (unsigned long long)s->records,
		(unsigned long long)s->journal, (unsigned long long)s->first_seq,
		(unsigned long long)s->last_seq);
}

/* ---- gaps, floods, windows ---- */

static void one_gap(struct json *j, struct txn *t, const struct gap *g)
{
	struct finding f = {.check = CHECK_GAP, .bad = true, .path = g->path, .since = g->from};
	struct target tg = {.no = 0};
	BUF struct buf where = {.p = NULL};

	if (g->target && targets_get(t, g->target, &tg) == 0)
		f.subject = tg.name;
	else
		f.check = CHECK_GAP_HOST;
	if (f.subject.n)
		buf_add_span(&where, f.subject);
	else
		buf_add_text(&where, g->path.n ? "a place on the host" : "everywhere");
	finding_put(j, &f, "%s: %s: %s", buf_text(&where), gap_kinds[g->cause].name,
		gap_kinds[g->cause].sentence);
}

static int gaps(struct call *c, struct json *j, struct txn *t)
{
	struct gap g;
	uint64_t id = 0, n = 0, late = 0;
	int r;

	if (pulse_gap(c->g, &g)) {
		one_gap(j, t, &g);
		n++;
	}
	while ((r = gap_next(t, &id, &g)) == 0)
		if (g.cause == GAP_LATE) /* that is a check of its own */
			late++;
		else if (n++ < TOLD_SINGLY)
			one_gap(j, t, &g);
	if (n > TOLD_SINGLY)
		FINDING(j, GAP_HOST, true, "%llu more gaps are open",
			(unsigned long long)n - TOLD_SINGLY);
	if (!n && late)
		FINDING(j, GAP, false,
			"no gap is open but %llu of targets that were baselined late",
			(unsigned long long)late);
	else if (!n)
		FINDING(j, GAP, false, "no gap is open");
	return r < 0 ? r : 0;
}

static int holds(struct json *j, struct txn *t)
{
	struct hold h;
	uint64_t id = 0, n = 0;
	int r;

	while ((r = hold_next(t, &id, &h)) == 0)
		if (n++ < TOLD_SINGLY)
			finding_put(j,
				&(struct finding){.check = CHECK_HOLD,
					.bad = true,
					.subject = h.name,
					.since = h.from},
				"the maintenance window %.*s is open", (int)h.name.n,
				(const char *)h.name.p);
	if (!n)
		FINDING(j, HOLD, false, "no maintenance window is open");
	return r < 0 ? r : 0;
}

/* ---- targets ---- */

/* ---- rules that name targets ---- */

enum { PAIRS_BEARABLE = 100000 };

static bool names_none(struct txn *t, const struct rule *rule)
{
	struct target tg;
	uint32_t no = 0;

	while (targets_next(t, &no, &tg) == 0)
		if (tg.state != STATE_REMOVED && rule_applies(rule, &tg))
			return false;
	return true;
}

/* Those with `target:` in them; what selects by image or runtime waits for what may come. */
static void rules_without(struct call *c, struct json *j, struct txn *t, uint64_t n_targets)
{
	FINDING_NAMES struct finding_names none = {.n = 0};
	const struct rules *rules = c->g->rules;

	if (!rules || rules->n * n_targets > PAIRS_BEARABLE)
		return;
	for (size_t i = 0; i < rules->n; i++)
		if (rules->rule[i].target.n && names_none(t, &rules->rule[i]))
			finding_name(&none, rules->rule[i].name);
	if (none.n)
		FINDING(j, RULES, true, "they name no target that is kept now: %s",
			finding_names_text(&none));
}

struct told {
	struct finding_names late, raw, overdue, excluded, flooded, lacking, forged;
	struct gold_view *gold;
};

static void told_free(struct told *s)
{
	struct finding_names *all[] = {
		&s->late, &s->raw, &s->overdue, &s->excluded, &s->flooded, &s->lacking, &s->forged};

	for (size_t i = 0; i < COUNTOF(all); i++)
		finding_names_free(all[i]);
	gold_view_free(s->gold);
}

static int look_at(struct call *c, struct txn *t, const struct target *tg, struct told *s)
{
	int64_t sweep = c->g->config->sweep_interval, now = clock_wall(), since;
	struct target_state_rec st = {.generation = 0};
	struct view_excluded x;
	struct verdict judged;
	struct span v;
	int r = targets_state_get(t, tg->no, &st);

	if (r < 0)
		return r;
	since = st.last_sweep ? st.last_sweep : tg->found;
	view_excluded(c, tg, &x);
	if (tg->late)
		finding_name(&s->late, tg->name);
	if (!st.baselined)
		finding_name(&s->raw, tg->name);
	else if (sweep && now - since > 2 * sweep && now - c->g->started > sweep)
		finding_name(&s->overdue, tg->name);
	if (x.show.all)
		finding_name(&s->excluded, tg->name);
	r = gold_view_target(s->gold, t, tg);
	if (r < 0)
		return r;
	if (s->gold->judged.lacks)
		finding_name(&s->lacking, tg->name);
	r = verdict_get(t, VERDICT_OF_TARGET, tg->no, &judged);
	if (r < 0)
		return r;
	if (r == 0 && !verdict_signed_is_fine(&judged.by))
		finding_name(&s->forged, tg->name);
	r = tally_get(t, tg->no, (struct span){0}, &v);
	if (r == 0)
		finding_name(&s->flooded, tg->name);
	return r < 0 ? r : 0;
}

static int targets(struct call *c, struct json *j, struct txn *t)
{
	CLEANUP(told_free) struct told s = {.gold = gold_view_new(c->g->config)};
	const struct {
		enum check check;
		struct finding_names *names;
		const char *bad, *good;
	} rows[] = {
		{CHECK_LATE, &s.late, "ran before they were first seen", "ran before it was seen"},
		{CHECK_BASELINE, &s.raw, "not hashed yet", "waits for its layers to be hashed"},
		{CHECK_SWEEP, &s.overdue, "without a full look for two intervals",
			"lacks its full look"},
		{CHECK_EXCLUDED, &s.excluded, "excluded by rules, wholly",
			"is excluded wholly by rules"},
		{CHECK_UNSIGNED, &s.lacking, "without a signed golden baseline, which is required",
			"lacks a signed golden baseline that is required"},
		{CHECK_SIGNATURE, &s.forged,
			"image signed by no trusted key, or not as policy.json demands",
			"has an image with a signature that does not fit"},
		{CHECK_FLOOD, &s.flooded, "more changes than the budget, counted", "is in a flood"},
	};
	struct target tg;
	uint32_t no = 0;
	int r;

	while ((r = targets_next(t, &no, &tg)) == 0)
		if (tg.state == STATE_RUNNING && (r = look_at(c, t, &tg, &s)) < 0)
			break;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		finding_put(j,
			&(struct finding){.check = rows[i].check,
				.bad = rows[i].names->n,
				.subject = rows[i].names->n == 1 ? buf_span(&rows[i].names->text)
								 : (struct span){0}},
			rows[i].names->n ? "%s: %s" : "no running target %s%s",
			rows[i].names->n ? rows[i].bad : rows[i].good,
			finding_names_text(rows[i].names));
	return r < 0 ? r : 0;
}

static int read_it(struct call *c, struct json *j)
{
	TXN struct txn *t = NULL;
	struct store_stats stats;
	int r = store_stats(c->g->store, &stats);

	if (r < 0)
		return r;
	file(j, &stats);
	r = txn_begin(c->g->store, false, &t);
	if (r == 0)
		r = gaps(c, j, t);
	if (r == 0)
		r = holds(j, t);
	if (r == 0)
		rules_without(c, j, t, stats.targets);
	return r == 0 ? targets(c, j, t) : r;
}

int findings_store(struct call *c, struct json *j)
{
	int r = read_it(c, j);

	if (r < 0)
		FINDING(j, STORE, true, "the gateway cannot read the store: %s", err_why());
	return r;
}
