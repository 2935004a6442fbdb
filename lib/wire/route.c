/* Paths are cut at their slashes before anything is decoded, so that %2F stays inside a segment:
 * names of host trees have slashes. */
#include "wire/route.h"
#include "base/err.h"
#include "base/text.h"
#include <stdio.h>

#define ROUTE(method, path, handler, role, kind, query, sentence)                                  \
	{#method, path, #handler, #role, query, sentence, ROUTE_##kind},
const struct route routes[ROUTE_N] = {
#include "wire/routes.def"
};
#undef ROUTE

enum { PATH_MAX_RAW = 16384, VERSION_MAX = 9999 };

/* Cuts the first segment off: "/a/b" gives "a" and leaves "/b". */
static struct span next_segment(struct span *path)
{
	const uint8_t *from = path->p + 1, *end = path->p + path->n;
	const uint8_t *slash = memchr(from, '/', (size_t)(end - from));
	struct span seg;

	if (!slash)
		slash = end;
	seg = span_make(from, (size_t)(slash - from));
	*path = span_make(slash, (size_t)(end - slash));
	return seg;
}

static int decode(struct arena *mem, struct span raw, bool plus, struct span *ret)
{
	BUF struct buf text = {.p = NULL};
	int r = text_url_decode(raw, plus, &text);

	if (r < 0)
		return r;
	*ret = arena_dup(mem, buf_span(&text));
	return 0;
}

enum { FITS = 1 };
/* FITS, 0, or -EINVAL. */
static int fits(struct arena *mem, const char *pattern, struct span path, struct route_match *m)
{
	struct span want = span_of(pattern);

	m->n_args = 0;
	while (want.n > 0 && path.n > 0) {
		struct span w = next_segment(&want), got;
		int r = decode(mem, next_segment(&path), false, &got);

		if (r < 0)
			return r;
		if (w.n > 0 && w.p[0] == '{' && got.n > 0)
			m->arg[m->n_args++] = got;
		else if (!span_eq(w, got))
			return 0;
	}
	return want.n == 0 && path.n == 0 ? FITS : 0;
}

/* Takes /v1.NN off. */
static struct span strip_version(struct span path, struct route_match *m)
{
	struct span rest = path, seg = next_segment(&rest);
	uint64_t v;

	if (!span_starts(seg, span_of("v1.")) || seg.n > 7 ||
		text_u64(span_make(seg.p + 3, seg.n - 3), 0, VERSION_MAX, &v) < 0)
		return path;
	m->docker = true;
	m->version = (unsigned)v;
	return rest;
}

static bool method_fits(const struct route *row, const char *method)
{
	return strcmp(row->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0);
}

static void allow(const struct route *row, struct route_match *m)
{
	bool head = strcmp(row->method, "GET") == 0;
	size_t n = strlen(m->allow);

	snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s%s", n ? ", " : "", row->method,
		head ? ", HEAD" : "");
}

int route_find(struct arena *mem, const char *method, struct span path, struct route_match *ret)
{
	struct route_match m = {.n_args = 0};
	int result = ROUTE_NOT_FOUND;

	if (path.n == 0 || path.p[0] != '/' || path.n > PATH_MAX_RAW)
		return err_set(-EINVAL, "the request's path must begin with '/' and be short");
	path = strip_version(path, &m);
	for (unsigned i = 0; i < ROUTE_N; i++) {
		int r = !m.docker || routes[i].kind == ROUTE_DOCKER
				? fits(mem, routes[i].path, path, &m)
				: 0;

		if (r < 0)
			return r;
		if (r != FITS)
			continue;
		m.docker |= routes[i].kind == ROUTE_DOCKER;
		m.id = (enum route_id)i;
		if (method_fits(&routes[i], method)) {
			*ret = m;
			return 0;
		}
		allow(&routes[i], &m);
		result = ROUTE_NOT_ALLOWED;
	}
	*ret = m;
	return result;
}

enum { NAME_UNKNOWN, NAME_ONCE, NAME_MANY };
/* Is `name` one of the words of `allowed`? */
static int name_in(const char *allowed, struct span name)
{
	while (allowed && *allowed) {
		size_t n = strcspn(allowed, " "), bare = n;
		bool many = n > 0 && allowed[n - 1] == '*';

		bare -= many;
		if (span_eq(name, span_make(allowed, bare)))
			return many ? NAME_MANY : NAME_ONCE;
		allowed += n + (allowed[n] == ' ');
	}
	return allowed ? NAME_UNKNOWN : NAME_MANY;
}

static int accept_name(const struct query *q, const char *allowed, struct span name)
{
	int how = name_in(allowed, name);
	char text[64];

	snprintf(text, sizeof(text), "%s", (const char *)name.p);
	if (how == NAME_UNKNOWN)
		return text_refuse(-EINVAL, name,
			*allowed ? "no such query parameter here"
				 : "no query parameter is known here");
	if (how == NAME_ONCE && query_get(q, text))
		return text_refuse(-EINVAL, name, "the query parameter is given twice");
	return 0;
}

static int add_pair(struct arena *mem, struct span raw, const char *allowed, struct query *q)
{
	const uint8_t *eq = memchr(raw.p, '=', raw.n);
	size_t n = eq ? (size_t)(eq - raw.p) : raw.n;
	struct span name, value = span_of("");
	int r = decode(mem, span_make(raw.p, n), true, &name);

	if (r >= 0 && eq)
		r = decode(mem, span_make(eq + 1, raw.n - n - 1), true, &value);
	if (r < 0)
		return r;
	r = accept_name(q, allowed, name);
	if (r < 0)
		return r;
	if (q->n == QUERY_MAX)
		return err_set(-EINVAL, "more than %d query parameters", QUERY_MAX);
	q->item[q->n].name = name;
	q->item[q->n++].value = value;
	return 0;
}

int query_parse(struct arena *mem, struct span raw, const char *allowed, struct query *ret)
{
	ret->n = 0;
	while (raw.n > 0) {
		const uint8_t *amp = memchr(raw.p, '&', raw.n);
		size_t n = amp ? (size_t)(amp - raw.p) : raw.n;
		int r = n ? add_pair(mem, span_make(raw.p, n), allowed, ret) : 0;

		if (r < 0)
			return r;
		n += amp != NULL;
		raw = span_make(raw.p + n, raw.n - n);
	}
	return 0;
}

const struct span *query_get(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++) {
		if (span_is(q->item[i].name, name))
			return &q->item[i].value;
	}
	return NULL;
}

int query_bool(const struct query *q, const char *name, bool *ret)
{
	static const char *const words[] = {
		"0", "1", "false", "true", "no", "yes", "False", "True", NULL, ""};
	const struct span *v = query_get(q, name);

	*ret = false;
	if (!v)
		return 0;
	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (words[i] && span_is(*v, words[i])) {
			*ret = i & 1;
			return 0;
		}
	}
	return err_set(-EINVAL, "%s is either 1 or 0", name);
}
