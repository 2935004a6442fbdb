/* Golden baselines: brought in, listed, taken away. */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/gateway/golden.h"

#define PATIENCE (10 * 60 * CLOCK_S)

static int show_one(struct call *c, struct span digest)
{
	GOLD_VIEW struct gold_view *v = gold_view_new(c->g->config);
	TXN struct txn *t = NULL;
	struct json j;
	int r = view_begin(c, &t);

	if (r == 0)
		r = gold_view_find(v, t, digest);
	if (r == STORE_ABSENT)
		return problem(c, 404, "there is no golden baseline of that image");
	if (r)
		return r < 0 ? r : 0;
	j = call_json(c);
	gold_view_show(v, &j);
	return 0;
}

static int wait_import(struct call *c)
{
	if (!c->ask->done)
		return CALL_WAIT;
	return asks_refused(c) ? 0 : show_one(c, buf_span(&c->ask->text));
}

int route_baseline_import(struct call *c)
{
	struct door_msg m = {.op = DOOR_IMPORT, .uid = c->peer->who.uid};
	bool replace = false;
	int fd, r = query_bool(&c->query, "replace", &replace);

	if (r == 0 && roles_everywhere(c->g->roles, &c->peer->who) < ROLE_ADMIN)
		return problem(c, 403,
			"an image may be every target's, and your role is confined by label");
	if (r == 0)
		r = pulse_refuses(c);
	if (r != 0)
		return r < 0 ? r : 0;
	fd = body_take_file(c);
	if (fd < 0)
		return problem(c, 400, "the body is a baseline file, and there is none");
	m.value = replace;
	if (asks_send_file(c, &m, fd, PATIENCE) != 0)
		return 0;
	c->again = wait_import;
	return CALL_WAIT;
}

/* May the peer know of it? Of an image that a target has which it may see. */
static int sees(const struct call *c, struct txn *t, const struct gold *g, bool *ret)
{
	BUF struct buf config = {.p = NULL}, manifest = {.p = NULL};
	struct target tg;
	uint32_t no = 0;
	int r = 0;

	*ret = view_sees_all(c);
	buf_add_text(&config, "sha256:");
	text_hex(&config, span_make(g->image, SHA_LEN));
	buf_add_text(&manifest, "sha256:");
	text_hex(&manifest, span_make(g->manifest, SHA_LEN));
	while (!*ret && (r = targets_next(t, &no, &tg)) == 0)
		*ret = view_sees(c, &tg) && (span_eq(tg.image_digest, buf_span(&config)) ||
						    span_eq(tg.image_digest, buf_span(&manifest)));
	return r < 0 ? r : 0;
}

int route_golden(struct call *c)
{
	GOLD_VIEW struct gold_view *v = gold_view_new(c->g->config);
	TXN struct txn *t = NULL;
	uint8_t at[SHA_LEN] = {0};
	struct json j;
	bool seen;
	int r = view_begin(c, &t);

	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	while ((r = gold_next(t, at, &v->gold)) == 0) {
		r = sees(c, t, &v->gold, &seen);
		if (r < 0)
			return r;
		gold_view_judge(v);
		if (seen)
			gold_view_show(v, &j);
	}
	json_close(&j, ']');
	json_m_bool(&j, "require_signed", c->g->config->require_signed);
	json_close(&j, '}');
	return r < 0 ? r : 0;
}

static int show_removed(struct call *c, struct json *j)
{
	(void)c;
	json_open(j, '{');
	json_m_text(j, "result", "ok");
	json_close(j, '}');
	return 0;
}

int route_golden_remove(struct call *c)
{
	struct door_msg m = {.op = DOOR_FORGET, .uid = c->peer->who.uid};
	struct span digest = c->match.arg[0];
	uint8_t sha[SHA_LEN];
	int r;

	if (span_starts(digest, span_of("sha256:")))
		digest = span_make(digest.p + 7, digest.n - 7);
	if (text_unhex(digest, sha, SHA_LEN) < 0)
		return problem(c, 400,
			"an image's digest is 64 hex digits, with sha256: before them or not");
	if (roles_everywhere(c->g->roles, &c->peer->who) < ROLE_ADMIN)
		return problem(c, 403,
			"an image may be every target's, and your role is confined by label");
	r = pulse_refuses(c);
	if (r != 0)
		return r < 0 ? r : 0;
	m.drift_id = digest;
	if (asks_send(c, &m, PATIENCE) != 0)
		return 0;
	return call_at_end(c, show_removed);
}
