/*
 * What a single entry cannot tell of itself. Entries of a target that is being deleted in slices are there
 * without it for a while: those databases are left out, and the seal covers them.
 */
#include "store/check.h"
#include "store/db.h"
#include "store/gold.h"
#include "store/snapshot.h"
#include "store/targets.h"

static int damaged(const char *what)
{
	return err_set(-EBADMSG, "%s", what);
}

static int start(struct txn *t, enum db db, struct walk *w)
{
	int r = walk_start(t, db, w);

	return r ? r : walk_seek(w, (struct span){0});
}

/* identity -> snapshot: the same identity, and each that is found by one has it. */
static int check_identities(struct txn *t)
{
	WALK struct walk w = {0};
	struct snap_info info;
	uint32_t no = 0;
	uint64_t n = 0, with = 0;
	int r = start(t, DB_IDENTITY, &w);

	for (; r == 0; r = walk_next(&w), n++) {
		struct rd in = rd_of(w.value);

		r = snap_get(t, rd_be32(&in), &info);
		if (r < 0)
			return r;
		if (r || w.key.n != SHA_LEN || in.bad || !rd_end(&in) ||
			memcmp(w.key.p, info.identity, SHA_LEN) != 0 || info.state == SNAP_DOOMED)
			return damaged("an identity of a layer leads to another one");
	}
	if (r < 0)
		return r;
	while ((r = snap_next(t, &no, &info)) == 0)
		with += info.state != SNAP_DOOMED;
	if (r >= 0 && n != with)
		return damaged("a stored layer has no identity by which it is found");
	return r < 0 ? r : 0;
}

/* A record of no snapshot. */
static int check_records(struct txn *t)
{
	WALK struct walk w = {0};
	struct snap_info info;
	int r = start(t, DB_RECORD, &w);

	while (r == 0) {
		struct rd in = rd_of(w.key);
		uint32_t no = rd_be32(&in);
		struct key next = key_u32(no + 1);

		r = in.bad ? STORE_ABSENT : snap_get(t, no, &info);
		if (r < 0)
			return r;
		if (r)
			return damaged("records lie there that are of no layer");
		if (no == UINT32_MAX)
			return 0;
		r = walk_seek(&w, key_span(&next));
	}
	return r < 0 ? r : 0;
}

static int check_ids(struct txn *t)
{
	WALK struct walk w = {0};
	struct target tg;
	uint32_t no = 0;
	uint64_t n = 0, all = 0;
	int r = start(t, DB_TARGET_ID, &w);

	for (; r == 0; r = walk_next(&w), n++) {
		struct rd in = rd_of(span_make(w.key.p + w.key.n - 4, w.key.n < 5 ? 0 : 4));
		struct key want;

		r = targets_get(t, rd_be32(&in), &tg);
		if (r < 0)
			return r;
		if (r || !tg.id.n || tg.id.n > KEY_ID_MAX)
			return damaged("an id leads to another target");
		want = key_target_id(tg.id, tg.no);
		if (in.bad || w.value.n || !span_eq(w.key, key_span(&want)))
			return damaged("an id leads to another target");
	}
	if (r < 0)
		return r;
	while ((r = targets_next(t, &no, &tg)) == 0)
		all++;
	if (r >= 0 && n != all)
		return damaged("a target has no id by which it is found");
	return r < 0 ? r : 0;
}

/* journal -> by_target, in step. */
static int check_by_target(struct txn *t)
{
	WALK struct walk of = {0}, w = {0};
	uint64_t n = 0, with = 0;
	int r = start(t, DB_BY_TARGET, &of);

	for (; r == 0; r = walk_next(&of), n++)
		if (of.key.n != 12 || of.value.n)
			return damaged("the index of events by target is damaged");
	if (r >= 0)
		r = start(t, DB_JOURNAL, &w);
	for (; r == 0; r = walk_next(&w)) {
		struct span v;
		struct rd in = rd_of(w.value), key = rd_of(w.key);
		struct key want;
		uint64_t target;

		rd_take(&in, 3); /* version, type, severity */
		rd_zigzag(&in);
		target = rd_upto(&in, UINT32_MAX);
		if (in.bad || !target)
			continue; /* damaged ones are the chain's */
		with++;
		want = key_u32_u64((uint32_t)target, rd_be64(&key));
		r = db_get(t, DB_BY_TARGET, key_span(&want), &v);
		if (r < 0)
			return r;
		if (r)
			return damaged("an event is not in the index by target");
	}
	if (r >= 0 && n != with)
		return damaged("the index of events by target has one that is none");
	return r < 0 ? r : 0;
}

/* Whoever follows a way to a golden baseline comes to one, and each of its layers is stored. */
static int check_golden(struct txn *t)
{
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t at[SHA_LEN] = {0};
	struct snap_info info;
	int r;

	must(g);
	while ((r = gold_next(t, at, g)) == 0) {
		r = gold_check_ways(t, g);
		for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
			r = snap_get(t, g->layer[i].snap, &info);
			if (r == 0 &&
				(info.state != SNAP_COMPLETE || !span_is(info.kind, GOLD_KIND)))
				r = STORE_ABSENT;
		}
		if (r)
			return r < 0 ? r : damaged("a golden baseline lacks a part");
	}
	return r < 0 ? r : 0;
}

int check_indexes(struct txn *t)
{
	int r = check_identities(t);

	if (r == 0)
		r = check_golden(t);

	if (r == 0)
		r = check_records(t);
	if (r == 0)
		r = check_ids(t);
	return r ? r : check_by_target(t);
}
