/* GET /v1/layers, /v1/baselines and one generation. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "base/text.h"
#include "store/verdict.h"
#include "wire/show.h"

struct names {
	struct span *name;
	size_t n, cap;
};

static void names_free(struct names *l)
{
	free(l->name);
}

static void names_add(struct names *l, struct span name)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct span *more = realloc(l->name, cap * sizeof(*more));

		must(more);
		l->name = more;
		l->cap = cap;
	}
	l->name[l->n++] = name;
}

static int who_stacks(struct call *c, struct txn *t, struct span path, struct names *ret)
{
	struct target tg;
	uint32_t no = 0;
	int r;

	ret->n = 0;
	while ((r = targets_next(t, &no, &tg)) == 0) {
		if (tg.state != STATE_REMOVED && view_stacks(&tg, path) && view_sees(c, &tg))
			names_add(ret, tg.name);
	}
	return r < 0 ? r : 0;
}

static int show_one_layer(
	struct json *j, struct txn *t, const struct snap_info *s, const struct names *names)
{
	struct verdict v;
	int r = verdict_get(t, VERDICT_OF_LAYER, s->no, &v);
	struct show_layer l = {.identity = s->identity,
		.path = s->path,
		.digest = s->digest,
		.kind = s->kind,
		.records = s->n_records,
		.bytes = s->n_bytes,
		.created = s->created,
		.targets = names->name,
		.n_targets = names->n,
		.verdict = r == 0 ? &v : NULL,
		.root = s->state == SNAP_COMPLETE ? s->root : NULL};

	show_layer(j, &l);
	return r < 0 ? r : 0;
}

int route_layers(struct call *c)
{
	CLEANUP(names_free) struct names names = {.n = 0};
	bool all = view_sees_all(c);
	TXN struct txn *t = NULL;
	struct snap_info info;
	struct json j;
	uint32_t no = 0;
	int r = view_begin(c, &t);

	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	while ((r = snap_next(t, &no, &info)) == 0) {
		if (info.state == SNAP_DOOMED)
			continue;
		r = who_stacks(c, t, info.path, &names);
		if (r < 0)
			return r;
		if (all || names.n > 0)
			r = show_one_layer(&j, t, &info, &names);
		if (r < 0)
			return r;
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return r < 0 ? r : 0;
}

static struct show_generation shown(const struct generation *g)
{
	static const uint8_t zeros[SHA_LEN];

	return (struct show_generation){.no = g->no,
		.uid = g->uid,
		.n_paths = g->n_paths,
		.time = g->time,
		.expires = g->expires,
		.reason = g->reason,
		.drift_id = sha_same(g->drift_id, zeros) ? NULL : g->drift_id,
		.root = sha_same(g->root, zeros) ? NULL : g->root,
		.golden = g->has_golden ? g->golden : NULL};
}

static int show_generations(struct json *j, struct txn *t, const struct target *tg)
{
	struct target_state_rec s = {.generation = 0};
	struct generation g;
	int r = targets_state_get(t, tg->no, &s);

	json_open(j, '{');
	json_key(j, "generations");
	json_open(j, '[');
	for (uint32_t no = 1; r >= 0 && no <= s.generation; no++) {
		struct show_generation show;

		r = generation_get(t, tg->no, no, &g);
		if (r != 0)
			continue;
		show = shown(&g);
		json_open(j, '{');
		show_generation(j, &show, NULL);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_key(j, "target");
	show_target_ref(j, tg);
	json_close(j, '}');
	return r < 0 ? r : 0;
}

static int all_generations(struct call *c, struct txn *t, struct json *j)
{
	struct target tg;
	uint32_t no = 0;
	int r;

	while ((r = targets_next(t, &no, &tg)) == 0) {
		r = view_sees(c, &tg) ? show_generations(j, t, &tg) : 0;
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int route_baselines(struct call *c)
{
	const struct span *word = query_get(&c->query, "target");
	TXN struct txn *t = NULL;
	struct target tg;
	struct json j;
	int r = view_begin(c, &t);

	if (r == 0 && word)
		r = view_target(c, t, *word, ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	r = word ? show_generations(&j, t, &tg) : all_generations(c, t, &j);
	json_close(&j, ']');
	json_close(&j, '}');
	return r;
}

static int on_accepted(void *ctx, const struct accepted *a)
{
	struct json *j = ctx;

	json_open(j, '{');
	show_time(j, "expires", a->expires);
	json_m_uint(j, "generation", a->generation);
	show_record_of(j, "image", a->image);
	show_str(j, "mount", a->mount);
	json_m_path(j, "path", a->path);
	show_record_of(j, "record", a->rec);
	json_close(j, '}');
	return 0;
}

static int answer_generation(
	struct call *c, struct txn *t, const struct target *tg, const struct generation *g)
{
	struct show_generation show = shown(g);
	BUF struct buf items = {.p = NULL};
	struct json sub = json_on(&items), j;
	int r;

	json_open(&sub, '[');
	r = accepted_each(t, tg->no, g->no, on_accepted, &sub);
	json_close(&sub, ']');
	if (r < 0)
		return r;
	j = call_json(c);
	json_open(&j, '{');
	show_generation(&j, &show, &items);
	json_close(&j, '}');
	return 0;
}

int route_baseline(struct call *c)
{
	TXN struct txn *t = NULL;
	struct generation g;
	struct target tg;
	uint64_t no;
	int r = text_u64(c->match.arg[1], 1, UINT32_MAX - 1, &no);

	if (r < 0)
		err_wrap(r, "generation");
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	r = generation_get(t, tg.no, (uint32_t)no, &g);
	if (r == STORE_ABSENT)
		return problem(c, 404,
			"there is no generation %u of it; GET /v1/baselines lists them",
			(unsigned)no);
	return r < 0 ? r : answer_generation(c, t, &tg, &g);
}
