/* Batches come as the workers finish them; the store wants them in key order. */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "daemon/log.h"

int ledger_snap_begin(struct ledger *l, struct item *i)
{
	struct item_snap_begin *b = container_of(i, struct item_snap_begin, item);
	struct snap_build *build = &l->build[b->line];
	struct snap_info info;
	int r = snap_find(l->txn, b->lower->identity, &info);

	*build = (struct snap_build){
		.serial = b->serial, .tree = b->tree ? atomic_load(&b->tree->no) : 0};
	if (r == 0 && info.state == SNAP_COMPLETE) {
		build->known = true;
		build->no = info.no;
		build->next = UINT64_MAX;
		l->after[l->n_after++] = (struct after){.lower = b->lower, .snap = info.no};
		return 0;
	}
	return r < 0 ? r
		     : snap_create(l->txn, b->lower->identity, span_of(b->lower->path),
			       (struct span){0}, span_of(b->lower->kind), &build->no);
}

static int put_row(struct ledger *l, const struct item_snap_batch *b, const struct snap_row *row)
{
	struct snap_build *build = &l->build[b->line];
	struct record rec;
	int r = record_decode(span_make(b->mem.p + row->rec.off, row->rec.len), &rec);

	if (r < 0)
		return r;
	r = snap_put(l->txn, build->no, b->dir, span_make(b->mem.p + row->name.off, row->name.len),
		&rec, row->sub_dir);
	/* The look that follows a tree's baseline need not read it all again. */
	if (r == 0 && build->tree && row->has_seen)
		r = seen_put(l->txn, build->tree, &row->seen);
	build->records++;
	return r;
}

static int put_batch(struct ledger *l, const struct item_snap_batch *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->n_rows; i++)
		r = put_row(l, b, &b->row[i]);
	l->build[b->line].bytes += b->bytes;
	l->build[b->line].unreadable += b->unreadable;
	return r;
}

/* Into the waiting list by index, once: after a transaction that failed it is there already. */
static void wait_in_line(struct ledger *l, struct item_snap_batch *b)
{
	struct item_snap_batch **at = &l->waiting[b->line];

	while (*at && ((*at)->serial < b->serial ||
			      ((*at)->serial == b->serial && (*at)->index < b->index)))
		at = &(*at)->next;
	if (*at == b)
		return;
	b->next = *at;
	*at = b;
}

int ledger_snap_batch(struct ledger *l, struct item *i)
{
	struct item_snap_batch *b = container_of(i, struct item_snap_batch, item);
	struct snap_build *build = &l->build[b->line];
	int r = 0;

	wait_in_line(l, b);
	for (b = l->waiting[b->line]; r == 0 && b; b = b->next) {
		if (b->serial < build->serial || b->index < build->next)
			continue;
		if (b->serial > build->serial || b->index > build->next)
			break;
		r = put_batch(l, b);
		build->next++;
	}
	return r;
}

/* The number of a layer's snapshot, if it is complete: for all to see, or in this transaction. */
uint32_t ledger_snap_of(const struct ledger *l, const struct lower *w)
{
	for (size_t i = 0; i < l->n_after; i++)
		if (l->after[i].lower == w)
			return l->after[i].snap;
	return atomic_load(&w->snap);
}

static bool is_baselined(const struct ledger *l, const struct kept *k)
{
	for (size_t i = 0; i < k->n_lower; i++)
		if (!ledger_snap_of(l, k->lower[i]))
			return false;
	return true;
}

struct root_ctx {
	struct sha *sha;
};

static int feed_accepted(void *ctx, const struct accepted *a)
{
	struct root_ctx *c = ctx;
	BUF struct buf b = {0};

	buf_bytes(&b, a->path);
	buf_bytes(&b, a->rec);
	buf_bytes(&b, a->mount);
	return buf_err(&b) ? buf_err(&b) : sha_feed(c->sha, b.p, b.n);
}

int ledger_baseline_root(struct ledger *l, const struct kept *k, uint8_t ret[SHA_LEN])
{
	struct root_ctx c = {0};
	struct snap_info info;
	int r = sha_new(&c.sha);

	if (r == 0)
		r = sha_begin(c.sha);
	for (size_t i = 0; r == 0 && i < k->n_lower; i++) {
		r = snap_get(l->txn, ledger_snap_of(l, k->lower[i]), &info);
		if (r == 0)
			r = sha_feed(c.sha, info.root, SHA_LEN);
	}
	if (r == 0)
		r = accepted_each(l->txn, atomic_load(&k->no), UINT32_MAX, feed_accepted, &c);
	if (r == 0)
		r = sha_end(c.sha, ret);
	sha_free(c.sha);
	return r;
}

int ledger_baselined(struct ledger *l, struct kept *k, struct span words)
{
	struct generation g = {
		.no = 1, .time = l->now, .reason = span_of("the image, as first seen")};
	uint32_t no = atomic_load(&k->no);
	struct target_state_rec st;
	struct target t;
	struct event e = {.type = EVENT_BASELINE_CREATED, .generation = 1, .detail = words};
	int r = targets_state_get(l->txn, no, &st);

	if (r == 0 && st.baselined)
		return ledger_given(l, k); /* an import may have come while it was not here */
	if (r < 0 || !is_baselined(l, k))
		return r < 0 ? r : 0;
	r = ledger_baseline_root(l, k, st.baseline_root);
	if (r)
		return r < 0 ? r : 0;
	st.baselined = true;
	st.generation = st.generation ? st.generation : 1;
	memcpy(g.root, st.baseline_root, SHA_LEN);
	e.root = g.root;
	r = targets_state_put(l->txn, no, &st);
	if (r == 0)
		r = generation_put(l->txn, no, &g);
	if (r == 0)
		r = ledger_target_of(l, no, &t);
	e.target = &t;
	if (r == 0)
		r = ledger_journal(l, &e, NULL);
	return r == 0 ? ledger_given(l, k) : r < 0 ? r : 0;
}

/* Who stacks the layer may be baselined with it. */
static int tell_users(struct ledger *l, const struct lower *w, struct span words)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < l->n_kept; k++)
		for (size_t j = 0; j < l->kept[k]->n_lower; j++)
			if (l->kept[k]->lower[j] == w) {
				r = ledger_baselined(l, l->kept[k], words);
				if (r == 0)
					r = ledger_packages_known(l, l->kept[k]);
				break;
			}
	return r;
}

static int failed(struct ledger *l, const struct item_snap_end *e)
{
	struct gap g = {.target = e->tree ? atomic_load(&e->tree->no) : 0,
		.cause = e->failed == -EFBIG ? GAP_TOO_LARGE : GAP_UNREADABLE,
		.from = l->now,
		.detail = span_of(e->why ? e->why : "the baseline could not be taken")};

	if (e->failed == -ECANCELED || !e->tree) {
		if (e->failed != -ECANCELED)
			log_warn("layer %s: %s: its files are compared on demand", e->lower->path,
				e->why ? e->why : "no baseline");
		return 0;
	}
	return g.target ? ledger_gap_open(l, &g) : 0;
}

static bool is_stacked(const struct ledger *l, uint32_t snap)
{
	for (size_t k = 0; k < l->n_kept; k++)
		for (size_t j = 0; j < l->kept[k]->n_lower; j++)
			if (ledger_snap_of(l, l->kept[k]->lower[j]) == snap)
				return true;
	return false;
}

int ledger_drop(struct ledger *l, struct item *i)
{
	struct item_drop *d = container_of(i, struct item_drop, item);
	bool more = false;
	int r = 0;

	/* A baseline begun meanwhile may have met it by its identity. */
	if (!is_stacked(l, d->snap) && (r = gold_names_snap(l->txn, d->snap)) == STORE_ABSENT)
		r = snap_delete(l->txn, d->snap, 2000, &more);
	if (more)
		l->next_tidy = 0; /* the rest by slices of tidying */
	return r < 0 ? r : 0;
}

int ledger_snap_end(struct ledger *l, struct item *i)
{
	struct item_snap_end *e = container_of(i, struct item_snap_end, item);
	struct snap_build *b = &l->build[e->line];
	uint8_t root[SHA_LEN];
	int r;

	l->ring = true;
	if (e->serial != b->serial || b->known)
		return tell_users(l, e->lower, buf_span(&e->words));
	if (e->failed || b->next != e->n_batches) {
		b->next = UINT64_MAX; /* whatever still waits is of no use */
		return e->failed ? failed(l, e) : 0;
	}
	r = ledger_package_records(l, b->no, buf_span(&e->odds));
	if (r == 0)
		r = snap_verify(l->txn, b->no, root, NULL);
	if (r == 0)
		r = snap_complete(l->txn, b->no, root, b->records, b->bytes);
	if (r < 0)
		return r;
	l->after[l->n_after++] = (struct after){.lower = e->lower, .snap = b->no};
	if (e->verdict.n)
		r = ledger_verdict(l, e->lower, b->no, buf_span(&e->verdict));
	if (r == 0)
		r = tell_users(l, e->lower, buf_span(&e->words));
	return r == 0 && e->tree ? ledger_package_odds(l, e->tree, buf_span(&e->odds)) : r;
}
