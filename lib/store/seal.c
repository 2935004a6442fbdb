#include "store/seal.h"
#include "store/db.h"

static bool is_left_out(unsigned db)
{
	return db == DB_RECORD || db == DB_JOURNAL || db == DB_BY_TARGET;
}

static bool is_cold(unsigned db)
{
	return db == DB_SNAPSHOT || db == DB_IDENTITY || db == DB_ACCEPTED || db == DB_GENERATION;
}

static bool is_before(unsigned a, unsigned b)
{
	return strcmp(db_name(a), db_name(b)) < 0;
}

/* The next one by name; few, so they are not sorted anywhere. *at is one more than the row. */
int seal_next(unsigned *at, const char **ret_name, bool *ret_cold)
{
	unsigned best = DB_N;

	for (unsigned db = 0; db < DB_N; db++)
		if (!is_left_out(db) && (!*at || is_before(*at - 1, db)) && db != *at - 1 &&
			(best == DB_N || is_before(db, best)))
			best = db;
	if (best == DB_N)
		return STORE_ABSENT;
	*at = best + 1;
	*ret_name = db_name(best);
	*ret_cold = is_cold(best);
	return 0;
}

static int feed(struct sha *sha, struct span s)
{
	const uint8_t n[4] = {
		(uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8), (uint8_t)s.n};
	int r = sha_feed(sha, n, sizeof(n));

	return r < 0 ? r : sha_feed(sha, s.p, s.n);
}

static int digest(struct txn *t, unsigned db, struct sha *sha, uint8_t ret[SHA_LEN])
{
	WALK struct walk w = {0};
	int r = sha_begin(sha);

	if (r == 0)
		r = walk_start(t, db, &w);
	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	while (r == 0) {
		r = feed(sha, w.key);
		if (r == 0)
			r = feed(sha, w.value);
		if (r == 0)
			r = walk_next(&w);
	}
	return r < 0 ? r : sha_end(sha, ret);
}

int seal_digest(struct txn *t, struct span name, uint8_t ret[SHA_LEN])
{
	struct sha *sha = NULL;
	int r;

	for (unsigned db = 0; db < DB_N; db++) {
		if (is_left_out(db) || !span_is(name, db_name(db)))
			continue;
		r = sha_new(&sha);
		if (r == 0)
			r = digest(t, db, sha, ret);
		sha_free(sha);
		return r;
	}
	return err_set(-ENOENT, "no database of that name");
}

int seal_count_by_target(struct txn *t, uint64_t *ret)
{
	WALK struct walk w = {0};
	int r = walk_start(t, DB_BY_TARGET, &w);

	*ret = 0;
	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	for (; r == 0; r = walk_next(&w))
		++*ret;
	return r < 0 ? r : 0;
}

int seal_is_by_target(struct txn *t, uint32_t target, uint64_t seq, bool *ret)
{
	struct key k = key_u32_u64(target, seq);
	struct span v;
	int r = db_get(t, DB_BY_TARGET, key_span(&k), &v);

	*ret = r == 0 && v.n == 0;
	return r < 0 ? r : 0;
}
