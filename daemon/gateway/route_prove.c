/* POST …/prove: the sensor reads layers from disk again and holds them against their images; the answer is what the
 * store then says of them. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "store/verdict.h"
#include "wire/jansson.h"
#include <string.h>

struct wanted {
	struct span target; /* full id, in the call's memory; empty: all */
	struct span path;   /* of one layer; empty: all */
};

struct proving {
	struct json *j;
	struct txn *t;
	const struct wanted *want;
	bool clean;
};

static void check(struct proving *p, const char *what, struct span subject, const struct verdict *v)
{
	BUF struct buf words = {.p = NULL};
	bool ok = verdict_is_fine(v);

	verdict_words(v, &words);
	json_open(p->j, '{');
	json_m_text(p->j, "check", what);
	json_m_str(p->j, "detail", buf_span(&words));
	json_m_bool(p->j, "ok", ok);
	json_m_path(p->j, "subject", subject);
	if (v->state == VERDICT_UNKNOWN)
		json_m_bool(p->j, "unproved", true);
	json_close(p->j, '}');
	p->clean &= ok;
}

static int check_target(struct proving *p, const struct target *tg)
{
	struct verdict v;
	int r = verdict_get(p->t, VERDICT_OF_TARGET, tg->no, &v);

	if (r == STORE_ABSENT && target_is_overlay(tg)) {
		v = (struct verdict){.state = VERDICT_UNKNOWN,
			.why = span_of("it has no baseline yet: ask again when it has one")};
		r = 0;
	}
	if (r == 0)
		check(p, "image", tg->name, &v);
	return r < 0 ? r : 0;
}

static int check_targets(struct proving *p)
{
	struct target tg;
	uint32_t no = 0;
	int r = 0;

	if (p->want->path.n)
		return 0;
	while (r == 0 && (r = targets_next(p->t, &no, &tg)) == 0)
		if (tg.state != STATE_REMOVED &&
			(!p->want->target.n || span_eq(tg.id, p->want->target)))
			r = check_target(p, &tg);
	return r < 0 ? r : 0;
}

static bool is_wanted(const struct proving *p, const struct target *tg, struct span path)
{
	return p->want->path.n	   ? span_eq(path, p->want->path)
	       : p->want->target.n ? view_stacks(tg, path)
				   : true;
}

static int check_layers(struct proving *p)
{
	struct target tg = {.no = 0};
	struct snap_info info;
	struct verdict v;
	uint32_t no = 0;
	int r = p->want->target.n ? targets_by_id(p->t, p->want->target, &tg) : 0;

	while (r == 0 && (r = snap_next(p->t, &no, &info)) == 0) {
		if (info.state != SNAP_COMPLETE || !is_wanted(p, &tg, info.path))
			continue;
		r = verdict_get(p->t, VERDICT_OF_LAYER, no, &v);
		if (r == 0)
			check(p, "proof", info.path, &v);
		r = r < 0 ? r : 0;
	}
	return r < 0 ? r : 0;
}

static int show_after(struct call *c, struct json *j)
{
	TXN struct txn *t = NULL;
	struct proving p = {.j = j, .want = c->stream, .clean = true};
	int r = txn_begin(c->g->store, false, &t);

	p.t = t;
	if (r < 0)
		return r;
	json_open(j, '{');
	json_key(j, "checks");
	json_open(j, '[');
	r = check_targets(&p);
	if (r == 0)
		r = check_layers(&p);
	json_close(j, ']');
	json_m_bool(j, "clean", p.clean);
	json_m_text(j, "result", "ok");
	json_close(j, '}');
	return r;
}

static int start(struct call *c, const struct wanted *want)
{
	struct door_msg m = {.op = DOOR_PROVE, .target = want->target, .path = want->path};

	if (pulse_refuses(c) != 0 || asks_send(c, &m, 0) != 0)
		return 0;
	return call_follow(c, show_after);
}

int route_prove_target(struct call *c)
{
	struct wanted *want = c->stream = arena_alloc(&c->mem, sizeof(*want));
	TXN struct txn *t = NULL;
	struct target tg;
	int r = view_begin(c, &t);

	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_OPERATOR, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	want->target = arena_dup(&c->mem, tg.id);
	txn_abort(take(t));
	return start(c, want);
}

int route_prove(struct call *c)
{
	struct wanted *want = c->stream = arena_alloc(&c->mem, sizeof(*want));
	DECREF json_t *body = NULL;
	const json_t *v;
	int r = body_read(c, "path", &body);

	if (r < 0)
		return r;
	if (roles_everywhere(c->g->roles, &c->peer->who) < ROLE_OPERATOR)
		return problem(
			c, 403, "this is about every target, and your role is confined by label");
	v = json_object_get(body, "path");
	if (v && (!json_is_string(v) || json_string_value(v)[0] != '/'))
		return err_set(-EINVAL, "path is that of a layer's directory, and begins with /");
	if (v)
		want->path = arena_dup(&c->mem, json_span(v));
	return start(c, want);
}
