/*
 * route.h - from a request's method and target to one row of routes.def, and its query taken apart.
 * Works on raw bytes as they came; does no I/O.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum route_kind { ROUTE_JSON, ROUTE_TEXT, ROUTE_STREAM, ROUTE_DOCKER };
#define ROUTE(method, path, handler, role, kind, query, sentence) ROUTE_ID_##handler,
enum route_id {
#include "wire/routes.def"
	ROUTE_N
};
#undef ROUTE

struct route {
	const char *method, *path, *handler, *role, *query, *sentence;
	enum route_kind kind;
};
extern const struct route routes[ROUTE_N];

struct route_match {
	enum route_id id;
	struct span arg[2]; /* what stood for {…}, decoded */
	unsigned n_args;
	bool docker;	  /* was asked in docker's dialect, found or not */
	unsigned version; /* NN of /v1.NN; 0: none */
	char allow[32];	  /* ROUTE_NOT_ALLOWED: the methods that there are */
};
enum { ROUTE_NOT_FOUND = 1, ROUTE_NOT_ALLOWED = 2 };
/* `path`: percent-encoded, without the query. HEAD is found as GET. Spans live in
 * `mem`. 0, one of the above, or -EINVAL with a sentence. */
int route_find(struct arena *mem, const char *method, struct span path, struct route_match *ret);

#define QUERY_MAX 64
struct query {
	struct {
		struct span name, value;
	} item[QUERY_MAX];
	size_t n;
};
/* -EINVAL with a sentence: broken escape, too many, a name that `allowed` (as in routes.def) does
 * not have, or one that comes twice. NULL allows everything. */
int query_parse(struct arena *mem, struct span raw, const char *allowed, struct query *ret);
/* NULL when it is not there. */
const struct span *query_get(const struct query *q, const char *name);
/* "1", "true", "yes" and "" are true; "0", "false", "no" and absence are false; else -EINVAL. */
int query_bool(const struct query *q, const char *name, bool *ret);
