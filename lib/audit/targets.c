/* Targets: baseline root and generation against layers and accepts, drift id and counts against the drift. */
#include "audit/own.h"
#include "base/err.h"
#include "base/text.h"
#include "model/drift.h"
#include "store/snapshot.h"
#include "store/targets.h"
#include <stdio.h>

/* ---- the drift ---- */

struct counting {
	struct drift_hash hash;
	uint64_t n, tampered;
	uint32_t added, changed, deleted;
	enum severity worst;
	struct buf first; /* path of a file that is not what was hashed */
};

static int count(void *ctx, const struct change *c)
{
	struct counting *k = ctx;
	BUF struct buf member = {.p = NULL};

	change_identity(c, &member);
	if (buf_err(&member))
		return member.err;
	drift_hash_add(&k->hash, buf_span(&member));
	k->n++;
	k->added += c->kind == 'A';
	k->changed += c->kind == 'C';
	k->deleted += c->kind == 'D';
	k->worst = c->severity > k->worst ? c->severity : k->worst;
	if (c->aspects & (1u << ASPECT_LAYER) && !k->tampered++)
		text_quote(&k->first, c->path, true);
	return buf_err(&k->first);
}

static const char *hold_drift(const struct counting *k, const struct target_state_rec *s)
{
	uint8_t id[SHA_LEN];

	drift_hash_id(&k->hash, id);
	if (!sha_same(id, s->drift_id))
		return "its drift does not give its drift id";
	if (k->added != s->n_added || k->changed != s->n_changed || k->deleted != s->n_deleted ||
		k->worst != s->worst)
		return "its drift is not what its counts say";
	return NULL;
}

/* ---- the baseline ---- */

static int feed_accepted(void *ctx, const struct accepted *a)
{
	struct sha *sha = ctx;
	BUF struct buf b = {.p = NULL};

	buf_bytes(&b, a->path);
	buf_bytes(&b, a->rec);
	buf_bytes(&b, a->mount);
	return buf_err(&b) ? buf_err(&b) : sha_feed(sha, b.p, b.n);
}

/* The one complete snapshot of a path; STORE_ABSENT: none, or several, of which nobody knows which. */
static int layer_root(struct txn *t, struct span path, uint8_t ret[SHA_LEN])
{
	struct snap_info info;
	uint32_t no = 0;
	size_t found = 0;
	int r;

	while ((r = snap_next(t, &no, &info)) == 0)
		if (info.state == SNAP_COMPLETE && span_eq(info.path, path)) {
			memcpy(ret, info.root, SHA_LEN);
			found++;
		}
	return r < 0 ? r : found == 1 ? 0 : STORE_ABSENT;
}

static int feed_layers(struct txn *t, const struct target *tg, struct sha *sha)
{
	struct rd lists[] = {rd_of(tg->lowers), rd_of(tg->data_only)};
	uint8_t root[SHA_LEN];
	struct span p;
	int r = 0;

	if (!target_is_overlay(tg)) {
		r = layer_root(t, tg->upper, root);
		return r ? r : sha_feed(sha, root, SHA_LEN);
	}
	for (size_t i = 0; i < COUNTOF(lists); i++)
		while (r == 0 && target_next_path(&lists[i], &p)) {
			r = layer_root(t, p, root);
			if (r == 0)
				r = sha_feed(sha, root, SHA_LEN);
		}
	return r;
}

/* 0; STORE_ABSENT: a layer is not stored any more. */
static int baseline_root(struct txn *t, const struct target *tg, uint8_t ret[SHA_LEN])
{
	struct sha *sha = NULL;
	int r = sha_new(&sha);

	if (r == 0)
		r = sha_begin(sha);
	if (r == 0)
		r = feed_layers(t, tg, sha);
	if (r == 0)
		r = accepted_each(t, tg->no, UINT32_MAX, feed_accepted, sha);
	if (r == 0)
		r = sha_end(sha, ret);
	sha_free(sha);
	return r;
}

static int hold_baseline(
	struct txn *t, const struct target *tg, const struct target_state_rec *s, const char **why)
{
	uint8_t root[SHA_LEN];
	struct generation g;
	int r = s->generation ? generation_get(t, tg->no, s->generation, &g) : STORE_ABSENT;

	if (r < 0 || !s->baselined)
		return r < 0 ? r : 0;
	if (r || !sha_same(g.root, s->baseline_root)) {
		*why = "its generation does not have its baseline's root digest";
		return 0;
	}
	r = baseline_root(t, tg, root);
	if (r == 0 && !sha_same(root, s->baseline_root))
		*why = "layers and accepts do not give its baseline's root digest";
	return r < 0 ? r : 0;
}

/* ---- one target ---- */

static int judge(struct txn *t, const struct target *tg, struct counting *k, const char **why)
{
	struct target_state_rec s;
	int r = targets_state_get(t, tg->no, &s);

	if (r < 0)
		return r;
	r = drift_each(t, tg->no, (struct span){0}, count, k);
	if (r == 0)
		*why = hold_drift(k, &s);
	if (r == 0 && !*why)
		r = hold_baseline(t, tg, &s, why);
	return r;
}

static void show_files(struct audit *a, const struct target *tg, const struct counting *k)
{
	BUF struct buf words = {.p = NULL};

	if (!k->tampered || tg->state == STATE_REMOVED)
		return;
	buf_printf(&words, "%s%s: not what was hashed; see diff -l", buf_text(&k->first),
		k->tampered > 1 ? " and more" : "");
	audit_check(a, "files", tg->name, false, buf_text(&words));
}

static int prove_target(struct audit *a, struct txn *t, const struct target *tg)
{
	struct counting *k = calloc(1, sizeof(*k));
	const char *why = NULL;
	char words[120];
	int r;

	must(k);
	r = judge(t, tg, k, &why);
	if (r == -EBADMSG) {
		why = err_why();
		r = 0;
	}
	snprintf(words, sizeof(words), "drift id over %llu changes, baseline root and generation",
		(unsigned long long)k->n);
	if (r == 0) {
		audit_check(a, "target", tg->name.n ? tg->name : tg->id, !why, why ? why : words);
		show_files(a, tg, k);
	}
	buf_free(&k->first);
	free(k);
	return r;
}

/* A transaction a target. */
static int next_target(struct audit *a, uint32_t *no)
{
	TXN struct txn *t = NULL;
	struct target tg;
	int r = txn_begin(a->o->store, false, &t);

	if (r == 0 && a->o->target)
		r = targets_get(t, a->o->target, &tg);
	else if (r == 0)
		r = targets_next(t, no, &tg);
	return r ? r : prove_target(a, t, &tg);
}

int audit_targets(struct audit *a)
{
	uint32_t no = 0;
	int r;

	if (a->o->target) {
		r = next_target(a, &no);
		return r < 0 ? r : 0;
	}
	while ((r = next_target(a, &no)) == 0)
		;
	if (r == -EBADMSG) {
		audit_check(a, "target", span_of("targets"), false, err_why());
		return 0;
	}
	return r < 0 ? r : 0;
}
