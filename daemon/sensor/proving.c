#include "daemon/sensor/proving.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/sensor/layer_mounts.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/mounted.h"
#include "daemon/sensor/proof.h"
#include "daemon/sensor/signing.h"
#include "golden/stored.h"
#include "store/gold.h"
#include "store/verdict.h"
#include <string.h>

static bool is_engines(const struct lower *w)
{
	return strcmp(w->kind, "runtime") == 0;
}

/* The digest of "sha256:" and 64 hex digits. */
static bool digest_of(struct span text, uint8_t ret[SHA_LEN])
{
	struct span kind = span_of("sha256:");

	return span_starts(text, kind) &&
	       text_unhex(span_make(text.p + kind.n, text.n - kind.n), ret, SHA_LEN) == 0;
}

/* How many of the image's layers are below it. */
static size_t index_of(const struct kept *k, const struct lower *l)
{
	size_t n = 0;

	for (size_t i = k->n_lower; i-- > 0 && k->lower[i] != l;)
		n += !is_engines(k->lower[i]);
	return n;
}

static bool stacks(const struct kept *k, const struct lower *l)
{
	for (size_t i = 0; k->overlay && i < k->n_lower; i++)
		if (k->lower[i] == l)
			return true;
	return false;
}

/* What one wish, or one turn of the schedule, wants: counted. */
struct proving {
	atomic_uint left;
	atomic_bool broken;
	atomic_ullong bytes;
	atomic_llong told;
	int asker; /* -1: the schedule */
	uint32_t ask_id;
	uint64_t rate;
	atomic_bool *busy;
};

/* Its answer, when the last part of it is done, goes with `it`. */
static void part_done(struct proving *of, struct item_proved *it)
{
	bool last = atomic_fetch_sub(&of->left, 1) == 1;

	if (last && of->asker >= 0) {
		it->answers = true;
		it->asker = of->asker;
		it->ask_id = of->ask_id;
		it->broken = atomic_load(&of->broken);
	}
	if (last && of->busy)
		atomic_store(of->busy, false);
	if (last)
		free(of);
}

static struct item_proved *item_new(void)
{
	struct item_proved *it = calloc(1, sizeof(*it));

	must(it);
	it->item.kind = ITEM_PROVED;
	return it;
}

static void give(struct examiner *ex, struct item_proved *it)
{
	if (it->snap || it->answers)
		examiner_push(ex, &it->item);
	else
		item_free(&it->item);
}

/* A part that has no answer of its own. */
static void one_less(struct proving *of, struct examiner *ex)
{
	struct item_proved *it = item_new();

	part_done(of, it);
	give(ex, it);
}

/* ---- which image lists the layers ---- */

struct chain_job {
	struct job job;
	struct examiner *ex;
	struct kept *kept;
	struct buf image; /* "sha256:..." */
	struct signing signing;
	struct proving *of; /* NULL: nobody waits */
};

static void chain_drop(struct job *j)
{
	struct chain_job *t = container_of(j, struct chain_job, job);

	if (t->of)
		one_less(t->of, t->ex);
	kept_unref(t->kept);
	buf_free(&t->image);
	signing_free(&t->signing);
	free(t);
}

/* The layers' own verdicts, bottom first, beside the list. */
struct comparing {
	struct verdict *v;
	struct rd list;
	size_t n_met;
	bool differs, lacks, unknown, broken;
};

static int compare_layer(struct comparing *c, struct txn *txn, const struct lower *w)
{
	uint32_t snap = atomic_load(&w->snap);
	struct verdict of;
	struct span want = {0};
	int r;

	if (is_engines(w))
		return 0;
	r = snap ? verdict_get(txn, VERDICT_OF_LAYER, snap, &of) : STORE_ABSENT;
	if (r < 0)
		return r;
	c->lacks |= r || !of.digest.n;
	c->unknown |= r || of.state == VERDICT_UNKNOWN;
	c->broken |= r == 0 && of.state == VERDICT_BROKEN;
	if (!rd_end(&c->list))
		want = rd_bytes(&c->list);
	c->n_met++;
	c->differs |= r || !span_eq(of.digest, want);
	return 0;
}

/* The image's own link; the ledger joins it with the layers' own. */
static void conclude(
	struct comparing *c, int r, const struct provenance_image *image, struct buf *why)
{
	struct verdict *v = c->v;

	if (r < 0) {
		v->link = r == -EBADMSG ? VERDICT_BROKEN : VERDICT_CONSISTENT;
		buf_add_span(why, buf_span(&image->why));
	} else if (c->differs || c->n_met != image->n) {
		/* Where nothing tells what a layer's image says, nothing tells it of the list either. */
		v->link = c->unknown ? VERDICT_UNKNOWN
			  : c->lacks ? VERDICT_CONSISTENT
				     : VERDICT_BROKEN;
		buf_add_text(why, c->lacks ? "not every layer's digest is known"
					   : "its layers are not those that its image lists");
	}
}

/* Every layer of a golden baseline of the image, as canonical digests. What is broken has said so. */
static int against_golden(struct comparing *c, struct txn *txn, const struct kept *k,
	struct span image, struct buf *why)
{
	FREE struct gold *g = malloc(sizeof(*g));
	BUF struct buf who = {0};
	uint8_t digest[SHA_LEN];
	size_t n = 0;
	int r;

	must(g);
	if (c->broken || c->v->link == VERDICT_BROKEN || !digest_of(image, digest))
		return 0;
	r = gold_find(txn, digest, g);
	for (size_t i = k->n_lower; r == 0 && i-- > 0;) {
		uint8_t canon[SHA_LEN];

		if (is_engines(k->lower[i]))
			continue;
		r = stored_canon(txn, atomic_load(&k->lower[i]->snap), canon);
		if (r == 0 && (n == g->n_layers || !sha_same(canon, g->layer[n].canon))) {
			c->v->link = VERDICT_BROKEN;
			buf_reset(why);
			buf_printf(
				why, "the golden baseline says otherwise of %s", k->lower[i]->path);
			return 0;
		}
		n++;
	}
	if (r)
		return r < 0 ? r : 0;
	if (n != g->n_layers)
		return 0;
	c->v->how = VERDICT_HOW_GOLDEN;
	c->v->link = VERDICT_PROVED;
	gold_signers(g, &who);
	buf_reset(why);
	buf_printf(
		why, "golden baseline, %s%s", who.n ? "signed by " : "not signed", buf_text(&who));
	return 0;
}

static void chain_run(struct job *j, struct worker *w)
{
	struct chain_job *t = container_of(j, struct chain_job, job);
	const struct kept *k = t->kept;
	PROVENANCE_IMAGE struct provenance_image image = {.n = 0};
	BUF struct buf digest = {0}, manifest = {0}, why = {0}, by = {0};
	struct verdict v = {
		.how = VERDICT_HOW_CONFIG, .when = clock_wall(), .link = VERDICT_PROVED};
	struct comparing c = {.v = &v};
	struct item_chain *it = calloc(1, sizeof(*it));
	TXN struct txn *txn = NULL;
	int found =
		provenance_of_image(k->lower[k->n_lower - 1]->path, buf_span(&t->image), &image);
	int r = txn_begin(w->ex->store, false, &txn);

	must(it);
	c.list = rd_of(buf_span(&image.digests));
	for (size_t i = k->n_lower; r == 0 && i-- > 0;)
		r = compare_layer(&c, txn, k->lower[i]);
	conclude(&c, found, &image, &why);
	if (r == 0)
		r = against_golden(&c, txn, k, buf_span(&t->image), &why);
	txn_abort(take(txn));
	signing_judge(&t->signing, &image, &by, &v.by);
	if (found == 0) {
		buf_printf(&digest, "sha256:%s", buf_text(&image.config));
		buf_printf(&manifest, image.manifest.n ? "sha256:%s" : "%s",
			buf_text(&image.manifest));
	}
	v.digest = buf_span(&digest);
	v.manifest = buf_span(&manifest);
	v.why = buf_span(&why);
	it->item.kind = ITEM_CHAIN;
	it->kept = kept_ref(t->kept);
	verdict_encode(&v, &it->verdict);
	if (r == 0)
		examiner_push(w->ex, &it->item);
	else
		item_free(&it->item);
	chain_drop(j);
}

static bool has_chain(const struct reg *r)
{
	return r->kept->overlay && r->kept->n_lower && kept_is_baselined(r->kept) &&
	       atomic_load(&r->kept->no);
}

static void chain(struct sensor *s, struct reg *r, struct proving *of)
{
	struct chain_job *t = calloc(1, sizeof(*t));
	struct target desc = {.no = 0};

	must(t);
	t->job.run = chain_run;
	t->job.drop = chain_drop;
	t->ex = &s->ex;
	t->kept = kept_ref(r->kept);
	t->of = of;
	if (target_decode(buf_span(&r->desc), &desc) < 0)
		desc = (struct target){.no = 0};
	buf_add_span(&t->image, desc.image_digest);
	signing_of(s->cfg, desc.image, &t->signing);
	jobs_add(s->jobs, JOB_WISH, &t->job);
}

void proving_image(struct sensor *s, const struct lower *l, struct proof_image *ret)
{
	for (struct reg *r = s->reg.regs; r && !ret->known; r = r->next) {
		struct target t;

		if (!stacks(r->kept, l) || target_decode(buf_span(&r->desc), &t) < 0)
			continue;
		ret->known = digest_of(t.image_digest, ret->digest);
		ret->index = index_of(r->kept, l);
	}
}

/* ---- verdicts came ---- */

static void scan_broken(struct scan *s)
{
	for (size_t i = 0; i < s->kept->n_lower; i++)
		if (atomic_load(&s->kept->lower[i]->broken))
			layers_scan_one(s, s->kept->lower[i]);
}

void proving_layers(struct scan *s)
{
	if (!s->kept->overlay)
		return;
	if (kept_is_unsure(s->kept))
		layers_wait(s);
	scan_broken(s);
}

static void judged(struct sensor *s, struct lower *l)
{
	struct scan_options opt = {.asker = -1, .trust_seen = true, .layers = proving_layers};

	for (struct reg *r = s->reg.regs; r; r = r->next) {
		if (!stacks(r->kept, l))
			continue;
		r->chain_due = true;
		if (atomic_load(&l->broken) && !r->hold_until)
			scan_begin(&s->ex, r->kept, &opt);
	}
}

void proving_bell(struct sensor *s)
{
	bool news = false;

	for (struct layer_row *row = s->reg.layers; row; row = row->next)
		if (atomic_exchange(&row->lower->judged, false)) {
			judged(s, row->lower);
			news = true;
		}
	if (news)
		layer_mounts_follow(s);
	sensor_look_at_layers(s);
	for (struct reg *r = s->reg.regs; r; r = r->next)
		if (r->chain_due && has_chain(r)) {
			r->chain_due = false;
			chain(s, r, NULL);
			mounted_look(&s->ex, r->kept);
		}
}

void proving_signatures(struct sensor *s)
{
	for (struct reg *r = s->reg.regs; r; r = r->next)
		r->chain_due |= r->kept->overlay;
	proving_bell(s);
}

void proving_known(struct sensor *s, struct lower *l)
{
	TXN struct txn *t = NULL;
	struct verdict v;
	uint32_t snap = atomic_load(&l->snap);

	if (snap && txn_begin(s->store, false, &t) == 0 &&
		verdict_get(t, VERDICT_OF_LAYER, snap, &v) == 0)
		atomic_store(&l->broken, v.state == VERDICT_BROKEN);
}

/* ---- again ---- */

struct proof_job {
	struct job job;
	struct examiner *ex;
	struct lower *lower;
	struct proving *of;
	struct proof_image image;
};

static void step(void *ctx, uint64_t bytes)
{
	struct proof_job *t = ctx;
	struct proving *of = t->of;
	unsigned long long done = atomic_fetch_add(&of->bytes, bytes) + bytes;
	long long told = atomic_load(&of->told), now = clock_mono();
	struct door_msg m = {.op = DOOR_PROGRESS, .id = of->ask_id, .value = done >> 20};

	if (of->asker < 0 || now - told < 100 * CLOCK_MS ||
		!atomic_compare_exchange_strong(&of->told, &told, now))
		return;
	outbox_put(t->ex->outbox, of->asker, &m, NULL, 0);
}

static void done(struct proof_job *t, struct item_proved *it)
{
	part_done(t->of, it);
	give(t->ex, it);
	lower_unref(t->lower);
	free(t);
}

static void proof_drop(struct job *j)
{
	done(container_of(j, struct proof_job, job), item_new());
}

static void proof_run(struct job *j, struct worker *w)
{
	struct proof_job *t = container_of(j, struct proof_job, job);
	struct proof_options opt = {.max_bytes = w->ex->max_bytes,
		.rate = t->of->rate,
		.store = w->ex->store,
		.image = t->image,
		.stop = &w->ex->stop,
		.step = step,
		.ctx = t};
	struct item_proved *it = item_new();
	uint32_t snap = atomic_load(&t->lower->snap);
	PROOF struct proof *p = NULL;
	struct verdict v;

	if (snap && !w->ex->stop) {
		p = layer_proof_new(t->lower, &opt);
		proof_walk(p, t->lower, &opt, w);
	}
	if (p && !w->ex->stop) {
		proof_verdict(p, &v);
		if (v.state == VERDICT_BROKEN)
			atomic_store(&t->of->broken, true);
		it->lower = lower_ref(t->lower);
		it->snap = snap;
		verdict_encode(&v, &it->verdict);
	}
	done(t, it);
}

static void submit(struct sensor *s, struct lower *l, struct proving *of, enum job_lane lane)
{
	struct proof_job *t = calloc(1, sizeof(*t));

	must(t);
	t->job.run = proof_run;
	t->job.drop = proof_drop;
	t->ex = &s->ex;
	t->lower = lower_ref(l);
	proving_image(s, l, &t->image);
	t->of = of;
	jobs_add(s->jobs, lane, &t->job);
}

static bool is_wished(const struct layer_row *row, const struct reg *r, struct span path)
{
	return atomic_load(&row->lower->snap) &&
	       (path.n ? span_is(path, row->lower->path) : !r || stacks(r->kept, row->lower));
}

static bool is_wished_of(const struct reg *o, const struct reg *r, struct span path)
{
	return !path.n && (!r || r == o) && has_chain(o);
}

/* Which of the layers are what is mounted, for each target that stacks one. */
struct mounted_job {
	struct job job;
	struct examiner *ex;
	struct kept *kept;
	struct proving *of;
};

static void mounted_drop(struct job *j)
{
	struct mounted_job *t = container_of(j, struct mounted_job, job);

	one_less(t->of, t->ex);
	kept_unref(t->kept);
	free(t);
}

static void mounted_run(struct job *j, struct worker *w)
{
	struct mounted_job *t = container_of(j, struct mounted_job, job);

	if (!w->ex->stop && mounted_look_now(t->kept, w))
		atomic_store(&t->of->broken, true);
	mounted_drop(j);
}

static void submit_mounted(struct sensor *s, struct kept *k, struct proving *of)
{
	struct mounted_job *t = calloc(1, sizeof(*t));

	must(t);
	t->job.run = mounted_run;
	t->job.drop = mounted_drop;
	t->ex = &s->ex;
	t->kept = kept_ref(k);
	t->of = of;
	jobs_add(s->jobs, JOB_WISH, &t->job);
}

static bool stacks_wished(
	const struct sensor *s, const struct reg *of, const struct reg *r, struct span path)
{
	for (const struct layer_row *row = s->reg.layers; row; row = row->next)
		if (is_wished(row, r, path) && stacks(of->kept, row->lower))
			return true;
	return false;
}

bool proving_wish(struct sensor *s, struct reg *r, struct span path, int asker, uint32_t ask_id)
{
	struct proving *of = calloc(1, sizeof(*of));
	unsigned n = 0, chains = 0, n_mounted = 0;

	must(of);
	of->asker = asker;
	of->ask_id = ask_id;
	for (const struct layer_row *row = s->reg.layers; row; row = row->next)
		n += is_wished(row, r, path);
	for (const struct reg *o = s->reg.regs; o; o = o->next) {
		chains += is_wished_of(o, r, path);
		n_mounted += (r && !path.n) ? o == r : stacks_wished(s, o, r, path);
	}
	atomic_init(&of->left, n + chains + n_mounted);
	if (!n && !chains) {
		free(of);
		return false;
	}
	for (struct reg *o = s->reg.regs; o; o = o->next)
		if (is_wished_of(o, r, path))
			chain(s, o, of);
	for (const struct layer_row *row = s->reg.layers; row; row = row->next)
		if (is_wished(row, r, path))
			submit(s, row->lower, of, JOB_WISH);
	for (struct reg *k = s->reg.regs; k; k = k->next)
		if ((r && !path.n) ? k == r : stacks_wished(s, k, r, path))
			submit_mounted(s, k->kept, of);
	return true;
}

/* ---- the schedule: the layer that waits longest ---- */

#define TURN (10 * CLOCK_S) /* one layer in so long, unless each is to be proved more often */

static int64_t proved_at(struct txn *t, const struct lower *l)
{
	uint32_t snap = atomic_load(&l->snap);
	struct verdict v;

	if (!snap)
		return INT64_MAX;
	return verdict_get(t, VERDICT_OF_LAYER, snap, &v) == 0 ? v.when : 0;
}

int64_t proving_due(const struct sensor *s)
{
	return s->cfg->layers_verify_interval ? s->next_proof : INT64_MAX;
}

void proving_round(struct sensor *s, int64_t now)
{
	TXN struct txn *t = NULL;
	struct layer_row *oldest = NULL;
	int64_t when = INT64_MAX, wall = clock_wall();
	struct proving *of;

	if (!s->cfg->layers_verify_interval || now < s->next_proof)
		return;
	s->next_proof =
		now +
		(s->cfg->layers_verify_interval < TURN ? s->cfg->layers_verify_interval : TURN);
	if (atomic_load(&s->proof_busy) || txn_begin(s->store, false, &t) < 0)
		return;
	for (struct layer_row *row = s->reg.layers; row; row = row->next) {
		int64_t at = proved_at(t, row->lower);

		if (at < when) {
			when = at;
			oldest = row;
		}
	}
	if (!oldest || when > wall - s->cfg->layers_verify_interval)
		return;
	of = calloc(1, sizeof(*of));
	must(of);
	of->asker = -1;
	of->rate = s->cfg->layers_verify_rate;
	of->busy = &s->proof_busy;
	atomic_init(&of->left, 1);
	atomic_store(&s->proof_busy, true);
	mounted_look_layer(s, oldest->lower);
	submit(s, oldest->lower, of, JOB_HOST);
}
