/* A format is a promise: a newer one is never guessed at, an older one never misread. */
#include "store/env_migrate.h"
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

int migrate(struct txn *t)
{
	/* Format 1 is the first; the first row will be {1, from_1_to_2}. */
	return migrate_with(t, NULL, 0, STORE_FORMAT);
}
