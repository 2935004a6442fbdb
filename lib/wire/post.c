/*
 * The table of profiles, and what is the same for all of them: every event is formatted and read
 * once, then the profile wraps it; an answer's status is judged by one table, then the profile
 * looks at its body.
 */
#include "wire/post.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/post_parts.h"
#include <stdio.h>

#define X_KIND(id, n, s) [POST_##id] = {n, s},
const struct kind post_kinds[POST_N] = {POST_PROFILES(X_KIND)};

static const struct profile {
	const char *path; /* NULL: the address as it is */
	const char *query, *type;
	post_body_fn *body;
	post_taken_fn *taken;
	post_failed_fn *failed; /* NULL: the status says it all */
	bool plain;		/* the formatted event is enough: it is not read for its facts */
} profiles[POST_N] = {
	[POST_GENERIC] = {NULL, NULL, "application/x-ndjson", post_body_generic, post_taken_generic,
		NULL, true},
	[POST_HEC] = {"/services/collector/event", NULL, "application/json", post_body_hec,
		post_taken_hec, post_failed_hec, false},
	[POST_BULK] = {"/_bulk",
		"filter_path=errors,error,items.*._id,items.*.status,items.*.error.type,"
		"items.*.error.reason",
		"application/x-ndjson", post_body_bulk, post_taken_bulk, post_failed_bulk, true},
	[POST_LOKI] = {"/loki/api/v1/push", NULL, "application/json", post_body_loki,
		post_taken_loki, NULL, false},
	[POST_OTLP] = {"/v1/logs", NULL, "application/json", post_body_otlp, post_taken_otlp,
		post_failed_otlp, false},
};

static bool is_json(enum format f)
{
	return f == FORMAT_JSON || f == FORMAT_ECS || f == FORMAT_OCSF || f == FORMAT_FALCO ||
	       f == FORMAT_WAZUH;
}

struct items {
	struct post_item *v;
	size_t n;
};
static void items_free(struct items *l)
{
	for (size_t i = 0; i < l->n; i++) {
		arena_free(&l->v[i].mem);
		buf_free(&l->v[i].text);
	}
	free(l->v);
}

static int item_make(const struct post_options *o, const struct post_event *e, struct post_item *it)
{
	int r = format_event(o->format, e->json, &o->how, &it->text);

	it->event = e;
	it->is_json = is_json(o->format);
	if (r < 0 || (r = buf_err(&it->text)) < 0 || profiles[o->profile].plain)
		return r;
	return jnode_read(e->json, &it->mem, &it->root); /* an object, or it had no format */
}

int post_body(const struct post_options *o, const struct post_event *v, size_t n, struct buf *out,
	size_t *ret_n)
{
	CLEANUP(items_free) struct items l = {.v = calloc(n ? n : 1, sizeof(*l.v))};
	size_t good = 0;

	must(l.v && (unsigned)o->profile < POST_N);
	while (good < n) {
		int r = item_make(o, &v[good], &l.v[l.n++]);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			break;
		good++;
	}
	*ret_n = good;
	if (good > 0)
		profiles[o->profile].body(o, l.v, good, out);
	return buf_err(out);
}

const char *post_content_type(const struct post_options *o, size_t n)
{
	if (o->profile != POST_GENERIC)
		return profiles[o->profile].type;
	if (!is_json(o->format))
		return "text/plain; charset=utf-8";
	return n == 1 ? "application/json" : profiles[o->profile].type;
}

static bool ends_in(struct span s, struct span tail)
{
	return s.n >= tail.n && memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0;
}

const char *post_query(enum post_profile p)
{
	return profiles[p].query;
}

void post_path(const struct post_options *o, struct span path, struct buf *out)
{
	struct span own = span_of(profiles[o->profile].path);

	if (own.n == 0) {
		buf_add_span(out, path.n ? path : span_of("/"));
		return;
	}
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	buf_add_span(out, path);
	if (ends_in(path, own))
		return;
	if (o->profile == POST_BULK) {
		buf_u8(out, '/');
		text_url_encode(out, span_of(o->index && *o->index ? o->index : POST_STREAM));
	}
	buf_add_span(out, own);
}

void post_item_value(struct json *j, const struct post_item *it)
{
	if (it->is_json)
		json_raw(j, buf_span(&it->text));
	else
		json_str(j, buf_span(&it->text));
}

struct span post_item_host(const struct post_item *it)
{
	return jnode_text(jnode_at(it->root, "host"));
}

static bool is_given(const struct post_options *o, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; o->labels && o->labels[i]; i++)
		if (strncmp(o->labels[i], name, n) == 0 && o->labels[i][n] == '=')
			return true;
	return false;
}

void post_labels(const struct post_options *o, const struct post_label *ours, size_t n,
	void (*fn)(struct json *j, const struct post_label *l), struct json *j)
{
	for (size_t i = 0; o->labels && o->labels[i]; i++) {
		const char *sign = strchr(o->labels[i], '=');
		char name[128];

		if (!sign || sign - o->labels[i] >= (ptrdiff_t)sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(sign - o->labels[i]), o->labels[i]);
		fn(j, &(struct post_label){name, span_of(sign + 1)});
	}
	for (size_t i = 0; i < n; i++)
		if (ours[i].value.n > 0 && !is_given(o, ours[i].name))
			fn(j, &ours[i]);
}

void post_body_generic(
	const struct post_options *o UNUSED, const struct post_item *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_span(out, buf_span(&v[i].text));
		buf_u8(out, '\n');
	}
}

/* A web hook says no more than its status. */
void post_taken_generic(const struct post_answer *a, const struct post_event *v UNUSED,
	size_t n UNUSED, struct post_result *ret)
{
	post_say(ret, POST_TAKEN, span_of(""), "HTTP %u", a->status);
}

void post_read(enum post_profile p, const struct post_answer *a, const struct post_event *v,
	size_t n, int64_t now, struct post_result *ret)
{
	must((unsigned)p < POST_N && n > 0);
	*ret = (struct post_result){.verdict = POST_WRONG};
	if (a->status >= 200 && a->status < 300) {
		profiles[p].taken(a, v, n, ret);
	} else {
		post_status(a, n, now, ret);
		if (profiles[p].failed)
			profiles[p].failed(a, n, ret);
	}
	if (ret->verdict == POST_TAKEN)
		ret->done = n;
	if (ret->verdict == POST_AGAIN)
		ret->retry_after = post_retry_after(a->retry_after, now);
}
