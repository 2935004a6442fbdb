/* The nouns of the interface, one call each: escaping happens here and nowhere else. */
#include "client/client.h"
#include "base/json.h"
#include "base/text.h"

#define NDJSON "application/x-ndjson"

void url_target(struct url *u, const char *target, const char *noun)
{
	buf_add_text(&u->text, "/v1/targets/");
	text_url_encode(&u->text, span_of(target));
	buf_add_text(&u->text, noun);
}

void url_add(struct url *u, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(&u->text, "%c%s=", u->has_query ? '&' : '?', key);
	text_url_encode(&u->text, span_of(value));
	u->has_query = true;
}

static int get(struct boltseal *h, const struct url *u, struct boltseal_reply *reply)
{
	return boltseal_request(h, "GET", buf_text(&u->text), NULL, NULL, reply);
}

static int get_plain(struct boltseal *h, const char *path, struct boltseal_reply *reply)
{
	return boltseal_request(h, "GET", path, NULL, NULL, reply);
}

int boltseal_status(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/v1/status", reply);
}

int boltseal_health(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/healthz", reply);
}

int boltseal_doctor(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/v1/doctor", reply);
}

int boltseal_layers(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/v1/layers", reply);
}

int boltseal_sinks(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/v1/sinks", reply);
}

int boltseal_sink_test(struct boltseal *h, const char *sink, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1/sinks/");
	text_url_encode(&u.text, span_of(sink));
	buf_add_text(&u.text, "/test");
	return boltseal_request(h, "POST", buf_text(&u.text), NULL, NULL, reply);
}

int boltseal_holds(struct boltseal *h, struct boltseal_reply *reply)
{
	return get_plain(h, "/v1/holds", reply);
}

static void member(struct json *j, const char *key, const char *value)
{
	if (value)
		json_m_text(j, key, value);
}

int boltseal_hold_open(
	struct boltseal *h, const struct boltseal_hold_ask *ask, struct boltseal_reply *reply)
{
	BUF struct buf body = {0};
	struct json j = json_on(&body);

	json_open(&j, '{');
	if (!ask->target)
		json_m_bool(&j, "all", true);
	member(&j, "for", ask->lasts);
	member(&j, "name", ask->name);
	member(&j, "path", ask->path);
	member(&j, "reason", ask->reason);
	member(&j, "target", ask->target);
	json_close(&j, '}');
	return boltseal_request(h, "POST", "/v1/holds", NULL, buf_text(&body), reply);
}

int boltseal_hold_close(
	struct boltseal *h, const char *hold, const char *reason, struct boltseal_reply *reply)
{
	URL struct url u = {0};
	BUF struct buf body = {0};
	struct json j = json_on(&body);

	json_open(&j, '{');
	member(&j, "reason", reason);
	json_close(&j, '}');
	buf_add_text(&u.text, "/v1/holds/");
	text_url_encode(&u.text, span_of(hold));
	buf_add_text(&u.text, "/close");
	return boltseal_request(h, "POST", buf_text(&u.text), NULL, buf_text(&body), reply);
}

int boltseal_targets(struct boltseal *h, int all, struct boltseal_reply *reply)
{
	return get_plain(h, all ? "/v1/targets?all=1" : "/v1/targets", reply);
}

int boltseal_rules_explain(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "/rules");
	url_add(&u, "path", path);
	return get(h, &u, reply);
}

int boltseal_target(struct boltseal *h, const char *target, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "");
	return get(h, &u, reply);
}

int boltseal_baselines(struct boltseal *h, const char *target, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1/baselines");
	url_add(&u, "target", target);
	return get(h, &u, reply);
}

int boltseal_baseline(struct boltseal *h, const char *target, const char *generation,
	struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1/baselines/");
	text_url_encode(&u.text, span_of(target));
	buf_add_text(&u.text, "/");
	text_url_encode(&u.text, span_of(generation));
	return get(h, &u, reply);
}

static int get_of_path(struct boltseal *h, const char *target, const char *noun, const char *path,
	struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, noun);
	url_add(&u, "path", path);
	return get(h, &u, reply);
}

int boltseal_file(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply)
{
	return get_of_path(h, target, "/file", path, reply);
}

int boltseal_patch(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply)
{
	return get_of_path(h, target, "/patch", path, reply);
}

int boltseal_sbom(struct boltseal *h, const char *target, const char *format, int image,
	struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "/sbom");
	url_add(&u, "format", format);
	url_add(&u, "image", image ? "1" : NULL);
	return get(h, &u, reply);
}

int boltseal_changes(struct boltseal *h, const char *target, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1.41/containers/");
	text_url_encode(&u.text, span_of(target));
	buf_add_text(&u.text, "/changes");
	return get(h, &u, reply);
}

/* A quoted tag: a `"` in it would end it early, so it goes as it would in a URL. */
static void tag_header(struct buf *out, const char *name, const char *tag)
{
	buf_printf(out, "%s: \"", name);
	text_url_encode(out, span_of(tag));
	buf_add_text(out, "\"");
}

int boltseal_drift(struct boltseal *h, const char *target, const struct boltseal_drift_ask *ask,
	struct boltseal_reply *reply)
{
	URL struct url u = {0};
	BUF struct buf tag = {0}, limit = {0};
	const char *headers[] = {NULL, NULL};

	if (ask->limit)
		buf_printf(&limit, "%u", ask->limit);
	url_target(&u, target, "/drift");
	for (size_t i = 0; i < ask->n_paths; i++)
		url_add(&u, "path", ask->paths[i]);
	url_add(&u, "kind", ask->kind);
	url_add(&u, "severity", ask->severity);
	url_add(&u, "against", ask->against);
	url_add(&u, "at", ask->at);
	url_add(&u, "limit", limit.n ? buf_text(&limit) : NULL);
	url_add(&u, "cursor", ask->cursor);
	if (ask->if_none_match) {
		tag_header(&tag, "If-None-Match", ask->if_none_match);
		headers[0] = buf_text(&tag);
	}
	return boltseal_request(h, "GET", buf_text(&u.text), headers, NULL, reply);
}

/* Those of the paths that are UTF-8, or those that are not, as one member; none, no member. */
static void write_paths(struct json *j, const char *const *paths, size_t n, bool utf8)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		BUF struct buf b64 = {0};

		if (text_is_utf8(span_of(paths[i])) != utf8)
			continue;
		if (!any) {
			json_key(j, utf8 ? "paths" : "paths_b64");
			json_open(j, '[');
			any = true;
		}
		if (!utf8)
			text_b64(&b64, span_of(paths[i]));
		json_str(j, utf8 ? span_of(paths[i]) : buf_span(&b64));
	}
	if (any)
		json_close(j, ']');
}

static void write_accept(struct buf *out, const char *const *paths, size_t n, const char *reason,
	const char *expires, const char *const *signatures)
{
	struct json j = json_on(out);

	json_open(&j, '{');
	if (expires)
		json_m_text(&j, "expires", expires);
	write_paths(&j, paths, n, true);
	write_paths(&j, paths, n, false);
	json_m_text(&j, "reason", reason);
	if (signatures && signatures[0]) {
		json_key(&j, "signatures");
		json_open(&j, '[');
		for (size_t i = 0; signatures[i]; i++)
			json_text(&j, signatures[i]);
		json_close(&j, ']');
	}
	json_close(&j, '}');
}

int boltseal_accept(struct boltseal *h, const char *target, const char *drift_id,
	const char *const *paths, size_t n_paths, const char *reason, const char *expires,
	struct boltseal_reply *reply)
{
	return boltseal_accept_signed(
		h, target, drift_id, paths, n_paths, reason, expires, NULL, reply);
}

int boltseal_accept_signed(struct boltseal *h, const char *target, const char *drift_id,
	const char *const *paths, size_t n_paths, const char *reason, const char *expires,
	const char *const *signatures, struct boltseal_reply *reply)
{
	URL struct url u = {0};
	BUF struct buf body = {0}, tag = {0};

	url_target(&u, target, "/accept");
	write_accept(&body, paths, n_paths, reason, expires, signatures);
	tag_header(&tag, "If-Match", drift_id);
	return boltseal_request(h, "POST", buf_text(&u.text),
		(const char *const[]){buf_text(&tag), NULL}, buf_text(&body), reply);
}

/* A look at files: lines tell how far it is. `path` NULL: all of it. */
static int look(struct boltseal *h, struct url *u, const char *path, boltseal_line *fn, void *arg,
	struct boltseal_reply *reply)
{
	BUF struct buf body = {0};
	struct json j = json_on(&body);

	json_open(&j, '{');
	if (path)
		json_m_path(&j, "path", span_of(path));
	json_close(&j, '}');
	return boltseal_stream(
		h, "POST", buf_text(&u->text), NDJSON, buf_text(&body), fn, arg, reply);
}

int boltseal_rescan(struct boltseal *h, const char *target, const char *path, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "/rescan");
	return look(h, &u, path, fn, arg, reply);
}

int boltseal_prove(struct boltseal *h, const char *target, const char *path, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	if (target)
		url_target(&u, target, "/prove");
	else
		buf_add_text(&u.text, "/v1/prove");
	return look(h, &u, path, fn, arg, reply);
}

int boltseal_verify(struct boltseal *h, const char *target, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "/verify");
	return boltseal_request(h, "POST", buf_text(&u.text), NULL, NULL, reply);
}

int boltseal_verify_all(struct boltseal *h, const char *what, struct boltseal_reply *reply)
{
	BUF struct buf body = {0};
	struct json j = json_on(&body);

	json_open(&j, '{');
	json_m_text(&j, "what", what);
	json_close(&j, '}');
	return boltseal_request(h, "POST", "/v1/verify", NULL, buf_text(&body), reply);
}

int boltseal_events(struct boltseal *h, const struct boltseal_event_ask *ask, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1/events");
	url_add(&u, "since", ask->since);
	url_add(&u, "until", ask->until);
	url_add(&u, "follow", ask->follow ? "1" : NULL);
	url_add(&u, "target", ask->target);
	url_add(&u, "type", ask->type);
	url_add(&u, "severity", ask->severity);
	url_add(&u, "path", ask->path);
	return boltseal_stream(h, "GET", buf_text(&u.text), NDJSON, NULL, fn, arg, reply);
}
