/*
 * What the host found of its layers when it held them against their images; and the same proven anew, where
 * somebody has the image's own account: a baseline file, built from the image's archive anywhere.
 */
#include "audit/own.h"
#include "base/text.h"
#include "golden/stored.h"
#include "store/verdict.h"
#include <inttypes.h>

static void tell_verdict(struct audit *a, struct span subject, const struct verdict *v)
{
	BUF struct buf words = {0};

	verdict_words(v, &words);
	audit_tell(a, "proof", subject,
		v->state != VERDICT_BROKEN && verdict_signed_is_fine(&v->by), buf_text(&words));
}

static int next_layer(struct audit *a, uint32_t *no)
{
	TXN struct txn *t = NULL;
	struct target tg = {.no = 0};
	struct snap_info info;
	struct verdict v;
	int r = txn_begin(a->store, false, &t);

	if (r == 0 && a->target)
		r = targets_get(t, a->target, &tg);
	if (r == 0)
		r = snap_next(t, no, &info);
	if (r || info.state != SNAP_COMPLETE || (a->target && !audit_stacks(&tg, info.path)))
		return r < 0 ? audit_damage(a, "proof", span_of("a layer"), r) : r;
	r = verdict_get(t, VERDICT_OF_LAYER, info.no, &v);
	if (r == 0 && v.state != VERDICT_NONE)
		tell_verdict(a, info.path, &v);
	return r < 0 ? audit_damage(a, "proof", info.path, r) : 0;
}

static int one_target(struct audit *a, struct txn *t, const struct target *tg)
{
	struct verdict v;
	int r = tg->state == STATE_REMOVED ? STORE_ABSENT
					   : verdict_get(t, VERDICT_OF_TARGET, tg->no, &v);

	if (r == 0 && v.state != VERDICT_NONE)
		tell_verdict(a, tg->name, &v);
	return r < 0 ? audit_damage(a, "proof", tg->name, r) : 0;
}

int audit_proofs(struct audit *a)
{
	uint32_t no = 0;
	int r = 0;

	while (r == 0)
		r = next_layer(a, &no);
	return r < 0 ? r : audit_each_target(a, "proof", one_target);
}

/* ---- against a baseline file ---- */

/* Is it the layer of this diff_id, as its engine says and the host found? */
static int is_layer(struct txn *t, const struct snap_info *info, const uint8_t diff_id[SHA_LEN])
{
	BUF struct buf want = {0};
	struct verdict v = {.state = VERDICT_NONE};
	int r = span_is(info->kind, "image") && info->state == SNAP_COMPLETE
			? verdict_get(t, VERDICT_OF_LAYER, info->no, &v)
			: STORE_ABSENT;

	buf_add_text(&want, "sha256:");
	text_hex(&want, span_make(diff_id, SHA_LEN));
	return r < 0 ? r : r == 0 && span_eq(v.digest, buf_span(&want));
}

struct held {
	const struct golden_layer *layer;
	uint64_t found, same;
	struct buf why;
};

static int hold_one(struct held *h, struct txn *t, const struct snap_info *info)
{
	uint8_t canon[SHA_LEN];
	int r = is_layer(t, info, h->layer->diff_id);

	if (r <= 0)
		return r;
	r = stored_canon(t, info->no, canon);
	if (r < 0)
		return r;
	h->found++;
	h->same += sha_same(canon, h->layer->canon);
	if (!sha_same(canon, h->layer->canon) && !h->why.n) {
		buf_add_text(&h->why, "what is stored of ");
		text_quote(&h->why, info->path, true);
		buf_add_text(&h->why, " is not this layer of the image");
	}
	return 0;
}

static int hold_layer(struct audit *a, const struct golden_layer *l, uint64_t *n_found)
{
	struct held h = {.layer = l};
	BUF struct buf subject = {0};
	struct snap_info info;
	uint32_t no = 0;
	int r = 0;

	buf_add_text(&subject, "sha256:");
	text_hex(&subject, span_make(l->diff_id, SHA_LEN));
	while (r == 0) {
		TXN struct txn *t = NULL;

		r = txn_begin(a->store, false, &t);
		if (r == 0)
			r = snap_next(t, &no, &info);
		if (r == 0)
			r = hold_one(&h, t, &info);
	}
	if (r == STORE_ABSENT) {
		r = 0;
		*n_found += h.found > 0;
		if (!h.found)
			buf_add_text(&h.why, "no such layer is stored");
		else if (!h.why.n)
			buf_printf(
				&h.why, "%" PRIu64 " records, as the image has them", l->n_records);
		audit_tell(a, "golden", buf_span(&subject), h.found == h.same, buf_text(&h.why));
	}
	buf_free(&h.why);
	return r < 0 ? audit_damage(a, "golden", buf_span(&subject), r) : 0;
}

int audit_golden(struct audit *a, const struct golden *g)
{
	uint64_t found = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_layers; i++)
		r = hold_layer(a, &g->layers[i], &found);
	if (r == 0 && !found)
		audit_tell(a, "golden", g->name.n ? g->name : span_of("the image"), false,
			"not one of its layers is stored here: it is another image");
	return r;
}

/* ---- golden baselines that were imported ---- */

static int canon_holds(struct txn *t, const struct gold *g, struct buf *why)
{
	uint8_t canon[SHA_LEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
		r = stored_canon(t, g->layer[i].snap, canon);
		if (r == 0 && !sha_same(canon, g->layer[i].canon)) {
			buf_add_text(why, "what is stored of sha256:");
			text_hex(why, span_make(g->layer[i].diff_id, SHA_LEN));
			buf_add_text(why, " does not give its canonical digest");
			return 1;
		}
	}
	return r;
}

static int imported(struct audit *a, struct txn *t, struct gold *g)
{
	BUF struct buf subject = {0}, why = {0};
	int r = gold_accepts(t, g);

	buf_add_text(&subject, "sha256:");
	text_hex(&subject, span_make(g->image, SHA_LEN));
	if (r == STORE_ABSENT)
		r = 0;
	if (r == 0)
		r = canon_holds(t, g, &why);
	if (r < 0)
		return audit_damage(a, "golden", buf_span(&subject), r);
	if (r == 0 && !stored_root_is_right(g)) {
		buf_add_text(&why, "its layers and what it accepts do not give its root digest");
		r = 1;
	}
	if (r == 0) {
		buf_printf(&why, "%zu layers and %" PRIu64 " accepted changes give root ",
			g->n_layers, g->accepts);
		text_hex(&why, span_make(g->root, 6));
	}
	audit_tell(a, "golden", buf_span(&subject), r == 0, buf_text(&why));
	return 0;
}

int audit_imported(struct audit *a)
{
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t at[SHA_LEN] = {0};
	int r = 0;

	must(g);
	while (r == 0) {
		TXN struct txn *t = NULL;

		r = txn_begin(a->store, false, &t);
		if (r == 0)
			r = gold_next(t, at, g);
		if (r == 0)
			r = imported(a, t, g);
	}
	return r < 0 ? audit_damage(a, "golden", span_of("store"), r) : 0;
}
