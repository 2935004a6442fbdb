/*
 * Targets: descriptors, ids, names, and the small value that changes often.
 *
 * An id may come back (an LXC container of the same name), so the index holds every target that
 * had it. Names are looked for among the descriptors: there are few, and they change.
 */
#include "store/targets.h"
#include "model/drift.h"
#include "store/state.h"

#define STATE_VERSION 1

int targets_get(struct txn *t, uint32_t no, struct target *ret)
{
	struct key k = key_u32(no);
	struct span v;
	int r = db_get(t, DB_TARGET, key_span(&k), &v);

	if (r)
		return r;
	r = txn_fail(t, target_decode(v, ret));
	ret->no = no;
	return r;
}

int targets_next(struct txn *t, uint32_t *no, struct target *ret)
{
	struct key k = key_u32(*no + 1);
	WALK struct walk w = {0};
	struct rd in;
	int r = *no == UINT32_MAX ? STORE_ABSENT : walk_start(t, DB_TARGET, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r)
		return r;
	in = rd_of(w.key);
	*no = rd_be32(&in);
	r = txn_fail(t, target_decode(w.value, ret));
	ret->no = *no;
	return r;
}

/* An id ends with a NUL in its index, so it must hold none. */
static bool id_is_good(struct span id)
{
	return id.n > 0 && id.n <= KEY_ID_MAX && !memchr(id.p, 0, id.n);
}

/* The index follows when a target's id changes. The descriptor that is there lends its spans, which
 * the caller may hand in again: nothing is written before they are encoded. */
static int move_id(struct txn *t, uint32_t no, struct span id)
{
	struct key k = key_target_id(id, no);
	struct target old;
	struct key gone;
	int r = targets_get(t, no, &old);

	if (r < 0)
		return r;
	if (r == 0 && span_eq(old.id, id))
		return 0;
	if (r == 0 && id_is_good(old.id)) {
		gone = key_target_id(old.id, no);
		if (db_delete(t, DB_TARGET_ID, key_span(&gone)) < 0)
			return txn_error(t);
	}
	return db_put(t, DB_TARGET_ID, key_span(&k), (struct span){0});
}

int targets_put(struct txn *t, struct target *target)
{
	BUF struct buf v = {0};
	struct target old;
	struct key k;
	int r = 0;

	if (txn_error(t))
		return txn_error(t);
	if (!id_is_good(target->id))
		return txn_fail(
			t, err_set(-EINVAL, "a target's id has 1 to %d bytes and no NUL, not %zu",
				   KEY_ID_MAX, target->id.n));
	if (target->no && targets_get(t, target->no, &old))
		return txn_fail(t, err_set(-ENOENT, "target %u is not there", target->no));
	if (!target->no)
		r = meta_take_number(t, ".next_target", &target->no);
	if (r)
		return r;
	target_encode(target, &v);
	r = move_id(t, target->no, target->id);
	k = key_u32(target->no);
	return r ? r : db_put_buf(t, DB_TARGET, key_span(&k), &v);
}

/* Of two that answer to one word: a live one before a removed one, then the newer. */
static bool is_better(const struct target *a, const struct target *b)
{
	bool a_live = a->state != STATE_REMOVED, b_live = b->state != STATE_REMOVED;

	if (a_live != b_live)
		return a_live;
	if (!a_live && a->removed != b->removed)
		return a->removed > b->removed;
	return a->no > b->no;
}

/* Splits a key of the id index. */
static int split_id(struct txn *t, struct span key, struct span *ret_id, uint32_t *ret_no)
{
	struct rd no;

	if (key.n < 6 || key.p[key.n - 5] != 0)
		return txn_fail(t, err_set(-EBADMSG, "the index of ids is damaged"));
	*ret_id = span_make(key.p, key.n - 5);
	no = rd_of(span_make(key.p + key.n - 4, 4));
	*ret_no = rd_be32(&no);
	return 0;
}

static int indexed(struct txn *t, struct span key, struct span *ret_id, struct target *ret)
{
	uint32_t no = 0;
	int r = split_id(t, key, ret_id, &no);

	if (r == 0)
		r = targets_get(t, no, ret);
	if (r == STORE_ABSENT)
		return txn_fail(t,
			err_set(-EBADMSG, "the index of ids names target %u, which is gone", no));
	return r;
}

int targets_by_id(struct txn *t, struct span id, struct target *ret)
{
	WALK struct walk w = {0};
	struct target one;
	struct span found = {0};
	bool any = false;
	int r = id_is_good(id) ? walk_start(t, DB_TARGET_ID, &w) : STORE_ABSENT;

	if (r == 0)
		r = walk_seek(&w, id);
	for (; r == 0 && span_starts(w.key, id); r = walk_next(&w)) {
		r = indexed(t, w.key, &found, &one);
		if (r)
			break;
		if (!span_eq(found, id))
			break; /* 00 sorts first: from here on only longer ids follow */
		if (!any || is_better(&one, ret))
			*ret = one;
		any = true;
	}
	if (r < 0)
		return r;
	return any ? 0 : STORE_ABSENT;
}

static void add_candidate(struct buf *out, const struct target *one)
{
	size_t n = one->id.n < 12 ? one->id.n : 12;

	buf_add_span(out, one->name);
	buf_add_text(out, " (");
	buf_add(out, one->id.p, n);
	buf_add_text(out, ")\n");
}

/* How a word can name a target: the better, the smaller. */
enum { BY_NAME, BY_ID, BY_PREFIX, BY_NOTHING };

static int fit_of(const struct target *one, struct span word)
{
	if (span_eq(one->name, word))
		return BY_NAME;
	if (span_eq(one->id, word))
		return BY_ID;
	return span_starts(one->name, word) || span_starts(one->id, word) ? BY_PREFIX : BY_NOTHING;
}

/* Two that are one to whoever asks: an id that came back, or a name of which one at most is live. */
static bool is_same(const struct target *a, const struct target *b)
{
	bool both = a->state != STATE_REMOVED && b->state != STATE_REMOVED;

	return span_eq(a->id, b->id) || (!both && span_eq(a->name, b->name));
}

struct pick {
	int fit;
	bool any, ambiguous;
	struct target best;
	struct buf candidates;
};

/* A better fit wins; of equal ones a live target does; what is equal in both is ambiguous. */
static void weigh(struct pick *p, const struct target *one, int fit)
{
	bool live = one->state != STATE_REMOVED,
	     had_live = p->any && p->best.state != STATE_REMOVED;
	bool wins = !p->any || fit < p->fit || (fit == p->fit && live && !had_live);

	if (fit > p->fit || (p->any && !wins && had_live && !live))
		return;
	if (wins) {
		buf_reset(&p->candidates);
		p->ambiguous = false;
	} else if (!is_same(one, &p->best)) {
		p->ambiguous = true;
	}
	if (wins || p->ambiguous)
		add_candidate(&p->candidates, one);
	if (wins || is_better(one, &p->best))
		p->best = *one;
	p->fit = fit;
	p->any = true;
}

int targets_resolve(struct txn *t, struct span word, const struct targets_asker *asker,
	struct target *ret, struct buf *candidates)
{
	struct pick p = {.fit = BY_PREFIX};
	struct target one;
	uint32_t no = 0;
	int r = word.n ? 0 : STORE_ABSENT;

	while (r == 0 && (r = targets_next(t, &no, &one)) == 0) {
		int fit = fit_of(&one, word);

		if (fit <= p.fit && (!asker || asker->sees(asker->ctx, &one)))
			weigh(&p, &one, fit);
	}
	if (r == STORE_ABSENT && p.any) {
		*ret = p.best;
		r = p.ambiguous ? TARGETS_AMBIGUOUS : 0;
	}
	if (r == TARGETS_AMBIGUOUS && candidates)
		buf_add_span(candidates, buf_span(&p.candidates));
	buf_free(&p.candidates);
	return r;
}

int state_load(struct txn *t, uint32_t no, struct state *ret)
{
	static const struct drift_hash nothing;
	struct key k = key_u32(no);
	struct span v;
	struct rd in;
	uint64_t n;
	int r = db_get(t, DB_STATE, key_span(&k), &v);

	*ret = (struct state){0};
	if (r == STORE_ABSENT)
		drift_hash_id(&nothing, ret->rec.drift_id);
	if (r)
		return r;
	in = rd_of(v);
	if (rd_u8(&in) != STATE_VERSION)
		in.bad = true;
	n = rd_varint(&in);
	if (n > SEV_N)
		in.bad = true;
	for (uint64_t i = 0; !in.bad && i < n; i++)
		ret->of_severity[i] = rd_varint(&in);
	if (in.bad)
		return txn_fail(t, err_set(-EBADMSG, "target %u: its state is damaged", no));
	return txn_fail(t, target_state_decode(rd_take(&in, (size_t)(in.end - in.p)), &ret->rec));
}

int state_save(struct txn *t, uint32_t no, const struct state *s)
{
	struct key k = key_u32(no);
	BUF struct buf v = {0};

	buf_u8(&v, STATE_VERSION);
	buf_varint(&v, SEV_N);
	for (int i = 0; i < SEV_N; i++)
		buf_varint(&v, s->of_severity[i]);
	target_state_encode(&s->rec, &v);
	return db_put_buf(t, DB_STATE, key_span(&k), &v);
}

int targets_state_get(struct txn *t, uint32_t no, struct target_state_rec *ret)
{
	struct state s;
	int r = state_load(t, no, &s);

	*ret = s.rec;
	return r < 0 ? r : 0;
}

int targets_state_put(struct txn *t, uint32_t no, const struct target_state_rec *s)
{
	struct state now;
	struct target_state_rec rec = *s;
	int r = state_load(t, no, &now);

	if (r < 0)
		return r;
	rec.n_added = now.rec.n_added;
	rec.n_changed = now.rec.n_changed;
	rec.n_deleted = now.rec.n_deleted;
	rec.worst = now.rec.worst;
	memcpy(rec.drift_id, now.rec.drift_id, SHA_LEN);
	now.rec = rec;
	return state_save(t, no, &now);
}

/* State and lanes go first: counts and id of half a drift set would be lies. The descriptor goes
 * last, so that a crash in between leaves a target to delete and not rows that nobody knows. */
static int delete_rows(struct txn *t, uint32_t no, unsigned *budget)
{
	static const enum db dbs[] = {DB_STATE, DB_LANES, DB_DRIFT, DB_ACCEPTED, DB_GENERATION,
		DB_SEEN, DB_TALLY, DB_PKG_OF, DB_CHAIN};
	struct key k = key_u32(no);
	int r = 0;

	for (size_t i = 0; r == 0 && *budget > 0 && i < COUNTOF(dbs); i++)
		r = db_delete_below(t, dbs[i], key_span(&k), budget);
	return r;
}

int targets_delete(struct txn *t, uint32_t no, unsigned budget, bool *ret_more)
{
	struct key k = key_u32(no), id;
	struct target old;
	int r = delete_rows(t, no, &budget);

	*ret_more = r == 0 && budget == 0;
	if (r || budget == 0)
		return r;
	r = targets_get(t, no, &old);
	if (r)
		return r < 0 ? r : 0;
	id = key_target_id(old.id, no);
	r = db_delete(t, DB_TARGET_ID, key_span(&id));
	if (r >= 0)
		r = db_delete(t, DB_TARGET, key_span(&k));
	return r < 0 ? r : 0;
}
