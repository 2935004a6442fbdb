/* A format is a promise: a newer one is never guessed at, an older one never misread. */
#include "store/env_migrate.h"
#include "model/target.h"
#include "store/db.h"

int migrate_format(struct txn *t, uint32_t *ret)
{
	struct span v;
	int r = db_get(t, DB_META, span_of("format"), &v);
	struct rd in;

	if (r)
		return r;
	in = rd_of(v);
	*ret = rd_be32(&in);
	if (in.bad || !rd_end(&in) || *ret == 0)
		return txn_fail(t, err_set(-EPROTO, "not a store of boltseal: bad format number"));
	return 0;
}

static int one_step(struct txn *t, const struct migration *steps, size_t n, uint32_t from)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].from == from)
			return txn_fail(t, steps[i].fn(t));
	return txn_fail(t, err_set(-EPROTO,
				   "the store has format %u, too old for this program to bring up: "
				   "use a release in between, or move the directory away",
				   from));
}

int migrate_with(struct txn *t, const struct migration *steps, size_t n, uint32_t to)
{
	uint32_t now = to;
	int r = migrate_format(t, &now);
	struct key v;

	if (r < 0)
		return r;
	if (now > to)
		return txn_fail(
			t, err_set(-EPROTO,
				   "the store has format %u, this program knows up to %u: "
				   "install the newer boltseal again, or move the directory away",
				   now, to));
	if (r == 0 && now == to)
		return 0;
	for (; now < to; now++) {
		r = one_step(t, steps, n, now);
		if (r)
			return r;
	}
	v = key_u32(to);
	return db_put(t, DB_META, span_of("format"), key_span(&v));
}

/* ---- the steps ---- */

/* Targets gained the index directory. A layer's identity now tells the marks it is read by: those
 * stored under the old one are not found again, but hashed anew and the old ones collected. */
static int from_1_to_2(struct txn *t)
{
	BUF struct buf key = {0}, value = {0};
	WALK struct walk w = {0};
	int r = walk_start(t, DB_TARGET, &w);

	if (r == 0)
		r = walk_next(&w);
	while (r == 0) {
		buf_reset(&key);
		buf_reset(&value);
		buf_add_span(&key, w.key);
		r = txn_fail(t, target_upgrade(w.value, &value));
		if (r == 0)
			r = db_put_buf(t, DB_TARGET, buf_span(&key), &value);
		if (r == 0)
			r = walk_seek(
				&w, buf_span(&key)); /* the put may have moved what lies there */
		if (r == 0)
			r = walk_next(&w);
	}
	return r < 0 ? r : 0;
}

/* What is written from now on, actors in full and what rules made of a change, is not understood by who
 * knew format 2; what is there is read as it is. */
static int from_2_to_3(struct txn *t)
{
	return txn_error(t);
}

/* The tally is new, and made where it is missing. Who knew format 3 would never tell what it counts. */
static int from_3_to_4(struct txn *t)
{
	return txn_error(t);
}

/* A change may say what its package has. Who knew format 4 would not understand it. */
static int from_4_to_5(struct txn *t)
{
	return txn_error(t);
}

/* What proves layers, baselines and the journal is new. Who knew format 5 would let it go stale. */
static int from_5_to_6(struct txn *t)
{
	return txn_error(t);
}

int migrate(struct txn *t)
{
	static const struct migration steps[] = {{1, from_1_to_2}, {2, from_2_to_3},
		{3, from_3_to_4}, {4, from_4_to_5}, {5, from_5_to_6}};

	return migrate_with(t, steps, COUNTOF(steps), STORE_FORMAT);
}
