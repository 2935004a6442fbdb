/* Proofs of stored text: the engine of wire/proof.h behind the public header. Nothing is asked. */
#include "base/err.h"
#include "client/client.h"
#include "wire/proof.h"
#include <stdio.h>

struct boltseal_proof {
	struct proof *proof;
	char why[1024];
};

static int fail(struct boltseal_proof *p, int code)
{
	if (code < 0)
		snprintf(p->why, sizeof(p->why), "%s", err_why());
	return code;
}

int boltseal_proof_open(struct boltseal_proof **ret, const struct boltseal_proof_ask *ask)
{
	struct boltseal_proof *p = calloc(1, sizeof(*p));
	struct proof_options o = {.host = NULL};

	*ret = p;
	if (!p)
		return -ENOMEM;
	if (ask)
		o = (struct proof_options){.host = ask->host,
			.since = ask->since,
			.until = ask->until,
			.allow_holes = ask->allow_holes,
			.only_complete = ask->only_complete};
	return fail(p, proof_new(&p->proof, &o));
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
	free(p);
}
