/* Proofs, from what is stored alone: lib/audit's, on a thread of their own (jobs.c). */
#include "daemon/gateway/gw.h"
#include "audit/audit.h"
#include "base/err.h"
#include "wire/jansson.h"

static int prove(struct audit *a, const struct job *job)
{
	int r = 0;

	if (job->layers && job->journal && !a->target)
		return audit_all(a);
	if (job->layers)
		r = audit_layers(a);
	if (r == 0 && job->layers)
		r = audit_baselines(a);
	if (r == 0 && job->layers)
		r = audit_drift(a);
	return r == 0 && job->journal ? audit_journal(a) : r;
}

static void run(struct job *job)
{
	struct json j = json_on(&job->out);
	struct audit a = {.store = job->store,
		.target = job->target,
		.hear = audit_json,
		.ctx = &j,
		.clean = true};

	json_open(&j, '[');
	job->code = prove(&a, job);
	json_close(&j, ']');
	job->clean = a.clean;
}

static int wait_proof(struct call *c)
{
	const struct job *job = c->job;
	struct json j;

	if (job->write_fd >= 0)
		return CALL_WAIT;
	if (job->code < 0)
		return problem(c, 500, "%s", job->why);
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "checks");
	json_raw(&j, buf_span(&job->out));
	json_m_bool(&j, "clean", job->clean);
	json_close(&j, '}');
	return 0;
}

static int start(struct call *c, uint32_t target, bool layers, bool journal)
{
	struct job *job = calloc(1, sizeof(*job));

	must(job);
	job->run = run;
	job->target = target;
	job->layers = layers;
	job->journal = journal;
	if (jobs_start(c, job) != 0)
		return 0;
	c->again = wait_proof;
	return CALL_WAIT;
}

int route_verify_target(struct call *c)
{
	TXN struct txn *t = NULL;
	struct target tg;
	int r = view_begin(c, &t);

	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_OPERATOR, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	return start(c, tg.no, true, true);
}

static int read_what(struct call *c, bool *layers, bool *journal)
{
	json_error_t why;
	DECREF json_t *body =
		c->body.n ? json_loadb(buf_text(&c->body), c->body.n, JSON_REJECT_DUPLICATES, &why)
			  : json_object();
	const json_t *v = json_object_get(body, "what");
	struct span what = json_is_string(v) ? json_span(v) : span_of("all");

	if (!body)
		return err_set(-EINVAL, "the body is not JSON: %s", why.text);
	if (!json_is_object(body) || json_object_size(body) != (v ? 1u : 0u) ||
		(v && !json_is_string(v)))
		return err_set(
			-EINVAL, "the body is {\"what\":\"journal\"}, \"layers\" or \"all\"");
	*layers = span_is(what, "layers") || span_is(what, "all");
	*journal = span_is(what, "journal") || span_is(what, "all");
	if (!*layers && !*journal)
		return err_set(-EINVAL, "what is journal, layers or all");
	return 0;
}

int route_verify(struct call *c)
{
	bool layers = false, journal = false;
	int r = read_what(c, &layers, &journal);

	if (r < 0)
		return r;
	if (roles_everywhere(c->g->roles, &c->peer->who) < ROLE_OPERATOR)
		return problem(
			c, 403, "this is about every target, and your role is confined by label");
	return start(c, 0, layers, journal);
}
