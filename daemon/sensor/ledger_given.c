/*
 * What a golden baseline has on top of its image is part of what every container of the image should be. It is
 * given to each as if somebody had accepted it there: as a generation with the file's reasons, one for each moment
 * until which it holds, so that all that knows of acceptances knows of these. What was accepted later in the
 * container itself goes before it, as generations do. Taken away with the golden baseline it is not: a generation
 * stands.
 */
#include "base/err.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/sensor/ledger_impl.h"
#include "golden/golden.h"
#include "golden/stored.h"
#include "image/manifest.h"
#include "store/below.h"

enum { WHY_MAX = 2000 };

struct giving {
	struct ledger *l;
	struct kept *kept;
	struct gold *gold;
	uint32_t no;
	struct target_state_rec st;
	struct buf desc, list, why; /* copies: what is lent does not outlive a write */
	struct target t;	    /* of desc */
	struct buf todo; /* bytes path | time until | bytes record | bytes the layers' record */
};

static void giving_fini(struct giving *g)
{
	free(g->gold);
	buf_free(&g->desc);
	buf_free(&g->list);
	buf_free(&g->why);
	buf_free(&g->todo);
}

/* ---- every read before the first write ---- */

/* 1: nothing is to be given. */
static int read_target(struct giving *g)
{
	struct target t;
	int r = targets_state_get(g->l->txn, g->no, &g->st);

	if (r < 0 || !g->st.baselined)
		return r < 0 ? r : 1;
	r = ledger_target_of(g->l, g->no, &t);
	if (r)
		return r;
	target_encode(&t, &g->desc);
	r = buf_err(&g->desc) ? buf_err(&g->desc) : target_decode(buf_span(&g->desc), &g->t);
	g->t.no = g->no;
	return r;
}

static int has_it(struct giving *g)
{
	struct generation have;
	int r = 0;

	for (uint32_t no = 2; r == 0 && no <= g->st.generation; no++) {
		r = generation_get(g->l->txn, g->no, no, &have);
		if (r == 0 && have.has_golden && sha_same(have.golden, g->gold->root))
			return 1;
	}
	return r < 0 ? r : 0;
}

static int read_golden(struct giving *g)
{
	struct image_digest image;
	int r;

	if (!g->t.image_digest.n || image_digest_parse(g->t.image_digest, "image", &image) < 0)
		return 1;
	r = gold_find(g->l->txn, image.sha, g->gold);
	if (r == 0)
		r = has_it(g);
	if (r == 0)
		r = gold_accepts(g->l->txn, g->gold);
	if (r)
		return r;
	if (!stored_root_is_right(g->gold)) {
		log_warn(
			"a golden baseline in the store does not give its root digest: nothing of it is given");
		return 1;
	}
	buf_add_span(&g->list, g->gold->accept_list);
	buf_add_text(&g->why, "of the golden baseline ");
	text_hex(&g->why, span_make(g->gold->root, 6));
	if (gold_is_signed(g->gold)) {
		buf_add_text(&g->why, ", signed by ");
		gold_signers(g->gold, &g->why);
	}
	buf_add_text(&g->why, ": ");
	buf_add_span(&g->why, g->gold->accept_why);
	if (g->why.n > WHY_MAX)
		g->why.n = WHY_MAX;
	return buf_err(&g->list) ? buf_err(&g->list) : buf_err(&g->why);
}

static int below(struct giving *g, struct span path, struct buf *out)
{
	struct below b;
	int r = below_find(g->l->txn, &g->t, path, &b);

	if (r)
		return r < 0 ? r : 0;
	b.rec.ovl = 0;
	b.rec.redirect = (struct span){0};
	return record_encode(&b.rec, out);
}

/* What the target has as its own already is left out. */
static int choose(struct giving *g, const struct golden_accept *a)
{
	BUF struct buf path = {0}, rec = {0}, image = {0};
	struct accepted have;
	int r = 0;

	if (a->expires && a->expires <= g->l->now)
		return 0;
	buf_u8(&path, '/');
	buf_add_span(&path, a->path);
	if (!a->absent)
		r = record_encode(&a->rec, &rec);
	if (r == 0)
		r = accepted_get(g->l->txn, g->no, buf_span(&path), UINT32_MAX, &have);
	if (r < 0 || (r == 0 && span_eq(have.rec, buf_span(&rec)) && have.expires == a->expires))
		return r;
	r = below(g, buf_span(&path), &image);
	buf_bytes(&g->todo, buf_span(&path));
	buf_zigzag(&g->todo, a->expires);
	buf_bytes(&g->todo, buf_span(&rec));
	buf_bytes(&g->todo, buf_span(&image));
	return r < 0 ? r : buf_err(&g->todo);
}

static int choose_all(struct giving *g)
{
	struct rd at = rd_of(buf_span(&g->list));
	struct golden_accept a;
	int r = 0;

	while (r == 0 && golden_accept_next(&at, &a))
		r = choose(g, &a);
	if (r == 0 && at.bad)
		r = err_set(-EBADMSG, "the changes of a golden baseline are damaged");
	return r;
}

/* ---- writing ---- */

static bool next(struct rd *at, struct accepted *ret)
{
	if (rd_end(at))
		return false;
	*ret = (struct accepted){.path = rd_bytes(at)};
	ret->expires = rd_zigzag(at);
	ret->rec = rd_bytes(at);
	ret->image = rd_bytes(at);
	return !at->bad;
}

/* The next moment after `after` until which something is accepted; 0, which is for ever, comes first. */
static bool next_moment(const struct giving *g, bool first, int64_t after, int64_t *ret)
{
	struct rd at = rd_of(buf_span(&g->todo));
	struct accepted a;
	bool found = false;

	while (next(&at, &a))
		if ((first || a.expires > after) && (!found || a.expires < *ret)) {
			*ret = a.expires;
			found = true;
		}
	return found;
}

static int put_those(struct giving *g, int64_t expires, uint32_t *ret_n)
{
	struct rd at = rd_of(buf_span(&g->todo));
	struct accepted a;
	int r = 0;

	*ret_n = 0;
	while (r == 0 && next(&at, &a)) {
		if (a.expires != expires)
			continue;
		a.generation = g->st.generation;
		r = accepted_put(g->l->txn, g->no, &a);
		++*ret_n;
	}
	return r;
}

static int tell(struct giving *g, const struct generation *as)
{
	struct event e = {.type = EVENT_BASELINE_ACCEPTED,
		.severity = SEV_LOW,
		.target = &g->t,
		.root = as->root,
		.generation = as->no,
		.reason = as->reason,
		.has_uid = true,
		.uid = as->uid};

	return ledger_journal(g->l, &e, NULL);
}

static int give(struct giving *g, int64_t expires)
{
	struct generation as = {.time = g->l->now,
		.expires = expires,
		.uid = g->gold->uid,
		.reason = buf_span(&g->why),
		.has_golden = true};
	int r;

	g->st.generation = (g->st.generation ? g->st.generation : 1) + 1;
	as.no = g->st.generation;
	memcpy(as.golden, g->gold->root, SHA_LEN);
	r = put_those(g, expires, &as.n_paths);
	if (r == 0)
		r = ledger_baseline_root(g->l, g->kept, g->st.baseline_root);
	memcpy(as.root, g->st.baseline_root, SHA_LEN);
	if (r == 0)
		r = targets_state_put(g->l->txn, g->no, &g->st);
	if (r == 0)
		r = generation_put(g->l->txn, g->no, &as);
	if (r == 0 && (!g->kept->given || g->kept->given > as.no))
		g->kept->given = as.no;
	return r == 0 ? tell(g, &as) : r;
}

int ledger_given(struct ledger *l, struct kept *k)
{
	CLEANUP(giving_fini)
	struct giving g = {.l = l, .kept = k, .no = atomic_load(&k->no)};
	int64_t until = 0;
	int r;

	if (!g.no)
		return 0;
	g.gold = calloc(1, sizeof(*g.gold));
	must(g.gold);
	r = read_target(&g);
	if (r == 0)
		r = read_golden(&g);
	if (r == 0)
		r = choose_all(&g);
	if (r)
		return r < 0 ? r : 0;
	for (bool first = true; r == 0 && next_moment(&g, first, until, &until); first = false) {
		r = give(&g, until);
		l->ring = true;
	}
	return r;
}

void ledger_given_over(struct ledger *l, bool committed)
{
	for (size_t i = 0; i < l->n_kept; i++) {
		struct kept *k = l->kept[i];

		if (k->given && committed) {
			unsigned from = atomic_load(&k->look);

			atomic_store(&k->look, from && from < k->given ? from : k->given);
		}
		k->given = 0;
	}
}
