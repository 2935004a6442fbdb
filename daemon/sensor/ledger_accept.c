#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/ledger_impl.h"
#include "trust/accept.h"
#include <stdio.h>

struct accepting {
	struct ledger *l;
	struct item_accept *it;
	uint32_t no, generation;
	struct buf taken;   /* encoded changes: path, bytes */
	struct buf signers; /* names, apart by commas; empty: nobody */
	uint32_t n;
};

static bool is_wanted(const struct item_accept *it, struct span path)
{
	struct rd at = rd_of(buf_span(&it->paths));

	if (!it->paths.n)
		return true;
	while (!rd_end(&at)) {
		struct span one = rd_bytes(&at);

		if (!at.bad && path_within(path, one))
			return true;
	}
	return false;
}

static int gather(void *ctx, const struct change *c)
{
	struct accepting *a = ctx;
	BUF struct buf bytes = {0};
	int r;

	if (!is_wanted(a->it, c->path))
		return 0;
	r = change_encode(c, &bytes);
	if (r < 0)
		return r;
	buf_bytes(&a->taken, c->path);
	buf_bytes(&a->taken, buf_span(&bytes));
	a->n++;
	return buf_err(&a->taken);
}

/* What the layers have at the path, whatever was accepted before. */
static int image_record(struct accepting *a, const struct change *c, struct buf *out)
{
	struct accepted before;
	int r = accepted_get(a->l->txn, a->no, c->path, UINT32_MAX, &before);

	buf_add_span(out, r == 0 ? before.image : c->old);
	return r < 0 ? r : buf_err(out);
}

static int accept_one(struct accepting *a, const struct change *c)
{
	BUF struct buf image = {0};
	struct accepted acc = {.path = c->path,
		.generation = a->generation,
		.expires = a->it->expires,
		.rec = c->now,
		.mount = c->mount,
		.aspects = c->aspects & (1u << ASPECT_MOUNT | 1u << ASPECT_LAYER)};
	int r = image_record(a, c, &image);

	acc.image = buf_span(&image);
	if (r == 0)
		r = accepted_put(a->l->txn, a->no, &acc);
	if (r == 0)
		r = drift_delete(a->l->txn, a->no, c->path);
	return r < 0 ? r : 0;
}

static int accept_all(struct accepting *a)
{
	struct rd at = rd_of(buf_span(&a->taken));
	int r = 0;

	while (r == 0 && !rd_end(&at)) {
		struct span path = rd_bytes(&at);
		struct change c;

		r = change_decode(path, rd_bytes(&at), &c);
		if (r == 0)
			r = accept_one(a, &c);
	}
	return r;
}

static int tell(struct accepting *a, const uint8_t drift_id[SHA_LEN])
{
	struct item_accept *it = a->it;
	struct generation g = {.no = a->generation,
		.time = a->l->now,
		.expires = it->expires,
		.uid = it->uid,
		.n_paths = a->n,
		.reason = buf_span(&it->reason)};
	struct event e = {.type = EVENT_BASELINE_ACCEPTED,
		.severity = SEV_LOW,
		.drift_id = drift_id,
		.generation = a->generation,
		.reason = buf_span(&it->reason),
		.has_uid = true,
		.uid = it->uid};
	struct target_state_rec st;
	struct target t;
	BUF struct buf words = {0}, reason = {0};
	int r = targets_state_get(a->l->txn, a->no, &st);

	if (r < 0)
		return r;
	if (a->signers.n) {
		buf_printf(&words, "signed by %s: %s", buf_text(&a->signers),
			buf_text(&it->signatures));
		buf_printf(
			&reason, "%s (signed by %s)", buf_text(&it->reason), buf_text(&a->signers));
		e.detail = buf_span(&words);
		g.reason = buf_span(&reason);
	}
	st.generation = a->generation;
	if (st.baselined)
		r = ledger_baseline_root(a->l, a->it->kept, st.baseline_root);
	memcpy(g.root, st.baseline_root, SHA_LEN);
	e.root = st.baselined ? g.root : NULL;
	memcpy(g.drift_id, drift_id, SHA_LEN);
	if (r >= 0)
		r = targets_state_put(a->l->txn, a->no, &st);
	if (r == 0)
		r = generation_put(a->l->txn, a->no, &g);
	if (r == 0)
		r = ledger_target_of(a->l, a->no, &t);
	if (r < 0)
		return r;
	e.target = r == 0 ? &t : NULL;
	return ledger_journal(a->l, &e, NULL);
}

/* ---- who signed it ---- */

static bool refuse(struct accepting *a, const char *why)
{
	ledger_answer(a->l, a->it->asker, a->it->ask_id, DOOR_WITHHELD, why);
	return true;
}

static bool too_few(struct accepting *a, unsigned n)
{
	BUF struct buf words = {0};

	buf_printf(&words,
		"this host wants accepts signed by %u keys (trust.accept_signatures), and %u signed this: boltseal "
		"accept ... --sign KEY --output FILE for each but the last, who adds --with FILE",
		a->l->opt.accept_signatures, n);
	return refuse(a, buf_text(&words));
}

/* Also where none is asked for: one that is not good is refused, or it would look as if it were. */
static bool is_unsigned(struct accepting *a, const struct target_state_rec *st, struct span id)
{
	KEYRING struct keyring ring = {.n = 0};
	struct accept_words w = {.target = id,
		.drift_id = st->drift_id,
		.expires = a->it->expires,
		.reason = buf_span(&a->it->reason),
		.paths = buf_span(&a->it->paths)};
	unsigned n = 0;

	if (!a->it->signatures.n)
		return a->l->opt.accept_signatures ? too_few(a, 0) : false;
	if (!a->l->opt.keys_dir || keyring_read(&ring, a->l->opt.keys_dir) < 0 ||
		accept_signers(&ring, &w, buf_span(&a->it->signatures), &a->signers, &n) < 0)
		return refuse(a, err_why());
	return n < a->l->opt.accept_signatures ? too_few(a, n) : false;
}

static int is_refused(struct accepting *a, const struct target_state_rec *st)
{
	struct target t;
	int r = ledger_target_of(a->l, a->no, &t);

	return r ? (r < 0 ? r : 0) : is_unsigned(a, st, t.id);
}

/* The drift is what the asker saw, or it is refused: nobody accepts what nobody looked at. */
static bool has_moved(struct accepting *a, const struct target_state_rec *st)
{
	BUF struct buf id = {0};

	text_hex(&id, span_make(st->drift_id, SHA_LEN));
	if (strcmp(buf_text(&id), a->it->drift_id) == 0)
		return false;
	ledger_answer(a->l, a->it->asker, a->it->ask_id, DOOR_MOVED, buf_text(&id));
	return true;
}

static int accept_drift(struct accepting *a)
{
	struct target_state_rec st;
	char text[32];
	int r = targets_state_get(a->l->txn, a->no, &st);

	if (r < 0 || has_moved(a, &st))
		return r < 0 ? r : 0;
	r = is_refused(a, &st);
	if (r)
		return r < 0 ? r : 0;
	a->generation = (st.generation ? st.generation : 1) + 1;
	r = drift_each(a->l->txn, a->no, (struct span){0}, gather, a);
	if (r == 0 && !a->n) {
		ledger_answer(a->l, a->it->asker, a->it->ask_id, DOOR_NOTHING,
			"no drift is there to accept; `boltseal diff` lists what there is");
		return 0;
	}
	if (r == 0)
		r = accept_all(a);
	if (r == 0)
		r = tell(a, st.drift_id);
	snprintf(text, sizeof(text), "%u", a->generation);
	if (r == 0)
		ledger_answer(a->l, a->it->asker, a->it->ask_id, DOOR_OK, text);
	a->l->ring = true;
	return r;
}

int ledger_accept(struct ledger *l, struct item *i)
{
	struct item_accept *it = container_of(i, struct item_accept, item);
	struct accepting a = {.l = l, .it = it, .no = atomic_load(&it->kept->no)};
	int r = 0;

	if (!a.no || atomic_load(&it->kept->gone))
		ledger_answer(l, it->asker, it->ask_id, DOOR_NO_TARGET, "it was removed");
	else
		r = accept_drift(&a);
	buf_free(&a.taken);
	buf_free(&a.signers);
	return r;
}

int ledger_expired(struct ledger *l, struct item *i)
{
	struct item_expired *x = container_of(i, struct item_expired, item);
	struct event e = {.type = EVENT_BASELINE_EXPIRED,
		.severity = SEV_LOW,
		.generation = x->generation,
		.detail = span_of("what it accepted is drift again")};
	struct target t;
	int r = ledger_target_of(l, atomic_load(&x->kept->no), &t);

	if (r)
		return r < 0 ? r : 0;
	e.target = &t;
	return ledger_journal(l, &e, NULL);
}
