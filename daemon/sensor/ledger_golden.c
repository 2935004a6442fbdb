/*
 * Golden baselines are written down: the layers' records in slices, as snapshots that nobody finds while
 * they are partial, and at the end all of it at once. What an earlier life left half done is taken away.
 */
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/ledger_impl.h"

enum { TAKEN_BACK = 2000 };

static void add_digest(struct buf *out, const uint8_t digest[SHA_LEN])
{
	buf_add_text(out, "sha256:");
	text_hex(out, span_make(digest, SHA_LEN));
}

static int begin_layer(struct ledger *l, const struct gold_layer *layer)
{
	BUF struct buf name = {0};
	uint8_t identity[SHA_LEN];
	struct snap_info info;
	uint32_t no;
	int r;

	gold_identity(layer->diff_id, layer->canon, identity);
	r = snap_find(l->txn, identity, &info);
	if (r < 0 || (r == 0 && info.state == SNAP_COMPLETE))
		return r < 0 ? r : 0;
	add_digest(&name, layer->diff_id);
	return snap_create(
		l->txn, identity, buf_span(&name), buf_span(&name), span_of(GOLD_KIND), &no);
}

int ledger_golden_begin(struct ledger *l, struct item *i)
{
	const struct gold *g = container_of(i, struct item_golden_begin, item)->gold;
	int r = 0;

	for (size_t k = 0; r == 0 && k < g->n_layers; k++)
		r = begin_layer(l, &g->layer[k]);
	return r;
}

int ledger_golden_rows(struct ledger *l, struct item *i)
{
	struct item_golden_rows *it = container_of(i, struct item_golden_rows, item);
	struct snap_info info;
	int r = snap_find(l->txn, it->identity, &info);

	if (r || info.state != SNAP_PARTIAL)
		return r < 0 ? r : 0;
	for (size_t k = 0; r == 0 && k < it->n_rows; k++) {
		const struct golden_row *row = &it->row[k];
		struct record rec;

		r = record_decode(span_make(it->mem.p + row->rec.off, row->rec.len), &rec);
		if (r == 0)
			r = snap_put(l->txn, info.no, row->dir,
				span_make(it->mem.p + row->name.off, row->name.len), &rec,
				row->sub_dir);
	}
	return r;
}

/* ---- the end ---- */

static int complete_layer(struct ledger *l, struct gold_layer *layer, uint64_t bytes)
{
	uint8_t identity[SHA_LEN], root[SHA_LEN];
	struct snap_info info;
	uint64_t n;
	int r;

	gold_identity(layer->diff_id, layer->canon, identity);
	r = snap_find(l->txn, identity, &info);
	if (r)
		return r;
	layer->snap = info.no;
	if (info.state == SNAP_COMPLETE)
		return 0;
	r = snap_verify(l->txn, info.no, root, &n); /* n: with directories that are only implied */
	return r < 0 ? r : snap_complete(l->txn, info.no, root, n, bytes);
}

/* Whatever of it is partial; what other baselines have as well stays. */
static int take_back(struct ledger *l, const struct gold *g)
{
	uint8_t identity[SHA_LEN];
	struct snap_info info;
	bool more = false, any = false;
	int r = 0;

	for (size_t k = 0; r >= 0 && k < g->n_layers; k++) {
		gold_identity(g->layer[k].diff_id, g->layer[k].canon, identity);
		r = snap_find(l->txn, identity, &info);
		if (r == 0 && info.state == SNAP_PARTIAL)
			r = snap_delete(l->txn, info.no, TAKEN_BACK, &more);
		any |= more;
	}
	if (any)
		l->next_tidy = 0; /* the rest by slices of tidying */
	return r < 0 ? r : 0;
}

static void add_image(struct buf *out, const struct gold *g)
{
	buf_add_text(out, "image ");
	add_digest(out, g->image);
	if (g->name.n) {
		buf_add_text(out, " (");
		text_quote(out, g->name, true);
		buf_u8(out, ')');
	}
}

static void add_root(struct buf *out, const struct gold *g)
{
	buf_add_text(out, "root ");
	text_hex(out, span_make(g->root, SHA_LEN));
	if (!gold_is_signed(g)) {
		buf_add_text(out, ", not signed by a trusted key");
		return;
	}
	buf_add_text(out, ", signed by ");
	gold_signers(g, out);
}

static int tell(struct ledger *l, enum event_type type, enum severity severity, uint32_t uid,
	const struct buf *words)
{
	struct event e = {.type = type,
		.severity = severity,
		.has_uid = true,
		.uid = uid,
		.detail = buf_span(words)};
	int r = buf_err(words);

	return r < 0 ? r : ledger_journal(l, &e, NULL);
}

static int refused(
	struct ledger *l, const struct item_golden_end *e, enum door_result result, const char *why)
{
	BUF struct buf words = {0};

	ledger_answer(l, e->asker, e->ask_id, result, why);
	if (e->told_as >= SEV_N)
		return 0;
	buf_add_span(&words, buf_span(&e->what));
	buf_printf(&words, "%s%s", words.n ? ": " : "", why);
	return tell(l, EVENT_BASELINE_REFUSED, e->told_as, e->uid, &words);
}

/* May it take the place of the one that is there? Else a sentence. */
static bool may_replace(const struct item_golden_end *e, const struct gold *old, struct buf *why)
{
	bool other = !sha_same(old->root, e->gold->root);

	if (e->replace || (!other && (gold_is_signed(e->gold) || !gold_is_signed(old))))
		return true;
	buf_add_text(why, other ? "the image has another golden baseline: "
				: "the image's golden baseline is signed, and this file is not: ");
	add_root(why, old);
	buf_add_text(why, "; import it with --replace to put this one in its place");
	return false;
}

static int give_all(struct ledger *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n_kept; i++)
		r = ledger_given(l, l->kept[i]);
	return r;
}

static int complete(struct ledger *l, struct item_golden_end *e, const struct gold *old)
{
	BUF struct buf words = {0}, image = {0};
	int r = 0;

	for (size_t k = 0; r == 0 && k < e->gold->n_layers; k++)
		r = complete_layer(l, &e->gold->layer[k], e->bytes[k]);
	if (r < 0)
		return r;
	if (r) { /* it was there, nobody needed it, and it went meanwhile */
		ledger_answer(l, e->asker, e->ask_id, DOOR_BUSY,
			"a layer of it was just being forgotten; import it again");
		return take_back(l, e->gold);
	}
	e->gold->imported = l->now;
	e->gold->uid = e->uid;
	add_image(&words, e->gold);
	buf_add_text(&words, ": ");
	add_root(&words, e->gold);
	if (old && !sha_same(old->root, e->gold->root)) {
		buf_add_text(&words, "; before: ");
		add_root(&words, old);
	}
	r = gold_put(l->txn, e->gold);
	if (r == 0)
		r = tell(l, EVENT_BASELINE_IMPORTED, SEV_INFO, e->uid, &words);
	if (r == 0)
		r = give_all(l);
	text_hex(&image, span_make(e->gold->image, SHA_LEN));
	ledger_answer(l, e->asker, e->ask_id, DOOR_OK, buf_text(&image));
	l->ring = true;
	return r;
}

int ledger_golden_end(struct ledger *l, struct item *i)
{
	struct item_golden_end *e = container_of(i, struct item_golden_end, item);
	FREE struct gold *old = calloc(1, sizeof(*old));
	BUF struct buf why = {0};
	int r;

	must(old);
	if (e->failed) {
		r = e->gold ? take_back(l, e->gold) : 0;
		return r < 0 ? r : refused(l, e, DOOR_REFUSED, buf_text(&e->why));
	}
	r = gold_find(l->txn, e->gold->image, old);
	if (r < 0)
		return r;
	if (r == 0 && sha_same(old->image, e->gold->image) && !may_replace(e, old, &why)) {
		e->told_as = SEV_N;
		r = refused(l, e, DOOR_TAKEN, buf_text(&why));
		return r < 0 ? r : take_back(l, e->gold);
	}
	l->ring = l->rejudge = true;
	return complete(l, e, r == 0 ? old : NULL);
}

int ledger_golden_remove(struct ledger *l, struct item *i)
{
	struct item_golden_remove *it = container_of(i, struct item_golden_remove, item);
	FREE struct gold *old = calloc(1, sizeof(*old));
	BUF struct buf words = {0};
	int r;

	must(old);
	r = gold_find(l->txn, it->image, old);
	if (r > 0)
		ledger_answer(l, it->asker, it->ask_id, DOOR_NOTHING,
			"there is no golden baseline of that image");
	if (r)
		return r < 0 ? r : 0;
	add_image(&words, old);
	buf_add_text(&words, ": ");
	add_root(&words, old);
	memcpy(it->image, old->image, SHA_LEN);
	r = gold_delete(l->txn, it->image);
	if (r == 0)
		r = tell(l, EVENT_BASELINE_REMOVED, SEV_MEDIUM, it->uid, &words);
	ledger_answer(l, it->asker, it->ask_id, DOOR_OK, "");
	l->ring = l->rejudge = true;
	return r < 0 ? r : 0;
}

int ledger_golden_tidy(struct ledger *l, bool *more)
{
	struct snap_info info;
	uint32_t no = 0;
	int r;

	while ((r = snap_next(l->txn, &no, &info)) == 0)
		if (info.state == SNAP_PARTIAL && info.created < l->born &&
			span_is(info.kind, GOLD_KIND)) {
			r = snap_delete(l->txn, no, TAKEN_BACK, more);
			*more = true; /* there may be another one */
			return r;
		}
	return r < 0 ? r : 0;
}
