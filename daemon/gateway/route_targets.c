/* GET /v1/targets and one of them. */
#include "daemon/gateway/golden.h"
#include "base/err.h"
#include "base/glob.h"
#include "store/verdict.h"
#include "wire/show.h"

struct wanted {
	int state; /* -1: any */
	bool all;
	const struct query *q;
};

static bool has_label(const struct target *t, struct span want)
{
	const uint8_t *eq = memchr(want.p, '=', want.n);
	struct span key = span_make(want.p, eq ? (size_t)(eq - want.p) : want.n);
	struct rd at = rd_of(t->labels);
	struct pair p;

	while (target_next_pair(&at, &p)) {
		if (span_eq(p.key, key))
			return !eq || glob_match(span_make(eq + 1, want.n - key.n - 1), p.value);
	}
	return false;
}

static bool is_wanted(const struct wanted *w, const struct target *t)
{
	if (w->state >= 0 ? (int)t->state != w->state : !w->all && t->state != STATE_RUNNING)
		return false;
	for (size_t i = 0; i < w->q->n; i++) {
		if (span_is(w->q->item[i].name, "label") && !has_label(t, w->q->item[i].value))
			return false;
	}
	return true;
}

static int read_wanted(const struct query *q, struct wanted *ret)
{
	const struct span *state = query_get(q, "state");

	ret->q = q;
	ret->state = state ? kind_find(state_kinds, STATE_N, *state) : -1;
	if (state && ret->state < 0)
		return err_set(-EINVAL, "state is running, stopped or removed");
	return query_bool(q, "all", &ret->all);
}

/* The names of those that cover the target, in the call's memory. */
static struct show_names covering(
	struct call *c, const struct view_holds *holds, const struct target *tg)
{
	struct span *v = arena_alloc(&c->mem, (holds->n + 1) * sizeof(*v));
	struct show_names names = {v, 0};

	for (size_t i = 0; i < holds->n; i++)
		if (holds_cover(&holds->v[i], tg))
			v[names.n++] = holds->v[i].hold.name;
	return names;
}

static int show_one(struct call *c, struct json *j, struct txn *t, const struct view_holds *holds,
	struct gold_view *gold, const struct target *tg)
{
	struct show_names names = {NULL, 0};
	struct target_state_rec s = {.generation = 0};
	struct view_excluded x;
	struct verdict v;
	bool judged = false;
	int r = targets_state_get(t, tg->no, &s);

	if (r >= 0)
		r = verdict_get(t, VERDICT_OF_TARGET, tg->no, &v);
	judged = r == 0;
	if (r >= 0)
		r = gold_view_target(gold, t, tg);
	if (r < 0)
		return r;
	view_excluded(c, tg, &x);
	if (holds->n)
		names = covering(c, holds, tg);
	show_target(j, tg, &s, &x.show, &names, judged ? &v : NULL, &gold->judged);
	return 0;
}

int route_targets(struct call *c)
{
	GOLD_VIEW struct gold_view *gold = gold_view_new(c->g->config);
	struct wanted w;
	struct view_holds holds = {NULL, 0};
	TXN struct txn *t = NULL;
	struct target tg;
	struct json j;
	uint32_t no = 0;
	int r = read_wanted(&c->query, &w);

	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = holds_read(c, t, &holds);
	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	while ((r = targets_next(t, &no, &tg)) == 0) {
		if (!is_wanted(&w, &tg) || !view_sees(c, &tg))
			continue;
		r = show_one(c, &j, t, &holds, gold, &tg);
		if (r < 0)
			return r;
	}
	json_close(&j, ']');
	if (view_sensor_down(c))
		json_m_text(&j, "sensor", "down");
	json_close(&j, '}');
	return r < 0 ? r : 0;
}

int route_target(struct call *c)
{
	GOLD_VIEW struct gold_view *gold = gold_view_new(c->g->config);
	TXN struct txn *t = NULL;
	struct target_state_rec s = {.generation = 0};
	struct view_excluded x;
	struct view_holds holds = {NULL, 0};
	struct show_names names;
	struct target tg;
	struct verdict v;
	bool judged = false;
	struct json j;
	int r = view_begin(c, &t);

	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	r = targets_state_get(t, tg.no, &s);
	if (r >= 0) {
		r = verdict_get(t, VERDICT_OF_TARGET, tg.no, &v);
		judged = r == 0;
	}
	if (r >= 0)
		r = gold_view_target(gold, t, &tg);
	if (r >= 0)
		r = holds_read(c, t, &holds);
	if (r < 0)
		return r;
	names = covering(c, &holds, &tg);
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "coverage");
	r = view_coverage(c, t, &tg, &s, &j);
	json_key(&j, "target");
	view_excluded(c, &tg, &x);
	show_target(&j, &tg, &s, &x.show, &names, judged ? &v : NULL, &gold->judged);
	json_close(&j, '}');
	return r;
}
