#include "store/seal.h"
#include "store/db.h"
#include "store/snapshot.h"

#define SEAL ".seal"
#define BROKEN UINT64_MAX

static int feed_entry(struct sha *sha, enum db db, const struct walk *w)
{
	BUF struct buf head = {0};
	int r;

	buf_u8(&head, (uint8_t)db);
	buf_be32(&head, (uint32_t)w->key.n);
	buf_be32(&head, (uint32_t)w->value.n);
	buf_add_span(&head, w->key);
	r = buf_err(&head) ? buf_err(&head) : sha_feed(sha, head.p, head.n);
	return r || !w->value.n ? r : sha_feed(sha, w->value.p, w->value.n);
}

static int feed_all(struct txn *t, struct sha *sha, enum db db)
{
	WALK struct walk w = {0};
	int r = walk_start(t, db, &w);

	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	while (r == 0) {
		if (db != DB_META || !span_is(w.key, SEAL))
			r = txn_fail(t, feed_entry(sha, db, &w));
		if (r == 0)
			r = walk_next(&w);
	}
	return r < 0 ? r : 0;
}

/* One that is being taken, or deleted, has no root digest that would cover them. */
static int feed_records(struct txn *t, struct sha *sha, uint32_t snap)
{
	struct key k = key_u32(snap);
	WALK struct walk w = {0};
	int r = walk_start(t, DB_RECORD, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	while (r == 0 && span_starts(w.key, key_span(&k))) {
		r = txn_fail(t, feed_entry(sha, DB_RECORD, &w));
		if (r == 0)
			r = walk_next(&w);
	}
	return r < 0 ? r : 0;
}

static int feed_incomplete(struct txn *t, struct sha *sha)
{
	struct snap_info info;
	uint32_t no = 0;
	int r;

	while ((r = snap_next(t, &no, &info)) == 0)
		if (info.state != SNAP_COMPLETE && (r = feed_records(t, sha, no)) < 0)
			return r;
	return r < 0 ? r : 0;
}

static bool is_covered(enum db db)
{
	return db == DB_JOURNAL || db == DB_BY_TARGET || db == DB_RECORD;
}

int seal_state(struct txn *t, uint8_t ret[SHA_LEN])
{
	struct sha *sha = NULL;
	int r = sha_new(&sha);

	if (r == 0)
		r = sha_begin(sha);
	for (unsigned db = 0; r == 0 && db < DB_N; db++)
		r = is_covered(db) ? 0 : feed_all(t, sha, db);
	if (r == 0)
		r = feed_incomplete(t, sha);
	if (r == 0)
		r = sha_end(sha, ret);
	sha_free(sha);
	return r;
}

int seal_put(struct txn *t, uint64_t seq)
{
	struct key v = key_u64(seq);

	return meta_own_put(t, SEAL, key_span(&v));
}

int seal_break(struct txn *t)
{
	uint64_t seq;
	int r = seal_get(t, &seq);

	return r == 0 ? seal_put(t, BROKEN) : r < 0 ? r : 0;
}

int seal_get(struct txn *t, uint64_t *ret_seq)
{
	struct span v;
	int r = meta_own_get(t, SEAL, &v);
	struct rd in;

	if (r)
		return r;
	in = rd_of(v);
	*ret_seq = rd_be64(&in);
	if (in.bad || !rd_end(&in))
		return txn_fail(t, err_set(-EBADMSG, "the store's seal is damaged"));
	return *ret_seq == BROKEN ? SEAL_BROKEN : 0;
}
