/* A request's target as the router and the query see it: the first byte is the method, the rest the
 * raw target. What is decoded must hold no NUL and point into the arena. */
#include "base/err.h"
#include "wire/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void no_nul(struct span s)
{
	must(s.n == 0 || !memchr(s.p, 0, s.n));
	must(s.p[s.n] == 0);
}

static void query(struct arena *mem, struct span raw, const char *allowed)
{
	struct query q;

	if (query_parse(mem, raw, allowed, &q) < 0)
		return;
	must(q.n <= QUERY_MAX);
	for (size_t i = 0; i < q.n; i++) {
		no_nul(q.item[i].name);
		no_nul(q.item[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE"};
	ARENA struct arena mem = {NULL};
	struct route_match m;
	struct span path, rest;
	const uint8_t *mark;
	int r;

	if (n == 0)
		return 0;
	rest = span_make(data + 1, n - 1);
	mark = rest.n ? memchr(rest.p, '?', rest.n) : NULL;
	path = span_make(rest.p, mark ? (size_t)(mark - rest.p) : rest.n);
	r = route_find(&mem, methods[data[0] % COUNTOF(methods)], path, &m);
	for (unsigned i = 0; r == 0 && i < m.n_args; i++)
		no_nul(m.arg[i]);
	if (mark) {
		rest = span_make(mark + 1, rest.n - path.n - 1);
		query(&mem, rest, r == 0 ? routes[m.id].query : "");
		query(&mem, rest, NULL);
	}
	return 0;
}
