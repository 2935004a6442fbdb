/* Layers: their records against their root digests; and the baselines that are made of them. */
#include "audit/own.h"
#include "base/text.h"
#include "store/snapshot.h"
#include <inttypes.h>

static int prove_layer(struct audit *a, struct txn *t, const struct snap_info *info)
{
	uint8_t root[SHA_LEN];
	BUF struct buf words = {0};
	uint64_t n;
	int r = snap_verify(t, info->no, root, &n);

	if (r < 0)
		return audit_damage(a, "layer", info->path, r);
	if (!sha_same(root, info->root)) {
		audit_tell(a, "layer", info->path, false,
			"its records do not give its stored root digest");
		return 0;
	}
	if (n != info->n_records) {
		buf_printf(
			&words, "it has %" PRIu64 " records and says %" PRIu64, n, info->n_records);
		audit_tell(a, "layer", info->path, false, buf_text(&words));
		return 0;
	}
	buf_printf(&words, "%" PRIu64 " records give root ", n);
	text_hex(&words, span_make(root, 6));
	audit_tell(a, "layer", info->path, true, buf_text(&words));
	return 0;
}

/* A transaction a layer. */
static int next_layer(struct audit *a, uint32_t *no)
{
	TXN struct txn *t = NULL;
	struct target tg = {.no = 0};
	struct snap_info info;
	int r = txn_begin(a->store, false, &t);

	if (r == 0 && a->target)
		r = targets_get(t, a->target, &tg);
	if (r == 0)
		r = snap_next(t, no, &info);
	if (r < 0)
		return audit_damage(a, "layer", span_of("a layer"), r);
	if (r || info.state != SNAP_COMPLETE || (a->target && !audit_stacks(&tg, info.path)))
		return r;
	return prove_layer(a, t, &info);
}

int audit_layers(struct audit *a)
{
	uint32_t no = 0;
	int r = 0;

	while (r == 0)
		r = next_layer(a, &no);
	return r < 0 ? r : 0;
}

/* ---- baselines ---- */

/* Which stored layers may be the one at a path: a directory that was replaced has left an older one, and two
 * targets may read one by different marks. */
enum { CHOICES = 4, STACK_MAX = 512, TRIES_MAX = 256 };
struct place {
	uint8_t root[CHOICES][SHA_LEN];
	size_t n;
};
struct stack {
	struct place place[STACK_MAX];
	size_t n;
};

static int find_choices(struct txn *t, struct span path, struct place *ret)
{
	struct snap_info info;
	uint32_t no = 0;
	int r;

	ret->n = 0;
	while ((r = snap_next(t, &no, &info)) == 0) {
		if (info.state != SNAP_COMPLETE || !span_eq(info.path, path) ||
			span_is(info.kind, "golden"))
			continue;
		if (ret->n == CHOICES) /* the newest are the last */
			memmove(ret->root, ret->root[1], (CHOICES - 1) * SHA_LEN);
		else
			ret->n++;
		memcpy(ret->root[ret->n - 1], info.root, SHA_LEN);
	}
	return r < 0 ? r : 0;
}

/* STORE_ABSENT: a layer is not stored any more, or there are too many. */
static int find_stack(struct txn *t, const struct target *tg, struct stack *ret)
{
	struct rd at = rd_of(tg->lowers), data = rd_of(tg->data_only);
	struct span path = tg->upper;
	bool one = !target_is_overlay(tg);
	int r = 0;

	ret->n = 0;
	while (r == 0 && (one || target_next_path(&at, &path) || target_next_path(&data, &path))) {
		if (ret->n == STACK_MAX)
			return STORE_ABSENT;
		r = find_choices(t, path, &ret->place[ret->n]);
		if (r == 0 && !ret->place[ret->n].n)
			return STORE_ABSENT;
		ret->n++;
		if (one)
			break;
	}
	return r;
}

struct rooting {
	struct sha *sha;
	struct buf *accepted;
};

static int feed_accepted(void *ctx, const struct accepted *a)
{
	struct buf *b = ctx;

	buf_bytes(b, a->path);
	buf_bytes(b, a->rec);
	buf_bytes(b, a->mount);
	return buf_err(b);
}

/* One choice of layers: the `try`-th, counted as a number whose digits are the places. */
static bool one_root(
	const struct stack *s, uint64_t try, const struct buf *accepted, uint8_t ret[SHA_LEN])
{
	BUF struct buf all = {0};

	for (size_t i = 0; i < s->n; i++) {
		buf_add(&all, s->place[i].root[try % s->place[i].n], SHA_LEN);
		try /= s->place[i].n;
	}
	buf_add(&all, accepted->p, accepted->n);
	sha_once(buf_span(&all), ret);
	return try == 0;
}

/* 1: some stored layers and what was accepted up to then give `root`. */
static int gives(struct txn *t, const struct target *tg, const struct stack *s, uint32_t generation,
	const uint8_t root[SHA_LEN])
{
	BUF struct buf accepted = {0};
	uint8_t one[SHA_LEN];
	int r = accepted_each(t, tg->no, generation, feed_accepted, &accepted);

	for (uint64_t try = 0; r == 0 && try < TRIES_MAX && one_root(s, try, &accepted, one); try++)
		if (sha_same(one, root))
			return 1;
	return r;
}

static const uint8_t nothing[SHA_LEN];

/* 0: it is right; 1: it was told that it is not; STORE_ABSENT is not returned. */
static int prove_generation(struct audit *a, struct txn *t, const struct target *tg,
	const struct stack *s, const struct target_state_rec *st, uint32_t no)
{
	BUF struct buf words = {0};
	struct generation g;
	int r = generation_get(t, tg->no, no, &g);

	if (r == STORE_ABSENT)
		buf_printf(&words, "generation %u is missing", (unsigned)no);
	if (r == 0 && no == st->generation && !sha_same(g.root, st->baseline_root))
		buf_printf(&words, "generation %u is not the present baseline", (unsigned)no);
	if (r == 0 && !words.n && !sha_same(g.root, nothing)) {
		r = gives(t, tg, s, no, g.root);
		if (r == 0)
			buf_printf(&words,
				"layers and acceptances do not give the root of generation %u",
				(unsigned)no);
	}
	if (r < 0)
		return r;
	if (words.n)
		audit_tell(a, "baseline", tg->name, false, buf_text(&words));
	return words.n ? 1 : 0;
}

static int prove_baseline(struct audit *a, struct txn *t, const struct target *tg)
{
	FREE struct stack *s = calloc(1, sizeof(*s));
	BUF struct buf words = {0};
	struct target_state_rec st;
	int r = targets_state_get(t, tg->no, &st);

	must(s);
	if (r == 0 && st.baselined && tg->state != STATE_REMOVED)
		r = find_stack(t, tg, s);
	else if (r >= 0)
		return 0;
	if (r == STORE_ABSENT) {
		audit_tell(a, "baseline", tg->name, true, "its layers are not stored any more");
		return 0;
	}
	for (uint32_t no = 1; r == 0 && no <= st.generation; no++)
		r = prove_generation(a, t, tg, s, &st, no);
	if (r < 0)
		return audit_damage(a, "baseline", tg->name, r);
	if (r)
		return 0;
	buf_printf(
		&words, "%zu layers and %u generations give root ", s->n, (unsigned)st.generation);
	text_hex(&words, span_make(st.baseline_root, 6));
	audit_tell(a, "baseline", tg->name, true, buf_text(&words));
	return 0;
}

int audit_baselines(struct audit *a)
{
	return audit_each_target(a, "baseline", prove_baseline);
}
