/* Maintenance windows: listed, opened and closed. Who opens one silences alerts for a while, so it takes
 * an admin of everything that it is for, and both are entries of the journal with his uid. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/text.h"
#include "wire/jansson.h"

#define PATIENCE (120 * CLOCK_S)
#define LASTS_FIRST (3600 * CLOCK_S)

int route_holds(struct call *c)
{
	TXN struct txn *t = NULL;
	struct json j;
	int r = view_begin(c, &t);

	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	r = holds_show_all(c, t, &j, "items");
	json_close(&j, '}');
	return r;
}

static int needs_all(struct call *c)
{
	if (roles_everywhere(c->g->roles, &c->peer->who) >= ROLE_ADMIN)
		return 0;
	problem(c, 403, "uid %u is no admin of every target: name the one that is meant",
		c->peer->who.uid);
	return VIEW_ANSWERED;
}

/* ---- open ---- */

struct opening {
	struct span target; /* full id; empty: all */
	struct span name, reason, path;
	int64_t lasts;
};

static int text_of(const json_t *body, const char *name, struct span *ret)
{
	const json_t *v = json_object_get(body, name);

	if (v && (!json_is_string(v) || !json_span(v).n ||
			 memchr(json_span(v).p, 0, json_span(v).n)))
		return err_set(-EINVAL, "%s must be a text without NUL", name);
	if (v)
		*ret = json_span(v);
	return 0;
}

static int read_lasts(const json_t *body, int64_t *ret)
{
	struct span text = {.p = NULL};
	int r = text_of(body, "for", &text);

	*ret = LASTS_FIRST;
	if (r == 0 && text.n)
		r = clock_parse_duration(text, ret);
	if (r < 0)
		return err_wrap(r, "for");
	if (*ret < CLOCK_S || *ret > (int64_t)DOOR_HOLD_LASTS)
		return err_set(-EINVAL, "for: a window lasts between a second and 31 days");
	return 0;
}

static int check_path(struct span path)
{
	if (path.n && path.p[0] != '/' && !span_starts(path, span_of("**")))
		return err_set(-EINVAL, "path: begins with / or with **");
	return path.n ? glob_check(path) : 0;
}

static int read_scope(struct call *c, const json_t *body, struct opening *o)
{
	const json_t *all = json_object_get(body, "all");
	struct span word = {.p = NULL};
	TXN struct txn *t = NULL;
	struct target tg;
	int r = text_of(body, "target", &word);

	if (r < 0)
		return r;
	if ((all && !json_is_boolean(all)) || json_is_true(all) == (word.n > 0))
		return err_set(-EINVAL, "say for what: a target, or \"all\": true");
	if (!word.n) {
		o->name = o->name.n ? o->name : span_of("all");
		return needs_all(c);
	}
	r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, word, ROLE_ADMIN, &tg);
	if (r != 0)
		return r;
	o->target = arena_dup(&c->mem, tg.id);
	if (!o->name.n)
		o->name = arena_dup(&c->mem, tg.name.n ? tg.name : tg.id);
	return 0;
}

static int read_opening(struct call *c, const json_t *body, struct opening *o)
{
	int r = body_reason(body, &o->reason);

	if (r == 0)
		r = text_of(body, "name", &o->name);
	if (r == 0)
		r = text_of(body, "path", &o->path);
	if (r == 0)
		r = check_path(o->path);
	if (r == 0)
		r = read_lasts(body, &o->lasts);
	if (r == 0)
		r = read_scope(c, body, o);
	if (r == 0 && (o->name.n > DOOR_HOLD_NAME || o->path.n >= 4096))
		r = err_set(-EINVAL, "a window's name has %d bytes at most, its path 4095",
			DOOR_HOLD_NAME);
	return r;
}

static int answer_number(const struct call *c, uint64_t *ret)
{
	return text_u64(buf_span(&c->ask->text), 1, UINT64_MAX, ret);
}

static int wait_open(struct call *c)
{
	TXN struct txn *t = NULL;
	struct hold h;
	uint64_t id = 0;
	struct json j;
	int r;

	if (!c->ask->done)
		return CALL_WAIT;
	if (asks_refused(c) != 0)
		return 0;
	r = answer_number(c, &id);
	if (r == 0)
		r = view_begin(c, &t);
	if (r != 0)
		return r < 0 ? r : 0;
	id--;
	r = hold_next(t, &id, &h);
	if (r != 0)
		return r < 0 ? r : problem(c, 404, "the window is closed already");
	j = call_json(c);
	return holds_show(c, t, &h, &j);
}

int route_hold_open(struct call *c)
{
	BUF struct buf text = {.p = NULL};
	DECREF json_t *body = NULL;
	struct opening o = {.lasts = 0};
	struct door_msg m = {.op = DOOR_HOLD_OPEN, .uid = c->peer->who.uid};
	int r = body_read(c, "all for name path reason target", &body);

	if (r == 0)
		r = read_opening(c, body, &o);
	if (r == 0)
		r = pulse_refuses(c);
	if (r != 0)
		return r < 0 ? r : 0;
	buf_bytes(&text, o.name);
	buf_bytes(&text, o.reason);
	buf_bytes(&text, o.path);
	m.target = o.target;
	m.text = buf_span(&text);
	m.value = (uint64_t)o.lasts;
	if (asks_send(c, &m, PATIENCE) != 0)
		return 0;
	c->again = wait_open;
	return CALL_WAIT;
}

/* ---- close ---- */

static int of_rule(struct call *c, const struct hold *h)
{
	BUF struct buf name = {.p = NULL}, until = {.p = NULL};

	text_quote(&name, h->name, true);
	clock_format(&until, h->until);
	problem(c, 409,
		"%s is the window of a rule (%s:%u): it ends at %s; to end it sooner change "
		"the rule",
		buf_text(&name), (const char *)h->file.p, h->line, buf_text(&until));
	return VIEW_ANSWERED;
}

static int no_such(struct call *c)
{
	BUF struct buf name = {.p = NULL};

	text_quote(&name, c->match.arg[0], true);
	problem(c, 404,
		"no open window and no target is called %s; GET /v1/holds lists the windows",
		buf_text(&name));
	return VIEW_ANSWERED;
}

/* The one that was opened for a target by command, and is the only one. */
static int find_of_target(
	struct call *c, struct txn *t, const struct view_holds *all, const struct hold **ret)
{
	BUF struct buf lines = {.p = NULL};
	struct target tg;
	int r = view_target(c, t, c->match.arg[0], ROLE_ADMIN, &tg);
	size_t n = 0;

	if (r == VIEW_ANSWERED && c->status == 404)
		return no_such(c);
	if (r != 0)
		return r;
	for (size_t i = 0; i < all->n; i++) {
		const struct hold *h = &all->v[i].hold;

		if (hold_by_rule(h) || h->target != tg.no)
			continue;
		*ret = h;
		n++;
		text_quote(&lines, h->name, true);
		buf_u8(&lines, '\n');
	}
	if (n == 1)
		return 0;
	if (n)
		problem_with(c, 409, buf_span(&lines),
			"more than one window is open for that target; name the one that is meant");
	else
		problem(c, 404,
			"no window is open by command for that target; GET /v1/holds lists them");
	return VIEW_ANSWERED;
}

static int find_hold(struct call *c, struct txn *t, struct view_holds *all, const struct hold **ret)
{
	struct target tg;
	int r = holds_read(c, t, all);

	for (size_t i = 0; i < all->n && r == 0; i++) {
		const struct hold *h = &all->v[i].hold;

		if (!span_eq(h->name, c->match.arg[0]) || !holds_sees(c, t, h))
			continue;
		*ret = h;
		if (hold_by_rule(h))
			return of_rule(c, h);
		if (!h->target)
			return needs_all(c);
		r = targets_get(t, h->target, &tg);
		return r != 0 ? r : view_target(c, t, tg.id, ROLE_ADMIN, &tg);
	}
	return r < 0 ? r : find_of_target(c, t, all, ret);
}

/* What its last entry says. */
static int wait_close(struct call *c)
{
	TXN struct txn *t = NULL;
	struct journal_entry e;
	uint64_t seq;
	int r;

	if (!c->ask->done)
		return CALL_WAIT;
	if (asks_refused(c) != 0)
		return 0;
	r = answer_number(c, &seq);
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = journal_get(t, seq, &e);
	if (r == 0) {
		DECREF json_t *v = json_loadb((const char *)e.json.p, e.json.n, 0, NULL);
		const json_t *h = json_object_get(v, "hold");
		FREE char *dump = h ? json_dumps(h, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		struct json j = call_json(c);

		if (dump)
			json_raw(&j, span_of(dump));
		else
			problem(c, 500, "the window's last entry cannot be read");
	}
	return r < 0 ? r : 0;
}

int route_hold_close(struct call *c)
{
	DECREF json_t *body = NULL;
	TXN struct txn *t = NULL;
	struct view_holds all = {NULL, 0};
	const struct hold *h = NULL;
	struct door_msg m = {.op = DOOR_HOLD_CLOSE, .uid = c->peer->who.uid};
	int r = body_read(c, "reason", &body);

	if (r == 0 && json_object_get(body, "reason"))
		r = body_reason(body, &m.text);
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = find_hold(c, t, &all, &h);
	if (r == 0)
		r = pulse_refuses(c);
	if (r != 0)
		return r < 0 ? r : 0;
	m.value = h->id;
	if (asks_send(c, &m, PATIENCE) != 0)
		return 0;
	c->again = wait_close;
	return CALL_WAIT;
}
