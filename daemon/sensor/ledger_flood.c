/*
 * What is told of many changes: the ledger asks the budgets (floods.h) before it tells of one, stores
 * what was counted in the transaction that stores the change itself, and tells it when its window is
 * over: a path's last state with how often it was changed, or a flood with its worst. So nothing that
 * was counted is lost when the sensor ends at any moment: what is found stored at the start is told then.
 */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "model/actor.h"
#include "wire/noun.h"

#define LEFT_BEHIND "counted before the sensor ended; told at the next start"

static enum flood_kind kind_of(enum event_type type, char kind)
{
	if (type == EVENT_CHANGE_CLEARED)
		return FLOOD_CLEARED;
	return kind == 'A' ? FLOOD_A : kind == 'D' ? FLOOD_D : FLOOD_C;
}

/* ---- before a change is told ---- */

static int keep_fold(struct ledger *l, const struct flood_news *n, const struct fold *fold)
{
	BUF struct buf bytes = {0};

	fold_encode(fold, &bytes);
	return tally_put(l->txn, n->target, n->path, &bytes);
}

static int drop_tally(struct ledger *l, uint32_t no, struct span path)
{
	int r = tally_delete(l->txn, no, path);

	return r < 0 ? r : 0;
}

static int fold_it(
	struct ledger *l, const struct flood_news *n, const struct change *c, struct fold *fold)
{
	BUF struct buf over = {0};
	int r = n->kind == FLOOD_CLEARED ? change_encode(c, &over) : 0;

	fold->over = buf_span(&over);
	return r < 0 ? r : keep_fold(l, n, fold);
}

int ledger_flood(struct ledger *l, uint32_t no, const struct event *e, struct fold *ret)
{
	const struct change *c = e->change;
	bool over = e->type == EVENT_CHANGE_CLEARED;
	struct actor who = {.origin = ORIGIN_UNKNOWN};
	struct flood_news n = {.target = no,
		.path = c->path,
		.kind = kind_of(e->type, c->kind),
		.severity = over ? c->severity : e->severity,
		.aspects = c->aspects,
		.untold = over && !c->seq,
		.wall = l->now,
		.now = clock_mono()};
	enum flood_word word;
	int r = 0;

	if (c->actor.n && actor_decode(c->actor, &who) < 0)
		who.origin = ORIGIN_UNKNOWN;
	n.origin = who.origin;
	word = floods_add(l->floods, &n, ret);
	if (word == FLOOD_FOLD)
		r = fold_it(l, &n, c, ret);
	else if (word == FLOOD_TELL && ret->from)
		r = drop_tally(l, no, c->path);
	return r < 0 ? r : word != FLOOD_TELL;
}

/* ---- what is due ---- */

static const struct kept *kept_of(const struct ledger *l, uint32_t no)
{
	for (size_t i = 0; i < l->n_kept; i++)
		if (atomic_load(&l->kept[i]->no) == no)
			return l->kept[i];
	return NULL;
}

/* A copy that lives while the store is written to. 1: the path is not drift any more. */
static int copy_change(
	struct ledger *l, const struct flood_path *p, struct buf *mem, struct change *ret)
{
	struct change c;
	int r = drift_get(l->txn, p->target, p->path, &c);

	if (r == 0)
		r = change_encode(&c, mem);
	return r ? r : change_decode(p->path, buf_span(mem), ret);
}

/* The change that was cleared, as it was folded. 1: there is none. */
static int copy_over(
	struct ledger *l, const struct flood_path *p, struct buf *mem, struct change *ret)
{
	struct fold stored;
	struct span v;
	int r = tally_get(l->txn, p->target, p->path, &v);

	if (r == 0)
		r = fold_decode(v, &stored);
	if (r)
		return r;
	buf_add_span(mem, stored.over);
	return mem->n ? change_decode(p->path, buf_span(mem), ret) : STORE_ABSENT;
}

/* The path's last state. 1: there is none. */
static int tell_state(struct ledger *l, const struct flood_path *p, const char *reason)
{
	BUF struct buf mem = {0}, held = {0};
	const struct kept *k;
	struct change c;
	struct event e;
	int r = copy_change(l, p, &mem, &c);
	bool over = r == STORE_ABSENT;

	if (over)
		r = copy_over(l, p, &mem, &c);
	if (r)
		return r;
	e = ledger_event(over ? EVENT_CHANGE_CLEARED : EVENT_CHANGE, &c, reason);
	e.fold = &p->fold;
	k = kept_of(l, p->target);
	r = k ? ledger_hold(l, k, &e, &held) : 0;
	if (r == 0)
		r = ledger_tell_now(l, k, p->target, &e, &c.seq);
	return r < 0 || over ? r : drift_put(l->txn, p->target, &c);
}

static int tell_fold(struct ledger *l, enum flood_word word, const struct flood_path *p)
{
	int r = word == FLOOD_TELL ? tell_state(l, p, "") : 0;

	if (r == STORE_ABSENT) /* it was accepted meanwhile */
		floods_count(l->floods, p);
	return r < 0 ? r : drop_tally(l, p->target, p->path);
}

static void name_samples(struct ledger *l, struct flood *f)
{
	struct target t;

	for (size_t i = 0; i < f->n_samples; i++)
		if (ledger_target_of(l, f->sample[i].target, &t) == 0)
			f->sample[i].name = t.name;
}

static int tell_flood(struct ledger *l, uint32_t no, struct flood *f, const char *reason)
{
	BUF struct buf text = {0};
	struct json j = json_on(&text);
	struct event e = {.type = EVENT_FLOOD, .severity = f->worst, .reason = span_of(reason)};
	struct target_state_rec st;
	struct target t;
	int r = ledger_target_of(l, no, &t);

	e.target = r == 0 ? &t : NULL;
	if (r == 0)
		r = targets_state_get(l->txn, no, &st);
	if (r < 0)
		return r;
	e.drift_id = e.target ? st.drift_id : NULL;
	if (!no)
		name_samples(l, f);
	show_flood(&j, f, no == 0);
	e.flood = buf_span(&text);
	return buf_err(&text) < 0 ? buf_err(&text) : ledger_journal(l, &e, NULL);
}

/* What is told is not stored any more; what was counted meanwhile is. */
static int store_tallies(struct ledger *l)
{
	struct floods_step step = {.begun = false};
	struct flood f;
	uint32_t no;
	bool any;
	int r = 0;

	while (r == 0 && floods_changed(l->floods, &step, &no, &f, &any)) {
		BUF struct buf bytes = {0};

		flood_encode(&f, &bytes);
		r = any ? tally_put(l->txn, no, (struct span){0}, &bytes)
			: drop_tally(l, no, (struct span){0});
	}
	return r;
}

static int tell_due(struct ledger *l, const struct floods_ask *ask)
{
	struct flood_path p;
	struct flood f;
	enum flood_word word;
	uint32_t no;
	int r = 0;

	while (r == 0 && floods_fold_due(l->floods, ask, &word, &p))
		r = tell_fold(l, word, &p);
	while (r == 0 && floods_due(l->floods, ask, &no, &f))
		r = tell_flood(l, no, &f, ask->all ? "the sensor stops" : "");
	return r;
}

/* For metrics: they go on where an earlier life ended. */
static int store_stats_of(struct ledger *l)
{
	BUF struct buf bytes = {0};
	struct floods_stats s;

	floods_stats(l->floods, &s);
	if (s.counted == l->flooded.counted && s.folded == l->flooded.folded)
		return 0;
	buf_varint(&bytes, l->flooded_before.counted + s.counted);
	buf_varint(&bytes, l->flooded_before.folded + s.folded);
	return meta_put(l->txn, META_FLOODED, buf_span(&bytes));
}

static int read_stats(struct ledger *l)
{
	struct span v;
	struct rd in;
	int r = meta_get(l->txn, META_FLOODED, &v);

	if (r)
		return r < 0 ? r : 0;
	in = rd_of(v);
	l->flooded_before.counted = rd_varint(&in);
	l->flooded_before.folded = rd_varint(&in);
	return 0;
}

int ledger_floods(struct ledger *l)
{
	struct floods_ask ask = {.now = clock_mono()};
	int r = floods_next(l->floods) <= ask.now ? tell_due(l, &ask) : 0;

	if (r >= 0)
		r = store_tallies(l);
	return r < 0 ? r : store_stats_of(l);
}

int ledger_floods_end(struct ledger *l, uint32_t no)
{
	struct floods_ask ask = {.now = clock_mono(), .target = no, .all = no == 0};

	return tell_due(l, &ask);
}

/* ---- what an earlier life left behind ---- */

/* It was accepted before its entry came: what is left is how often. */
static int tell_accepted(struct ledger *l, const struct flood_path *p)
{
	struct flood f = {.state = FLOOD_OVER,
		.total = flood_count(p->fold.n),
		.since = p->fold.from,
		.from = p->fold.from,
		.to = p->fold.to,
		.worst = p->fold.worst,
		.sample = {{.target = p->target, .path = p->path}},
		.n_samples = 1};

	memcpy(f.n, p->fold.n, sizeof(f.n));
	return tell_flood(l, p->target, &f, LEFT_BEHIND);
}

static int tell_left(struct ledger *l, uint32_t no, struct span path, struct span bytes)
{
	struct flood_path p = {.target = no, .path = path};
	struct flood f;
	int r;

	if (!path.n) {
		r = flood_decode(bytes, &f);
		f.state = FLOOD_OVER;
		return r < 0 ? r : tell_flood(l, no, &f, LEFT_BEHIND);
	}
	r = fold_decode(bytes, &p.fold);
	if (r == 0)
		r = tell_state(l, &p, LEFT_BEHIND);
	return r == STORE_ABSENT ? tell_accepted(l, &p) : r;
}

int ledger_floods_left(struct ledger *l)
{
	struct span path, bytes;
	uint32_t no;
	int r = read_stats(l);

	while (r == 0 && (r = tally_first(l->txn, &no, &path, &bytes)) == 0) {
		BUF struct buf mem = {0};
		size_t n = path.n;

		buf_add_span(&mem, path);
		buf_add_span(&mem, bytes);
		path = span_make(mem.p, n);
		r = tell_left(l, no, path, span_make(mem.p + n, mem.n - n));
		if (r >= 0)
			r = drop_tally(l, no, path);
	}
	return r < 0 ? r : 0;
}

void ledger_flooded(struct ledger *l)
{
	floods_commit(l->floods);
	floods_stats(l->floods, &l->flooded);
	atomic_store(&l->opt.stats->folded, l->flooded.folded);
	atomic_store(&l->opt.stats->flooded, l->flooded.counted);
	atomic_store(&l->opt.stats->floods, l->flooded.open);
}

int ledger_limits(struct ledger *l, struct item *i)
{
	floods_limit(l->floods, &container_of(i, struct item_limits, item)->limits);
	return 0;
}
