/* What was counted and has yet to be told. Few entries, which come and go. */
#include "store/db.h"
#include "store/journal.h"

static struct key key_of(uint32_t target, struct span path)
{
	return path.n ? key_drift(target, path) : key_u32(target);
}

int tally_put(struct txn *t, uint32_t target, struct span path, const struct buf *value)
{
	struct key k = key_of(target, path);
	BUF struct buf v = {0};

	key_path_keep(path, &v);
	buf_add_span(&v, buf_span(value));
	return buf_err(value) ? txn_fail(t, buf_err(value))
			      : db_put_buf(t, DB_TALLY, key_span(&k), &v);
}

/* Path and value of one entry. */
static int take_apart(
	struct txn *t, struct span key, struct span value, struct span *ret_path, struct span *ret)
{
	struct rd in = rd_of(value);

	*ret_path =
		key.n > 4 ? key_path_of(span_make(key.p + 4, key.n - 4), &in) : (struct span){0};
	if (key.n < 4 || in.bad)
		return txn_fail(t, err_set(-EBADMSG, "what was counted is damaged"));
	*ret = span_make(in.p, (size_t)(in.end - in.p));
	return 0;
}

int tally_get(struct txn *t, uint32_t target, struct span path, struct span *ret)
{
	struct key k = key_of(target, path);
	struct span v, stored;
	int r = db_get(t, DB_TALLY, key_span(&k), &v);

	return r ? r : take_apart(t, key_span(&k), v, &stored, ret);
}

int tally_delete(struct txn *t, uint32_t target, struct span path)
{
	struct key k = key_of(target, path);

	return db_delete(t, DB_TALLY, key_span(&k));
}

int tally_first(struct txn *t, uint32_t *ret_target, struct span *ret_path, struct span *ret)
{
	WALK struct walk w = {0};
	struct rd in;
	int r = walk_start(t, DB_TALLY, &w);

	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	if (r)
		return r;
	in = rd_of(w.key);
	*ret_target = rd_be32(&in);
	return take_apart(t, w.key, w.value, ret_path, ret);
}
