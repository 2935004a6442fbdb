/* The drift set of each target against what is told of it in one value. */
#include "audit/own.h"
#include "base/text.h"

struct counted {
	struct drift_hash hash;
	uint32_t a, c, d;
	enum severity worst;
	struct buf bytes, layer; /* scratch; the first path whose layer was changed */
	size_t n_layer;
};

static int count(void *ctx, const struct change *c)
{
	struct counted *k = ctx;

	buf_reset(&k->bytes);
	change_identity(c, &k->bytes);
	drift_hash_add(&k->hash, buf_span(&k->bytes));
	*(c->kind == 'A' ? &k->a : c->kind == 'D' ? &k->d : &k->c) += 1;
	if (c->severity > k->worst)
		k->worst = c->severity;
	if ((c->aspects & (1u << ASPECT_LAYER)) && !k->n_layer++)
		text_quote(&k->layer, c->path, true);
	return buf_err(&k->bytes);
}

static void counted_free(struct counted *k)
{
	buf_free(&k->bytes);
	buf_free(&k->layer);
	free(k);
}
static void counted_free_p(struct counted **k)
{
	counted_free(*k);
}

static const char *what_differs(const struct counted *k, const struct target_state_rec *st)
{
	uint8_t id[SHA_LEN];

	drift_hash_id(&k->hash, id);
	if (!sha_same(id, st->drift_id))
		return "its changes do not give its drift id";
	if (k->a != st->n_added || k->c != st->n_changed || k->d != st->n_deleted)
		return "its changes are not as many as it says";
	return k->worst != st->worst ? "its worst severity is another" : NULL;
}

static int prove_drift(struct audit *a, struct txn *t, const struct target *tg)
{
	CLEANUP(counted_free_p) struct counted *k = calloc(1, sizeof(*k));
	BUF struct buf words = {0};
	struct target_state_rec st;
	const char *why;
	int r = targets_state_get(t, tg->no, &st);

	must(k);
	if (r >= 0)
		r = drift_each(t, tg->no, (struct span){0}, count, k);
	if (r < 0)
		return audit_damage(a, "drift", tg->name, r);
	why = what_differs(k, &st);
	if (!why) {
		buf_printf(&words, "%u changes give drift id ", k->a + k->c + k->d);
		text_hex(&words, span_make(st.drift_id, 6));
	}
	audit_tell(a, "drift", tg->name, !why, why ? why : buf_text(&words));
	if (!k->n_layer || tg->state == STATE_REMOVED)
		return 0;
	buf_reset(&words);
	buf_printf(&words, "%s%s: not what was hashed; see diff -l", buf_text(&k->layer),
		k->n_layer > 1 ? " and more" : "");
	audit_tell(a, "files", tg->name, false, buf_text(&words));
	return 0;
}

int audit_drift(struct audit *a)
{
	return audit_each_target(a, "drift", prove_drift);
}
