/*
 * Checkpoints: an entry that signs the entries since the one before. The tree over their ids grows with
 * them, so one costs what the store's own digests cost; it rolls back with its batch. Where entries come
 * it is due after so many of them, or some time after the first; heartbeats alone make none due by time,
 * or an idle host would write one after the other for ever.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/sensor/ledger_impl.h"
#include "store/seal.h"
#include "trust/sign.h"
#include "wire/checkpoint.h"

#define KEY "host_key" /* meta: the public half, PEM */

/* The last checkpoint, of whichever life; 0: none is kept. */
static int find_last(struct ledger *l, uint64_t *ret)
{
	struct journal_entry e = {.type = EVENT_N};
	uint64_t seq = l->head.last;
	int r = 0;

	for (; r == 0 && seq >= l->head.first && seq; seq--) {
		r = journal_get(l->txn, seq, &e);
		if (r == 0 && e.type == EVENT_CHECKPOINT)
			break;
	}
	*ret = e.type == EVENT_CHECKPOINT ? seq : 0;
	return r < 0 ? r : 0;
}

static int load(struct ledger *l)
{
	struct checkpoint_tree *t = &l->checkpoint.tree;
	struct journal_entry e;
	uint64_t last;
	int r = find_last(l, &last);

	*t = (struct checkpoint_tree){.first = last ? last : l->head.first, .last = last};
	for (uint64_t seq = t->first; r >= 0 && seq && seq <= l->head.last; seq++) {
		r = journal_get(l->txn, seq, &e);
		if (r)
			continue;
		merkle_add(&t->ids, e.id);
		if (seq == last)
			memcpy(t->last_id, e.id, SHA_LEN);
		t->due |= e.type != EVENT_HEARTBEAT && e.type != EVENT_CHECKPOINT;
	}
	if (!t->first)
		t->first = 1;
	return r < 0 ? r : 0;
}

static int keep_key(struct ledger *l)
{
	BUF struct buf pem = {.p = NULL};
	struct span v;
	int r = trust_key_public_pem(l->opt.host_key, &pem);

	if (r < 0)
		return r;
	r = meta_get(l->txn, KEY, &v);
	if (r == 0 && span_eq(v, buf_span(&pem)))
		return 0;
	return r < 0 ? r : meta_put(l->txn, KEY, buf_span(&pem));
}

int ledger_checkpoints_begin(struct ledger *l)
{
	struct ledger_checkpoint *c = &l->checkpoint;
	int r;

	r = seal_break(l->txn);
	if (r < 0 || !l->opt.host_key || c->loaded)
		return r;
	r = load(l);
	if (r == 0) {
		c->loaded = true;
		c->next = clock_mono() + l->opt.checkpoint_interval;
		c->saved = c->tree;
	}
	return r;
}

void ledger_checkpoints_over(struct ledger *l, bool committed)
{
	struct ledger_checkpoint *c = &l->checkpoint;

	if (!committed) {
		c->tree = c->saved;
		return;
	}
	if (c->tree.last != c->saved.last || (c->tree.due && !c->saved.due))
		c->next = clock_mono() + l->opt.checkpoint_interval;
	c->saved = c->tree;
}

void ledger_checkpoint_entry(struct ledger *l, enum event_type type, const uint8_t id[SHA_LEN])
{
	struct checkpoint_tree *t = &l->checkpoint.tree;

	if (!l->checkpoint.loaded)
		return;
	merkle_add(&t->ids, id);
	t->due |= type != EVENT_HEARTBEAT && type != EVENT_CHECKPOINT;
}

int64_t ledger_checkpoint_next(const struct ledger *l)
{
	const struct ledger_checkpoint *c = &l->checkpoint;

	if (!c->loaded || !l->opt.checkpoint_interval || !c->tree.due)
		return INT64_MAX;
	return c->next;
}

/* ---- one of them ---- */

static int add_targets(struct ledger *l, struct checkpoint *c)
{
	BUF struct buf text = {.p = NULL};
	struct target_state_rec s;
	struct target tg;
	uint32_t no = 0;
	int r;

	while ((r = targets_next(l->txn, &no, &tg)) == 0) {
		r = targets_state_get(l->txn, tg.no, &s);
		if (r < 0)
			break;
		checkpoint_add_target(&text, tg.id, s.drift_id, s.baseline_root);
		c->n_targets++;
	}
	if (r < 0)
		return r;
	sha_once(buf_span(&text), c->targets);
	return buf_err(&text);
}

static int sign(struct ledger *l, struct checkpoint *c, struct buf *b64)
{
	BUF struct buf block = {.p = NULL};
	uint8_t digest[SHA_LEN];
	struct signature s;
	int r;

	checkpoint_digest(c, digest);
	r = sign_digest(l->opt.host_key, SIGN_CHECKPOINT, digest, l->now, (struct span){0}, &s);
	if (r < 0)
		return r;
	signature_encode(&s, &block);
	text_b64(b64, buf_span(&block));
	c->signature = buf_span(b64);
	return buf_err(b64);
}

static void remember(struct ledger *l, uint64_t seq)
{
	struct checkpoint_tree *t = &l->checkpoint.tree;

	*t = (struct checkpoint_tree){.first = seq, .last = seq};
	memcpy(t->last_id, l->head.last_id, SHA_LEN);
	merkle_add(&t->ids, t->last_id);
}

static int write_one(struct ledger *l, bool sealed)
{
	struct checkpoint_tree *t = &l->checkpoint.tree;
	struct checkpoint c = {.host = span_of(l->host),
		.from = t->first,
		.to = l->head.last,
		.last = t->last,
		.sealed = sealed};
	BUF struct buf text = {.p = NULL}, b64 = {.p = NULL};
	struct event e = {.type = EVENT_CHECKPOINT, .severity = SEV_INFO};
	struct json j = json_on(&text);
	uint64_t seq = 0;
	int r;

	memcpy(c.head, l->head.last_id, SHA_LEN);
	memcpy(c.last_id, t->last_id, SHA_LEN);
	memcpy(c.key, trust_key_id(l->opt.host_key), SHA_LEN);
	merkle_root(&t->ids, c.root);
	r = keep_key(l);
	if (r == 0)
		r = add_targets(l, &c);
	if (r == 0)
		r = seal_state(l->txn, c.state);
	if (r == 0)
		r = sign(l, &c, &b64);
	if (r < 0)
		return r;
	show_checkpoint(&j, &c);
	e.checkpoint = buf_span(&text);
	r = buf_err(&text) ? text.err : ledger_journal(l, &e, &seq);
	if (r == 0)
		remember(l, seq);
	return r == 0 ? seal_put(l->txn, seq) : r;
}

/* At a batch's end. Each seals the store, until the next batch breaks that; the last stays. */
int ledger_checkpoints(struct ledger *l)
{
	const struct ledger_checkpoint *c = &l->checkpoint;
	const struct checkpoint_tree *t = &c->tree;

	if (!c->loaded || !t->ids.n)
		return 0;
	if (c->seal)
		return write_one(l, true);
	if (l->head.last == t->last)
		return 0;
	if ((l->opt.checkpoint_every && t->ids.n > l->opt.checkpoint_every) ||
		clock_mono() >= ledger_checkpoint_next(l))
		return write_one(l, false);
	return 0;
}
