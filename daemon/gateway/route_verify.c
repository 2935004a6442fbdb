/*
 * Proofs, from what is stored alone: a layer's digest over its records, the journal's chain over
 * its texts. They run on a thread of their own (jobs.c), in slices where they can.
 */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>
#include <stdio.h>

enum { SLICE = 2000 };

struct proof {
	struct job *job;
	struct json j;
	struct target target;
	bool one_target;
};

static void check(
	struct proof *p, const char *what, struct span subject, bool ok, const char *detail)
{
	json_open(&p->j, '{');
	json_m_text(&p->j, "check", what);
	if (detail)
		json_m_text(&p->j, "detail", detail);
	json_m_bool(&p->j, "ok", ok);
	json_m_path(&p->j, "subject", subject);
	json_close(&p->j, '}');
	p->job->clean &= ok;
}

static int prove_layer(struct proof *p, struct txn *t, const struct snap_info *info)
{
	uint8_t root[SHA_LEN];
	int r;

	if (info->state != SNAP_COMPLETE)
		return 0;
	r = snap_verify(t, info->no, root);
	if (r < 0)
		check(p, "layer", info->path, false, err_why());
	else if (!sha_same(root, info->root))
		check(p, "layer", info->path, false,
			"its records do not give its stored root digest");
	else
		check(p, "layer", info->path, true, "as stored; its files are compared by rescan");
	return 0;
}

/* A transaction a layer: the writer must not wait for the space of all of them. */
static int next_layer(struct proof *p, uint32_t *no)
{
	TXN struct txn *t = NULL;
	struct snap_info info;
	int r = txn_begin(p->job->store, false, &t);

	if (r >= 0 && p->one_target)
		r = targets_get(t, p->job->target, &p->target);
	if (r >= 0)
		r = snap_next(t, no, &info);
	if (r != 0 || (p->one_target && !view_stacks(&p->target, info.path)))
		return r;
	return prove_layer(p, t, &info);
}

static int prove_layers(struct proof *p)
{
	uint32_t no = 0;
	int r = 0;

	while (r == 0)
		r = next_layer(p, &no);
	return r < 0 ? r : 0;
}

/* ---- what the sensor found changed in the layers' files ---- */

struct tampered {
	struct buf first;
	size_t n;
};

static int count_tampered(void *ctx, const struct change *c)
{
	struct tampered *k = ctx;

	if (!(c->aspects & (1u << ASPECT_LAYER)))
		return 0;
	if (!k->n++)
		text_quote(&k->first, c->path, true);
	return 0;
}

static int prove_files(struct proof *p, struct txn *t, const struct target *tg)
{
	struct tampered k = {.n = 0};
	BUF struct buf words = {.p = NULL};
	int r = tg->state == STATE_REMOVED
			? 0
			: drift_each(t, tg->no, (struct span){0}, count_tampered, &k);

	if (r == 0 && k.n) {
		buf_printf(&words, "%s%s: not what was hashed; see diff -l", buf_text(&k.first),
			k.n > 1 ? " and more" : "");
		check(p, "files", tg->name, false, buf_text(&words));
	}
	buf_free(&k.first);
	return r;
}

static int prove_all_files(struct proof *p)
{
	TXN struct txn *t = NULL;
	struct target tg;
	uint32_t no = 0;
	int r = txn_begin(p->job->store, false, &t);

	if (r == 0 && p->one_target) {
		r = targets_get(t, p->job->target, &tg);
		return r ? (r < 0 ? r : 0) : prove_files(p, t, &tg);
	}
	while (r == 0 && (r = targets_next(t, &no, &tg)) == 0)
		r = prove_files(p, t, &tg);
	return r < 0 ? r : 0;
}

struct chain {
	uint64_t next; /* seq that must come */
	uint8_t prev[SHA_LEN];
	bool started, broken;
	char why[400];
};

static void broken(struct chain *c, uint64_t seq, const char *why)
{
	c->broken = true;
	snprintf(c->why, sizeof(c->why), "event %" PRIu64 ": %.300s", seq, why);
}

static void link(struct chain *c, const struct journal_entry *e)
{
	uint8_t id[SHA_LEN], prev[SHA_LEN];
	uint64_t seq;

	if (e->seq != c->next)
		broken(c, c->next, "it is missing");
	else if (event_check(e->json, &seq, id, prev) < 0)
		broken(c, e->seq, err_why());
	else if (seq != e->seq || !sha_same(id, e->id))
		broken(c, e->seq, "its text is another event's");
	else if (!sha_same(prev, c->prev))
		broken(c, e->seq, "it does not follow the event before");
	memcpy(c->prev, e->id, SHA_LEN);
	c->next = e->seq + 1;
}

/* STORE_ABSENT at the end. */
static int slice(struct proof *p, struct chain *c)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	struct journal_entry e;
	int r = txn_begin(p->job->store, false, &t);

	if (r >= 0)
		r = journal_head(t, &head);
	if (r < 0)
		return r;
	if (!c->started || head.first > c->next) { /* retention may cut while we read */
		c->next = head.first;
		memcpy(c->prev, head.trimmed_id, SHA_LEN);
		c->started = true;
	}
	for (int i = 0; i < SLICE && r == 0 && !c->broken; i++) {
		r = journal_next(t, c->next, &e);
		if (r == 0)
			link(c, &e);
	}
	if (r == STORE_ABSENT && head.last && c->next != head.last + 1)
		broken(c, c->next, "it is missing");
	return r;
}

static int prove_journal(struct proof *p)
{
	struct chain c = {.next = 0};
	int r = 0;

	while (r == 0 && !c.broken)
		r = slice(p, &c);
	if (r < 0)
		return r;
	check(p, "journal", span_of("journal"), !c.broken, c.broken ? c.why : NULL);
	return 0;
}

static void run(struct job *job)
{
	struct proof p = {.job = job, .one_target = job->target != 0};

	p.j = json_on(&job->out);
	job->clean = true;
	json_open(&p.j, '[');
	job->code = job->layers ? prove_layers(&p) : 0;
	if (job->code == 0 && job->layers)
		job->code = prove_all_files(&p);
	if (job->code == 0 && job->journal)
		job->code = prove_journal(&p);
	json_close(&p.j, ']');
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
