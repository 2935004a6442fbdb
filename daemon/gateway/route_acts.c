/* What changes something: rescan and accept. The sensor does it; the answer is read from the store
 * afterwards, as it then is. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/jansson.h"
#include "wire/show.h"
#include <ctype.h>

#define PATIENCE (120 * CLOCK_S)
enum {
	SIGNATURES_MAX = 8,
	SIGNATURE_MOST = 1024,
	REASON_MAX = 4096,
	HEX = 2 * SHA_LEN,
	HEX_MIN = 8
};

struct act {
	struct span target; /* full id, in the call's memory */
	char state_id[HEX + 1];
};

/* The body as an object whose names are all in `names` (space between); none is an empty object. */
int body_read(struct call *c, const char *names, struct json_t **ret)
{
	json_error_t why;
	const char *name;
	json_t *v;

	*ret = c->body.n ? json_loadb(buf_text(&c->body), c->body.n,
				   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why)
			 : json_object();
	if (!*ret)
		return err_set(-EINVAL, "the body is not JSON: %s", why.text);
	if (!json_is_object(*ret))
		return err_set(-EINVAL, "the body must be a JSON object");
	json_object_foreach(*ret, name, v) {
		const char *at = strstr(names, name);
		size_t n = strlen(name);

		if (n == 0 || !at || (at != names && at[-1] != ' ') || (at[n] && at[n] != ' '))
			return err_set(-EINVAL,
				"the body has a member '%.40s' that is not known; "
				"there are: %s",
				name, names);
	}
	return 0;
}

static int find_target(struct call *c, enum role need, struct act *ret)
{
	TXN struct txn *t = NULL;
	struct target tg;
	int r = view_begin(c, &t);

	if (r == 0)
		r = view_target(c, t, c->match.arg[0], need, &tg);
	if (r == 0)
		ret->target = arena_dup(&c->mem, tg.id);
	return r;
}

/* {"drift_id":…, "generation":… or "result":"ok"} as the store now has it. */
static int show_after(struct call *c, struct json *j, bool generation)
{
	const struct act *act = c->stream;
	TXN struct txn *t = NULL;
	struct target_state_rec s = {.generation = 0};
	struct target tg = {.no = 0};
	int r = txn_begin(c->g->store, false, &t);

	if (r >= 0)
		r = targets_by_id(t, act->target, &tg);
	if (r == 0)
		r = targets_state_get(t, tg.no, &s);
	if (r < 0)
		return r;
	json_open(j, '{');
	json_m_hex(j, "drift_id", span_make(s.drift_id, SHA_LEN));
	if (generation)
		json_m_uint(j, "generation", s.generation);
	else
		json_m_text(j, "result", "ok");
	json_close(j, '}');
	return 0;
}

static int show_rescanned(struct call *c, struct json *j)
{
	return show_after(c, j, false);
}

static int body_path(const json_t *body, struct span *ret)
{
	const json_t *v = json_object_get(body, "path");

	*ret = span_of("");
	if (!v)
		return 0;
	if (!json_is_string(v))
		return err_set(-EINVAL, "path must be a text");
	*ret = json_span(v);
	return view_path(ret);
}

int route_rescan(struct call *c)
{
	struct act *act = c->stream = arena_alloc(&c->mem, sizeof(*act));
	DECREF json_t *body = NULL;
	struct door_msg m = {.op = DOOR_RESCAN};
	int r = body_read(c, "path", &body);

	if (r == 0)
		r = body_path(body, &m.path);
	if (r == 0)
		r = find_target(c, ROLE_OPERATOR, act);
	if (r == 0)
		r = pulse_refuses(c);
	if (r != 0)
		return r < 0 ? r : 0;
	m.target = act->target;
	return asks_send(c, &m, 0) != 0 ? 0 : call_follow(c, show_rescanned);
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isxdigit(s.p[i]))
			return false;
	}
	return true;
}

/* If-Match: a drift id in double quotes, or as much of its beginning as tells it from another. */
static int read_match(struct call *c, struct act *act)
{
	const char *v = call_request_header(c, "If-Match");
	struct span s = span_of(v);

	if (!v) {
		problem(c, 428,
			"say which drift is accepted: If-Match: \"<drift id>\", as the ETag of "
			"/v1/targets/{target}/drift has it");
		return VIEW_ANSWERED;
	}
	if (s.n < HEX_MIN + 2 || s.n > HEX + 2 || s.p[0] != '"' || s.p[s.n - 1] != '"' ||
		!is_hex(span_make(s.p + 1, s.n - 2)))
		return err_set(-EINVAL,
			"If-Match must be a drift id: 64 hex digits, or the first 8 and more, in "
			"double quotes");
	for (size_t i = 0; i < s.n - 2; i++)
		act->state_id[i] = (char)tolower(s.p[i + 1]);
	return 0;
}

static int add_path(struct buf *list, struct span path)
{
	int r = view_path(&path);

	if (r == 0)
		buf_bytes(list, path);
	return r;
}

static int add_b64_path(struct buf *list, struct span text)
{
	BUF struct buf raw = {.p = NULL};
	int r = text_unb64(text, &raw);

	return r < 0 ? err_wrap(r, "paths_b64") : add_path(list, buf_span(&raw));
}

static int add_paths(const json_t *body, const char *name, int (*add)(struct buf *, struct span),
	struct buf *list)
{
	const json_t *v = json_object_get(body, name);
	int r = 0;

	if (v && (!json_is_array(v) || json_array_size(v) == 0))
		return err_set(-EINVAL,
			"%s must be a list with something in it; leave it out to accept all", name);
	for (size_t i = 0; i < json_array_size(v) && r == 0; i++) {
		const json_t *p = json_array_get(v, i);

		if (!json_is_string(p))
			return err_set(-EINVAL, "%s must be a list of texts", name);
		r = add(list, json_span(p));
	}
	return r;
}

static bool is_blank(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] > ' ')
			return false;
	}
	return true;
}

int body_reason(const struct json_t *body, struct span *ret)
{
	const json_t *v = json_object_get(body, "reason");

	if (!json_is_string(v) || is_blank(json_span(v)))
		return err_set(-EINVAL, "a reason is required: it goes into the journal");
	*ret = json_span(v);
	if (ret->n > REASON_MAX || memchr(ret->p, 0, ret->n))
		return err_set(
			-EINVAL, "the reason may have at most %d bytes and no NUL", REASON_MAX);
	return 0;
}

static int read_expires(const json_t *body, int64_t *ret)
{
	const json_t *v = json_object_get(body, "expires");
	int64_t now = clock_wall();
	int r;

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(-EINVAL, "expires must be an RFC 3339 time");
	r = clock_parse(json_span(v), now, ret);
	if (r < 0)
		return err_wrap(r, "expires");
	if (r == 0 && *ret <= now)
		return err_set(-EINVAL, "expires must lie in the future");
	return r;
}

static int show_accepted(struct call *c, struct json *j)
{
	return show_after(c, j, true);
}

/* Behind the reason, as door.h has it. Who judges them is the sensor. */
static int add_signatures(const json_t *body, struct buf *text)
{
	const json_t *list = json_object_get(body, "signatures");
	uint8_t between = 0;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > SIGNATURES_MAX)
		return err_set(
			-EINVAL, "signatures must be a list of at most %d texts", SIGNATURES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (!json_is_string(v) || json_string_length(v) > SIGNATURE_MOST ||
			strpbrk(json_string_value(v), " \n"))
			return err_set(-EINVAL, "a signature is a text in base64");
		buf_u8(text, between);
		buf_add_text(text, json_string_value(v));
		between = ' ';
	}
	return buf_err(text);
}

static int read_accept(
	struct call *c, const json_t *body, struct buf *paths, struct buf *text, struct door_msg *m)
{
	int r = body_reason(body, &m->text);

	buf_add_span(text, m->text);
	if (r == 0)
		r = add_signatures(body, text);
	m->text = buf_span(text);

	if (r == 0)
		r = read_expires(body, &m->expires);
	if (r == 0)
		r = add_paths(body, "paths", add_path, paths);
	if (r == 0)
		r = add_paths(body, "paths_b64", add_b64_path, paths);
	m->paths = buf_span(paths);
	m->uid = c->peer->who.uid;
	return r;
}

/* Was it moved already? The sensor asks again, under its own lock; this saves the way there. */
static int check_moved(struct call *c, struct act *act)
{
	TXN struct txn *t = NULL;
	BUF struct buf now = {.p = NULL};
	struct target_state_rec s = {.generation = 0};
	struct target tg;
	int r = view_begin(c, &t);

	if (r == 0)
		r = targets_by_id(t, act->target, &tg);
	if (r == 0)
		r = targets_state_get(t, tg.no, &s);
	if (r != 0)
		return r < 0 ? r : r == VIEW_ANSWERED ? r : 0;
	text_hex(&now, span_make(s.drift_id, SHA_LEN));
	if (span_starts(
		    buf_span(&now), span_of(act->state_id))) { /* the sensor is told all of it */
		memcpy(act->state_id, now.p, HEX);
		return 0;
	}
	problem(c, 412, "the drift has moved since: it is %s now; look at it again, then accept",
		buf_text(&now));
	return VIEW_ANSWERED;
}

int route_accept(struct call *c)
{
	struct act *act = c->stream = arena_alloc(&c->mem, sizeof(*act));
	BUF struct buf paths = {.p = NULL}, text = {.p = NULL};
	DECREF json_t *body = NULL;
	struct door_msg m = {.op = DOOR_ACCEPT};
	int r = read_match(c, act);

	if (r == 0)
		r = body_read(c, "expires paths paths_b64 reason signatures", &body);
	if (r == 0)
		r = read_accept(c, body, &paths, &text, &m);
	if (r == 0)
		r = find_target(c, ROLE_ADMIN, act);
	if (r == 0)
		r = pulse_refuses(c);
	if (r == 0)
		r = check_moved(c, act);
	if (r != 0)
		return r < 0 ? r : 0;
	m.target = act->target;
	m.drift_id = span_of(act->state_id);
	if (asks_send(c, &m, PATIENCE) != 0)
		return 0;
	return call_at_end(c, show_accepted);
}
