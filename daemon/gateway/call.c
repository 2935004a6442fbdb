/* One request: from its line to an answer, or to waiting for one. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "daemon/log.h"
#include "wire/docker.h"
#include <stdarg.h>
#include <stdio.h>

#define ROUTE(method, path, handler, role, kind, query, sentence) {route_##handler, ROLE_##role},
static const struct {
	route_fn *fn;
	enum role role;
} handlers[ROUTE_N] = {
#include "wire/routes.def"
};
#undef ROUTE

static const struct {
	unsigned status;
	const char *title, *type;
} titles[] = {
	{400, "Bad request", "bad-request"},
	{403, "Not allowed", "not-allowed"},
	{404, "Not found", "not-found"},
	{405, "Method not allowed", "method-not-allowed"},
	{408, "Request took too long", "too-slow"},
	{409, "Conflict", "conflict"},
	{410, "Gone", "gone"},
	{412, "The drift has moved", "drift-moved"},
	{413, "Too large", "too-large"},
	{416, "Beyond the journal's end", "beyond-the-end"},
	{415, "Not text", "not-text"},
	{422, "Cannot be done", "cannot-be-done"},
	{428, "If-Match is required", "if-match-required"},
	{429, "Too many at once", "too-many"},
	{500, "Internal error", "internal"},
	{501, "Not there yet", "not-implemented"},
	{503, "Not available now", "unavailable"},
	{504, "No answer in time", "no-answer"},
	{507, "The store is full", "store-full"},
};

void call_free(struct call *c)
{
	if (!c)
		return;
	asks_forget(c);
	jobs_forget(c);
	sinks_forget(c);
	if (c->peer)
		c->peer->call = NULL;
	body_free(c);
	buf_free(&c->out);
	arena_free(&c->mem);
	free(c);
}

struct json call_json(struct call *c)
{
	buf_reset(&c->out);
	c->status = 200;
	c->type = "application/json";
	return json_on(&c->out);
}

void call_header(struct call *c, const char *name, const char *value)
{
	must(c->n_headers < CALL_HEADERS);
	c->header[c->n_headers].name = name;
	c->header[c->n_headers++].value = value;
}

static void show_candidates(struct json *j, struct span lines)
{
	if (lines.n == 0)
		return;
	json_key(j, "candidates");
	json_open(j, '[');
	while (lines.n > 0) {
		const uint8_t *nl = memchr(lines.p, '\n', lines.n);
		size_t n = nl ? (size_t)(nl - lines.p) : lines.n;

		json_str(j, span_make(lines.p, n));
		n += nl != NULL;
		lines = span_make(lines.p + n, lines.n - n);
	}
	json_close(j, ']');
}

static int say(struct call *c, unsigned status, struct span lines, const char *sentence)
{
	struct json j = call_json(c);
	size_t i = 0;
	char type[64];

	c->status = status;
	if (c->match.docker) {
		docker_message(&j, sentence);
		return 0;
	}
	while (i < COUNTOF(titles) - 1 && titles[i].status != status)
		i++;
	snprintf(type, sizeof(type), "urn:boltseal:problem:%s", titles[i].type);
	c->type = "application/problem+json";
	json_open(&j, '{');
	show_candidates(&j, lines);
	json_m_text(&j, "detail", sentence);
	json_m_uint(&j, "status", status);
	json_m_text(&j, "title", titles[i].title);
	json_m_text(&j, "type", type);
	json_close(&j, '}');
	return 0;
}

int problem(struct call *c, unsigned status, const char *fmt, ...)
{
	char sentence[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return say(c, status, span_of(""), sentence);
}

int problem_with(struct call *c, unsigned status, struct span lines, const char *fmt, ...)
{
	char sentence[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return say(c, status, lines, sentence);
}

int call_failed(struct call *c, int code)
{
	if (code == -EINVAL || code == -ERANGE)
		return problem(c, 400, "%s", err_why());
	log_warn("%s %.*s: %s", c->method, (int)c->path.n, (const char *)c->path.p, err_why());
	return problem(c, 500, "%s; the daemon's log has more", err_why());
}

static int not_found(struct call *c)
{
	if (!c->match.docker)
		return problem(c, 404,
			"nothing is at this address; GET /v1/openapi.yaml lists what there is");
	return problem(
		c, 501, "boltseal answers docker ps, diff and version only; ask docker itself");
}

static int check_version(struct call *c)
{
	unsigned v = c->match.version;

	if (v <= DOCKER_API_MINOR)
		return 0;
	problem(c, 400, "client version 1.%u is too new. Maximum supported API version is %s", v,
		DOCKER_API);
	return VIEW_ANSWERED;
}

static int check_role(struct call *c)
{
	const struct who *w = &c->peer->who;
	enum role have = roles_any(c->g->roles, w), need = handlers[c->match.id].role;

	if (have >= need)
		return 0;
	c->g->n_refused++;
	log_warn("uid %u pid %d may not %s %s%s%s", w->uid, w->pid, c->method,
		routes[c->match.id].path, w->in_container ? ": " : "", w->why);
	problem(c, 403,
		"uid %u may not do this: it takes the role %s%s%s; see roles: in boltseal.yaml",
		w->uid, role_name(need), w->in_container ? ", and " : "", w->why);
	return VIEW_ANSWERED;
}

/* What can be said before any body has come. 0 when the handler is to be asked. */
static int check_line(struct call *c)
{
	int r = route_find(&c->mem, c->method, c->path, &c->match);
	const char *names;

	if (r == ROUTE_NOT_FOUND)
		return not_found(c), VIEW_ANSWERED;
	if (r == ROUTE_NOT_ALLOWED) {
		problem(c, 405, "%s is not for this address; use %s", c->method, c->match.allow);
		call_header(
			c, "Allow", (const char *)arena_dup(&c->mem, span_of(c->match.allow)).p);
		return VIEW_ANSWERED;
	}
	if (r < 0)
		return r;
	names = routes[c->match.id].kind == ROUTE_DOCKER ? NULL : routes[c->match.id].query;
	r = query_parse(&c->mem, c->raw_query, names, &c->query);
	if (r == 0)
		r = check_role(c);
	return r ? r : check_version(c);
}

static void docker_headers(struct call *c)
{
	call_header(c, "Api-Version", DOCKER_API);
	call_header(c, "Docker-Experimental", "false");
	call_header(c, "Ostype", "linux");
	call_header(c, "Server", "boltseal/" BOLTSEAL_VERSION " (linux)");
}

int call_check(struct call *c)
{
	int r = check_line(c);

	if (r < 0)
		call_failed(c, r);
	if (r != 0 && c->match.docker) /* without them docker's client speaks of versions */
		docker_headers(c);
	return r;
}

void call_dispatch(struct call *c)
{
	int r = pulse_wait(c) ? CALL_WAIT : c->again ? c->again(c) : handlers[c->match.id].fn(c);

	if (r < 0)
		call_failed(c, r);
	if (r != CALL_WAIT && c->match.docker)
		docker_headers(c);
	c->answered = r != CALL_WAIT;
}
