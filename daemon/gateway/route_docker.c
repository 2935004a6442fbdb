/* What the stock docker client asks: ping, version, ps, diff. Errors are {"message":…}. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "wire/docker.h"
#include "wire/jansson.h"

int route_docker_ping(struct call *c)
{
	struct json j = call_json(c);

	(void)j;
	c->type = "text/plain; charset=utf-8";
	buf_add_text(&c->out, "OK");
	call_header(c, "Pragma", "no-cache");
	return 0;
}

int route_docker_version(struct call *c)
{
	struct json j = call_json(c);

	docker_version(&j, BOLTSEAL_VERSION);
	return 0;
}

static bool label_is(const struct target *t, struct span want)
{
	const uint8_t *eq = memchr(want.p, '=', want.n);
	struct span key = span_make(want.p, eq ? (size_t)(eq - want.p) : want.n);
	struct rd at = rd_of(t->labels);
	struct pair p;

	while (target_next_pair(&at, &p)) {
		if (span_eq(p.key, key))
			return !eq || span_eq(p.value, span_make(eq + 1, want.n - key.n - 1));
	}
	return false;
}

static bool name_is(const struct target *t, struct span want)
{
	if (want.n > 0 && want.p[0] == '/')
		want = span_make(want.p + 1, want.n - 1);
	return want.n == 0 || memmem(t->name.p, t->name.n, want.p, want.n);
}

static bool id_is(const struct target *t, struct span want)
{
	return span_starts(t->id, want);
}

static bool status_is(const struct target *t, struct span want)
{
	return span_is(want, t->state == STATE_RUNNING ? "running" : "exited");
}

static bool image_is(const struct target *t, struct span want)
{
	return span_starts(t->image, want);
}

static const struct {
	const char *name;
	bool (*fits)(const struct target *t, struct span want);
	bool all; /* every value must fit; else one of them */
} filters[] = {
	{"label", label_is, true},
	{"name", name_is, false},
	{"id", id_is, false},
	{"status", status_is, false},
	{"ancestor", image_is, false},
};

/* Values come as {"v":true} or, from old clients, as ["v"]. */
static bool filter_fits(size_t row, const json_t *values, const struct target *t)
{
	size_t n = json_is_array(values) ? json_array_size(values) : json_object_size(values),
	       i = 0;
	void *at = json_is_object(values) ? json_object_iter((json_t *)values) : NULL;
	size_t hits = 0;

	for (; i < n; i++) {
		struct span v = at ? span_of(json_object_iter_key(at))
				   : json_span(json_array_get(values, i));

		hits += filters[row].fits(t, v);
		at = at ? json_object_iter_next((json_t *)values, at) : NULL;
	}
	return n == 0 || (filters[row].all ? hits == n : hits > 0);
}

static bool fits(const json_t *want, const struct target *t)
{
	for (size_t i = 0; i < COUNTOF(filters); i++) {
		const json_t *values = json_object_get(want, filters[i].name);

		if (values && !filter_fits(i, values, t))
			return false;
	}
	return true;
}

static int read_filters(struct call *c, json_t **ret)
{
	const struct span *text = query_get(&c->query, "filters");
	const char *name;
	json_t *values;

	*ret = text && text->n ? json_loadb((const char *)text->p, text->n, 0, NULL)
			       : json_object();
	if (!json_is_object(*ret))
		return err_set(-EINVAL, "filters is not a JSON object");
	json_object_foreach(*ret, name, values) {
		size_t i = 0;

		while (i < COUNTOF(filters) && strcmp(filters[i].name, name) != 0)
			i++;
		if (i == COUNTOF(filters))
			return err_set(-EINVAL, "boltseal does not know the filter '%.40s'", name);
	}
	return 0;
}

int route_docker_ps(struct call *c)
{
	DECREF json_t *want = NULL;
	TXN struct txn *t = NULL;
	struct target tg;
	struct json j;
	uint32_t no = 0;
	bool all, by_status;
	int r = query_bool(&c->query, "all", &all);

	if (r == 0)
		r = read_filters(c, &want);
	if (r == 0)
		r = view_begin(c, &t);
	if (r != 0)
		return r < 0 ? r : 0;
	by_status = json_object_get(want, "status") != NULL;
	j = call_json(c);
	json_open(&j, '[');
	while ((r = targets_next(t, &no, &tg)) == 0) {
		bool shown = tg.kind == TARGET_CONTAINER && tg.state != STATE_REMOVED &&
			     (all || by_status || tg.state == STATE_RUNNING);

		if (shown && view_sees(c, &tg) && fits(want, &tg))
			docker_container(&j, &tg, clock_wall());
	}
	json_close(&j, ']');
	return r < 0 ? r : 0;
}

static int on_change(void *ctx, const struct change *c)
{
	docker_changes_add(ctx, c->path, c->kind);
	return 0;
}

/* docker diff knows no accepting: it is against the image. */
int route_docker_changes(struct call *c)
{
	static const struct against_want image = {.what = AGAINST_IMAGE};
	DOCKER_CHANGES struct docker_changes list = {.item = NULL};
	TXN struct txn *t = NULL;
	struct target tg;
	struct json j;
	int r = view_begin(c, &t);

	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	r = against_each(t, &tg, &image, on_change, &list);
	if (r != 0)
		return r;
	j = call_json(c);
	docker_changes_show(&j, &list);
	return 0;
}
