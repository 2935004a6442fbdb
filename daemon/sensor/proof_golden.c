/* What a golden baseline says of a layer: all of it, where the engine tells nothing; and where the engine tells which
 * files are not what they were, what they should be. */
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/proof_own.h"
#include "golden/stored.h"
#include "store/gold.h"

static void tell_signers(struct proof *p, const struct gold *g)
{
	BUF struct buf who = {0};

	gold_signers(g, &who);
	proof_why(p, "held against a golden baseline, %s%s", who.n ? "signed by " : "not signed",
		buf_text(&who));
}

static int take_record(void *ctx, struct span path, const struct record *rec)
{
	struct proof *p = ctx;
	struct proof_want *w;

	if (p->n >= PROOF_ENTRIES)
		return err_set(-E2BIG, "more than %d names in a layer", PROOF_ENTRIES);
	w = proof_push(p, path);
	w->rec = *rec;
	w->rec.link = arena_dup(&p->mem, rec->link);
	w->rec.xattrs = arena_dup(&p->mem, rec->xattrs);
	w->rec.redirect = (struct span){0};
	w->has_sha = rec->has_sha;
	memcpy(w->sha, rec->sha, SHA_LEN);
	return 0;
}

bool proof_golden(struct proof *p, const struct proof_options *opt)
{
	TXN struct txn *t = NULL;
	FREE struct gold *g = malloc(sizeof(*g));
	int r = opt->image.known && opt->store ? txn_begin(opt->store, false, &t) : STORE_ABSENT;

	must(g);
	if (r == 0)
		r = gold_find(t, opt->image.digest, g);
	if (r || opt->image.index >= g->n_layers)
		return false;
	r = stored_each(t, g->layer[opt->image.index].snap, take_record, p);
	proof_seal(p);
	buf_reset(&p->from.digest);
	text_hex(&p->from.digest, span_make(g->layer[opt->image.index].diff_id, SHA_LEN));
	p->golden = true;
	buf_reset(&p->why);
	tell_signers(p, g);
	if (r < 0)
		proof_failed(p, err_why());
	return true;
}

/* Of what is spoiled, the content that it should have. */
static int know_content(void *ctx, struct span path, const struct record *rec)
{
	struct proof *p = ctx;
	struct proof_want *w = rec->has_sha ? proof_find(p, path) : NULL;

	if (!w || !w->spoiled || w->rec.size != rec->size)
		return 0;
	w->has_sha = w->is_known = true;
	memcpy(w->sha, rec->sha, SHA_LEN);
	return 0;
}

void proof_golden_content(struct proof *p, const struct proof_options *opt)
{
	uint8_t diff_id[SHA_LEN];
	TXN struct txn *t = NULL;
	FREE struct gold *g = malloc(sizeof(*g));
	size_t at = 0;

	must(g);
	if (!opt->store || text_unhex(buf_span(&p->from.digest), diff_id, SHA_LEN) < 0 ||
		txn_begin(opt->store, false, &t) < 0 || gold_layer_find(t, diff_id, g, &at) != 0)
		return;
	if (stored_each(t, g->layer[at].snap, know_content, p) == 0)
		tell_signers(p, g);
}
