/*
 * An event is written once without its id; the digest of that text is the id, which then goes in
 * at its sorted place. Checking goes the other way: read with jansson, taken apart, written anew
 * in canonical form, compared.
 */
#include "wire/event.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/jansson.h"
#include "wire/map.h"
#include "wire/noun.h"

#define SCHEMA "boltseal.event/1"
enum { DEPTH_MAX = 16 };

static void show_ready(struct json *j, const char *key, struct span object)
{
	if (object.n == 0)
		return;
	json_key(j, key);
	json_raw(j, object);
}

/* actor … host: what sorts before "id". */
static void members_before(struct json *j, const struct event *e)
{
	if (e->change) {
		show_actor_of(j, e->change->actor);
		json_key(j, "change");
		show_change(j, e->change, e->host_path);
	}
	if (e->actor && !e->change) {
		json_key(j, "actor");
		show_actor(j, e->actor);
	}
	show_ready(j, "checkpoint", e->checkpoint);
	if (e->detail.n > 0)
		json_m_str(j, "detail", e->detail);
	if (e->drift_id)
		json_m_hex(j, "drift_id", span_make(e->drift_id, SHA_LEN));
	show_ready(j, "flood", e->flood);
	if (e->gap) {
		json_key(j, "gap");
		show_gap(j, e->gap);
	}
	if (e->generation)
		json_m_uint(j, "generation", e->generation);
	show_ready(j, "heartbeat", e->heartbeat);
	show_ready(j, "hold", e->hold);
	json_m_str(j, "host", e->host);
}

static void show_names(struct json *j, const struct event *e)
{
	if (e->n_names == 0)
		return;
	json_key(j, "targets");
	json_open(j, '[');
	for (size_t i = 0; i < e->n_names; i++)
		json_str(j, e->names[i]);
	json_close(j, ']');
}

static void members_after(struct json *j, const struct event *e, const uint8_t *prev)
{
	if (e->layer.n > 0)
		json_m_path(j, "layer", e->layer);
	json_m_hex(j, "prev", span_make(prev, SHA_LEN));
	if (e->reason.n > 0)
		json_m_str(j, "reason", e->reason);
	if (e->fold && e->fold->from)
		show_repeats(j, e->fold);
	if (e->root)
		json_m_hex(j, "root", span_make(e->root, SHA_LEN));
	if (e->change)
		show_rule_of(j, e->change->ruling);
	show_ready(j, "run", e->run);
	if (e->run_id)
		json_m_uint(j, "run_id", e->run_id);
	json_m_text(j, "schema", SCHEMA);
	json_m_uint(j, "seq", e->seq);
	if (e->session) {
		json_key(j, "session");
		show_session(j, e->session);
	}
	json_m_text(j, "severity", severity_kinds[e->severity].name);
	if (e->target) {
		json_key(j, "target");
		show_target_ref(j, e->target);
	}
	show_names(j, e);
	json_m_time(j, "time", e->time);
	json_m_text(j, "type", event_kinds[e->type].name);
	if (e->has_uid)
		json_m_uint(j, "uid", e->uid);
}

int event_format(
	const struct event *e, const uint8_t *prev, struct buf *out, uint8_t ret_id[SHA_LEN])
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	size_t at;

	if ((unsigned)e->type >= EVENT_N || (unsigned)e->severity >= SEV_N)
		return err_set(-EINVAL, "an event's type or severity is out of range");
	json_open(&j, '{');
	members_before(&j, e);
	at = text.n;
	members_after(&j, e, prev);
	json_close(&j, '}');
	if (buf_err(&text) < 0)
		return buf_err(&text);
	sha_once(buf_span(&text), ret_id);
	buf_add(out, text.p, at);
	buf_add_text(out, ",\"id\":\"");
	text_hex(out, span_make(ret_id, SHA_LEN));
	buf_u8(out, '"');
	buf_add(out, text.p + at, text.n - at);
	return buf_err(out);
}

static int bad(const char *why)
{
	return err_set(-EBADMSG, "not an event of " SCHEMA ": %s", why);
}

static int by_name(const void *a, const void *b)
{
	return map_order(span_of(*(const char *const *)a), span_of(*(const char *const *)b));
}

static int canonical(struct json *j, const json_t *v, unsigned depth);

static int canonical_object(struct json *j, const json_t *v, unsigned depth)
{
	size_t n = json_object_size(v), i = 0;
	FREE const char **names = calloc(n + 1, sizeof(*names));
	int r = 0;

	must(names);
	for (void *at = json_object_iter((json_t *)v); at;
		at = json_object_iter_next((json_t *)v, at))
		names[i++] = json_object_iter_key(at);
	qsort(names, n, sizeof(*names), by_name);
	json_open(j, '{');
	for (i = 0; i < n && r == 0; i++) {
		json_key(j, names[i]);
		r = canonical(j, json_object_get(v, names[i]), depth - 1);
	}
	json_close(j, '}');
	return r;
}

static int canonical_array(struct json *j, const json_t *v, unsigned depth)
{
	int r = 0;

	json_open(j, '[');
	for (size_t i = 0; i < json_array_size(v) && r == 0; i++)
		r = canonical(j, json_array_get(v, i), depth - 1);
	json_close(j, ']');
	return r;
}

static int canonical_leaf(struct json *j, const json_t *v)
{
	if (json_is_string(v))
		json_str(j, json_span(v));
	else if (json_is_integer(v))
		json_int(j, json_integer_value(v));
	else if (json_is_boolean(v))
		json_bool(j, json_is_true(v));
	else if (json_is_null(v))
		json_nil(j);
	else
		return bad("it has a number that is no whole number");
	return 0;
}

static int canonical(struct json *j, const json_t *v, unsigned depth)
{
	if (depth == 0)
		return bad("it is nested too deep");
	if (json_is_object(v))
		return canonical_object(j, v, depth);
	if (json_is_array(v))
		return canonical_array(j, v, depth);
	return canonical_leaf(j, v);
}

/* Lower case, as it was written: the id is in no digest, so nothing else would tell. */
static int read_hex(const json_t *root, const char *name, uint8_t ret[SHA_LEN])
{
	const json_t *v = json_object_get(root, name);

	if (!json_is_string(v) || strpbrk(json_string_value(v), "ABCDEF") ||
		text_unhex(json_span(v), ret, SHA_LEN) < 0)
		return bad("its id or prev is no 64 hex digits");
	return 0;
}

static int read_members(const json_t *root, struct event_link *ret)
{
	json_int_t seq = json_integer_value(json_object_get(root, "seq"));
	const json_t *host = json_object_get(root, "host");
	int r;

	if (!event_claims(root))
		return bad("its schema is another");
	if (json_is_string(host))
		ret->host = json_span(host);
	if (seq < 1)
		return bad("it has no seq");
	ret->seq = (uint64_t)seq;
	r = read_hex(root, "id", ret->id);
	return r < 0 ? r : read_hex(root, "prev", ret->prev);
}

bool event_claims(const json_t *root)
{
	const json_t *schema = json_object_get(root, "schema");

	return json_is_string(schema) && span_is(json_span(schema), SCHEMA);
}

int event_check_object(json_t *root, struct event_link *ret)
{
	BUF struct buf out = {.p = NULL};
	struct json j = json_on(&out);
	uint8_t id[SHA_LEN];
	int r;

	*ret = (struct event_link){.seq = 0};
	r = read_members(root, ret);
	if (r < 0)
		return r;
	json_object_del(root, "id");
	r = canonical(&j, root, DEPTH_MAX);
	if (r < 0 || (r = buf_err(&out)) < 0)
		return r;
	sha_once(buf_span(&out), id);
	if (!sha_same(id, ret->id))
		return err_set(-EBADMSG,
			"event %llu was changed: its id is not the digest of its text",
			(unsigned long long)ret->seq);
	return 0;
}

/* The one member that no digest covers. */
static bool has_lower_id(const json_t *root)
{
	struct span id = json_span(json_object_get(root, "id"));

	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] >= 'A' && id.p[i] <= 'F')
			return false;
	return true;
}

int event_check_stored(json_t *root, struct span text, struct event_link *ret)
{
	BUF struct buf out = {.p = NULL};
	struct json j = json_on(&out);
	int r = has_lower_id(root) ? canonical(&j, root, DEPTH_MAX) : bad("its id is in capitals");

	*ret = (struct event_link){.seq = 0};
	if (r < 0 || (r = buf_err(&out)) < 0)
		return r;
	if (!span_eq(buf_span(&out), text))
		return bad("its text is not in canonical form");
	return event_check_object(root, ret);
}

int event_check(
	struct span text, uint64_t *ret_seq, uint8_t ret_id[SHA_LEN], uint8_t ret_prev[SHA_LEN])
{
	json_error_t why;
	DECREF json_t *root = json_loadb(
		(const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	struct event_link link;
	int r;

	if (!root)
		return bad(why.text);
	r = event_check_object(root, &link);
	*ret_seq = link.seq;
	memcpy(ret_id, link.id, SHA_LEN);
	memcpy(ret_prev, link.prev, SHA_LEN);
	return r;
}
