/* Proofs of stored text: the engine of wire/proof.h behind the public header. Nothing is asked. */
#include "audit/text.h"
#include "base/err.h"
#include "client/client.h"
#include "client/keys.h"
#include "wire/proof.h"
#include <stdio.h>

struct boltseal_proof {
	struct proof *proof;
	struct audit_text *text; /* NULL: checkpoints are not looked at */
	struct keyring ring;
	char why[1024];
};

static int fail(struct boltseal_proof *p, int code)
{
	if (code < 0)
		snprintf(p->why, sizeof(p->why), "%s", err_why());
	return code;
}

static int open_text(
	struct boltseal_proof *p, const struct boltseal_proof_ask *ask, struct proof_options *o)
{
	struct audit_text_options t = {.ring = &p->ring,
		.allow_tail = ask->trust->allow_tail,
		.allow_holes = ask->allow_holes};
	int r = keys_trust(ask->trust, &p->ring, &t.known_seq, t.known_id);

	if (r == 0)
		r = audit_text_new(&p->text, &t);
	if (r == 0)
		audit_text_join(p->text, o);
	return r;
}

int boltseal_proof_open(struct boltseal_proof **ret, const struct boltseal_proof_ask *ask)
{
	struct boltseal_proof *p = calloc(1, sizeof(*p));
	struct proof_options o = {.host = NULL};
	int r = 0;

	*ret = p;
	if (!p)
		return -ENOMEM;
	if (ask)
		o = (struct proof_options){.host = ask->host,
			.since = ask->since,
			.until = ask->until,
			.allow_holes = ask->allow_holes,
			.only_complete = ask->only_complete};
	if (ask && ask->trust && ask->trust->key)
		r = open_text(p, ask, &o);
	return fail(p, r < 0 ? r : proof_new(&p->proof, &o));
}

int boltseal_proof_feed(struct boltseal_proof *p, const char *bytes, size_t n)
{
	return fail(p, proof_feed(p->proof, span_make(bytes, n)));
}

int boltseal_proof_end(struct boltseal_proof *p, int *clean, struct boltseal_reply *reply)
{
	BUF struct buf text = {.p = NULL};
	bool all = false;
	int r = proof_end(p->proof, &text, &all);

	boltseal_reply_free(reply);
	if (r < 0)
		return fail(p, r);
	*clean = all;
	return client_answer(&text, reply);
}

const char *boltseal_proof_why(const struct boltseal_proof *p)
{
	return p->why;
}

void boltseal_proof_close(struct boltseal_proof *p)
{
	if (!p)
		return;
	proof_free(p->proof);
	audit_text_free(p->text);
	keyring_fini(&p->ring);
	free(p);
}
