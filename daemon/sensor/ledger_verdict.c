/* What proofs found: written down, and told where it is worse than before. */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "store/verdict.h"

static bool stacks(const struct kept *k, const char *path)
{
	for (size_t j = 0; j < k->n_lower; j++)
		if (k->overlay && strcmp(path, k->lower[j]->path) == 0)
			return true;
	return false;
}

static int tell(
	struct ledger *l, const struct lower *w, enum verdict_state was, const struct verdict *v)
{
	struct event e = {.type = EVENT_LAYER_VERDICT,
		.severity = v->state == VERDICT_BROKEN ? SEV_CRITICAL : SEV_MEDIUM,
		.layer = span_of(w->path)};
	FREE struct span *names = calloc(l->n_kept + 1, sizeof(*names));
	struct target *t = calloc(l->n_kept + 1, sizeof(*t));
	BUF struct buf detail = {0};
	int r = 0;

	must(names && t);
	e.names = names;
	for (size_t i = 0; r >= 0 && i < l->n_kept; i++) {
		if (!stacks(l->kept[i], w->path))
			continue;
		r = ledger_target_of(l, atomic_load(&l->kept[i]->no), &t[e.n_names]);
		if (r == 0)
			names[e.n_names] = t[e.n_names].name, e.n_names++;
	}
	e.target = e.n_names ? &t[0] : NULL;
	if (was != VERDICT_NONE)
		buf_printf(&detail, "not %s any more: ", verdict_kinds[was].name);
	verdict_words(v, &detail);
	e.detail = buf_span(&detail);
	if (r >= 0)
		r = ledger_journal(l, &e, NULL);
	free(t);
	return r;
}

#define OF_LAYER "layer /" /* how a reason begins that is a layer's */

/* The first layer that is worse than all that was met before gives the reason. */
static void take_reason(
	const struct lower *w, bool known, const struct verdict *of, struct buf *why)
{
	buf_reset(why);
	buf_printf(why, "layer %s: ", w->path);
	if (!known)
		buf_add_text(why, "not held against its image yet");
	else if (of->why.n)
		buf_add_span(why, of->why);
	else
		buf_printf(why, "%llu names are not as its image has them",
			(unsigned long long)of->n_odd);
}

/* A target's own is the worst of its layers' and of the link; in the same transaction, so that nobody reads one
 * without the other. */
static int join(struct ledger *l, const struct kept *k, struct verdict *v, struct buf *why)
{
	int r = 0;

	if (span_starts(v->why, span_of(OF_LAYER)))
		v->why.n = 0; /* of the last time */

	v->state = v->link;
	v->n_odd = v->entries = v->files = 0;
	for (size_t i = 0; r >= 0 && i < k->n_lower; i++) {
		bool engines = strcmp(k->lower[i]->kind, "runtime") == 0;
		uint32_t snap = ledger_snap_of(l, k->lower[i]);
		struct verdict of;
		enum verdict_state state;

		r = snap ? verdict_get(l->txn, VERDICT_OF_LAYER, snap, &of) : STORE_ABSENT;
		state = r == 0 ? of.state : VERDICT_UNKNOWN;
		if (engines && state != VERDICT_BROKEN)
			continue;
		if (state == VERDICT_CONSISTENT && v->how == VERDICT_HOW_GOLDEN)
			state = VERDICT_PROVED;
		if (verdict_worse(v->state, state) != v->state && state != VERDICT_PROVED)
			take_reason(k->lower[i], r == 0, &of, why);
		v->state = verdict_worse(v->state, state);
		if (r)
			continue;
		v->n_odd += of.n_odd;
		v->entries += of.entries;
		v->files += of.files;
	}
	if (why->n)
		v->why = buf_span(why);
	return r < 0 ? r : 0;
}

/* The image's own account of its layers: gone, or another now. The layers tell of themselves. */
static int tell_link(
	struct ledger *l, const struct kept *k, enum verdict_state was, const struct verdict *v)
{
	struct event e = {.type = EVENT_LAYER_VERDICT,
		.severity = v->link == VERDICT_BROKEN ? SEV_CRITICAL : SEV_MEDIUM,
		.layer = span_of(k->n_lower ? k->lower[0]->path : k->upper)};
	BUF struct buf detail = {0};
	struct target t;
	int r = ledger_target_of(l, atomic_load(&k->no), &t);

	if (r)
		return r < 0 ? r : 0;
	e.target = &t;
	e.names = &t.name;
	e.n_names = 1;
	buf_printf(&detail, "its image is not %s any more: %s", verdict_kinds[was].name,
		verdict_kinds[v->link].name);
	if (v->why.n)
		buf_printf(&detail, ": %.*s", (int)v->why.n, (const char *)v->why.p);
	e.detail = buf_span(&detail);
	return ledger_journal(l, &e, NULL);
}

static int put_joined(struct ledger *l, const struct kept *k, uint32_t no, struct verdict *v,
	enum verdict_state was, int64_t since)
{
	BUF struct buf mem = {0}, why = {0};
	struct verdict old = {.link = VERDICT_NONE};
	int r = verdict_get(l->txn, VERDICT_OF_TARGET, no, &old);
	enum verdict_state link = old.link;

	if (r < 0)
		return r;
	/* It may borrow from what is stored now. */
	verdict_encode(v, &mem);
	r = verdict_decode(buf_span(&mem), v);
	if (r == 0 && verdict_is_news(link, v->link))
		r = tell_link(l, k, link, v);
	if (r == 0)
		r = join(l, k, v, &why);
	v->since = v->state == was ? since : l->now;
	return r == 0 ? verdict_put(l->txn, VERDICT_OF_TARGET, no, v) : r;
}

/* Everybody who stacks the layer. */
static int join_all(struct ledger *l, const struct lower *w)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n_kept; i++) {
		uint32_t no = atomic_load(&l->kept[i]->no);
		struct verdict v;

		if (!no || !stacks(l->kept[i], w->path))
			continue;
		r = verdict_get(l->txn, VERDICT_OF_TARGET, no, &v);
		if (r == 0)
			r = put_joined(l, l->kept[i], no, &v, v.state, v.since);
		r = r < 0 ? r : 0;
	}
	return r;
}

/* Whatever was read at its path: a container that runs has something else. */
static void judge_elsewhere(const struct lower *w, struct verdict *v)
{
	if (!w || !atomic_load(&w->elsewhere) || v->state == VERDICT_BROKEN)
		return;
	v->state = VERDICT_BROKEN;
	v->why = span_of(
		"a container that runs has another directory mounted than lies at its path");
}

static int put(struct ledger *l, struct lower *w, uint32_t snap, struct verdict *v)
{
	BUF struct buf mem = {0};
	struct verdict old;
	enum verdict_state was;
	int r = verdict_get(l->txn, VERDICT_OF_LAYER, snap, &old);

	if (r < 0)
		return r;
	was = r == 0 ? old.state : VERDICT_NONE;
	judge_elsewhere(w, v);
	v->since = r == 0 && old.state == v->state ? old.since : v->when;
	/* It borrows from what is stored now, maybe: its own copy first. */
	verdict_encode(v, &mem);
	r = verdict_decode(buf_span(&mem), v);
	if (r == 0)
		r = verdict_put(l->txn, VERDICT_OF_LAYER, snap, v);
	if (r == 0 && w)
		l->after[l->n_after++] = (struct after){.lower = w,
			.snap = snap,
			.judged = true,
			.broken = v->state == VERDICT_BROKEN};
	l->ring = true;
	if (r == 0 && w)
		r = join_all(l, w);
	return r == 0 && w && verdict_is_news(was, v->state) ? tell(l, w, was, v) : r;
}

int ledger_verdict(struct ledger *l, struct lower *w, uint32_t snap, struct span verdict)
{
	struct verdict v;
	int r = verdict_decode(verdict, &v);

	return r < 0 ? r : put(l, w, snap, &v);
}

static struct lower *lower_of(const struct ledger *l, struct span path)
{
	for (size_t i = 0; i < l->n_kept; i++)
		for (size_t j = 0; l->kept[i]->overlay && j < l->kept[i]->n_lower; j++)
			if (span_is(path, l->kept[i]->lower[j]->path))
				return l->kept[i]->lower[j];
	return NULL;
}

static bool has_odd(const struct verdict *v, struct span path)
{
	struct rd at = rd_of(v->odds);
	struct verdict_odd o;

	while (verdict_odd_next(&at, &o))
		if (span_eq(o.path, path))
			return true;
	return false;
}

int ledger_verdict_tampered(
	struct ledger *l, struct span layer, const struct change *c, uint32_t also)
{
	struct lower *w = lower_of(l, layer);
	uint32_t snap = w ? atomic_load(&w->snap) : 0;
	BUF struct buf odds = {0}, mem = {0};
	struct verdict_odd o = {c->kind, (c->aspects | also) & ~(1u << ASPECT_LAYER), c->path};
	struct verdict v;
	int r;

	if (!snap)
		return 0;
	r = verdict_get(l->txn, VERDICT_OF_LAYER, snap, &v);
	if (r)
		return r < 0 ? r : 0;
	o.path = span_make(o.path.p + 1, o.path.n - 1);
	if (!o.path.n || has_odd(&v, o.path))
		return 0;
	buf_add_span(&odds, v.odds);
	if (v.n_odd++ < VERDICT_ODDS)
		verdict_odd_add(&odds, &o);
	v.odds = buf_span(&odds);
	v.when = l->now;
	v.since = v.state == VERDICT_BROKEN ? v.since : l->now;
	v.state = VERDICT_BROKEN;
	/* It is told by layer.tampered, with who did it. */
	verdict_encode(&v, &mem);
	r = verdict_decode(buf_span(&mem), &v);
	if (r == 0)
		r = verdict_put(l->txn, VERDICT_OF_LAYER, snap, &v);
	l->after[l->n_after++] =
		(struct after){.lower = w, .snap = snap, .judged = true, .broken = true};
	l->ring = true;
	return r == 0 ? join_all(l, w) : r;
}

static int again(struct ledger *l, struct lower *w, uint32_t snap)
{
	struct verdict v;
	int r = snap ? verdict_get(l->txn, VERDICT_OF_LAYER, snap, &v) : STORE_ABSENT;

	return r == 0 ? put(l, w, snap, &v) : r < 0 ? r : 0;
}

int ledger_proved(struct ledger *l, struct item *i)
{
	struct item_proved *p = container_of(i, struct item_proved, item);
	int r = 0;

	if (p->lower && atomic_load(&p->lower->snap) == p->snap)
		r = p->verdict.n ? ledger_verdict(l, p->lower, p->snap, buf_span(&p->verdict))
				 : again(l, p->lower, p->snap);
	if (r == 0 && p->answers)
		ledger_answer(l, p->asker, p->ask_id, DOOR_OK, p->broken ? "broken" : "clean");
	return r;
}

static int tell_signature(struct ledger *l, uint32_t no, enum signed_state was,
	const struct verdict_signed *by, int severity)
{
	struct event e = {.type = EVENT_IMAGE_SIGNATURE, .severity = (enum severity)severity};
	BUF struct buf detail = {0}, words = {0};
	struct target t;
	int r = ledger_target_of(l, no, &t);

	if (r)
		return r < 0 ? r : 0;
	if (was == SIGNED_VERIFIED && by->state != was)
		buf_add_text(&detail, "not verified any more");
	else if (was == SIGNED_MISMATCH && by->state != was)
		buf_add_text(&detail, "no mismatch any more");
	verdict_signed_words(by, &words);
	if (!words.n)
		buf_add_text(&words, by->state == SIGNED_NONE
					     ? "there is no signature"
					     : "its manifest is not known any more");
	buf_printf(&detail, "%s%s", detail.n ? ": " : "", buf_text(&words));
	e.target = &t;
	e.detail = buf_span(&detail);
	return ledger_journal(l, &e, NULL);
}

int ledger_chain(struct ledger *l, struct item *i)
{
	struct item_chain *c = container_of(i, struct item_chain, item);
	uint32_t no = atomic_load(&c->kept->no);
	struct verdict v, old = {.state = VERDICT_NONE};
	struct verdict_signed by;
	enum signed_state was;
	int r = verdict_decode(buf_span(&c->verdict), &v), news, there;

	if (r < 0 || !no)
		return r;
	there = verdict_get(l->txn, VERDICT_OF_TARGET, no, &old);
	if (there < 0)
		return there;
	/* What is stored moves when it is written again; the item stays. */
	was = old.by.state;
	by = v.by;
	news = verdict_signed_news(there == 0 ? &old.by : NULL, &by);
	r = put_joined(l, c->kept, no, &v, old.state, there == 0 ? old.since : v.when);
	return r == 0 && news >= 0 ? tell_signature(l, no, was, &by, news) : r;
}
