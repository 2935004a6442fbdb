/* Open gaps, and small named values: the two smallest databases. */
#include "store/db.h"
#include "store/journal.h"

static int decode(struct span bytes, uint64_t id, struct gap *ret)
{
	int r = gap_decode(bytes, ret);

	ret->id = id;
	return r;
}

int gap_put(struct txn *t, const struct gap *g)
{
	struct key k = key_u64(g->id);
	BUF struct buf v = {0};

	gap_encode(g, &v);
	return db_put_buf(t, DB_GAP, key_span(&k), &v);
}

int gap_get(struct txn *t, uint64_t id, struct gap *ret)
{
	struct key k = key_u64(id);
	struct span v;
	int r = db_get(t, DB_GAP, key_span(&k), &v);

	return r ? r : txn_fail(t, decode(v, id, ret));
}

int gap_delete(struct txn *t, uint64_t id)
{
	struct key k = key_u64(id);

	return db_delete(t, DB_GAP, key_span(&k));
}

int gap_next(struct txn *t, uint64_t *id, struct gap *ret)
{
	struct key k = key_u64(*id + 1);
	WALK struct walk w = {0};
	struct rd in;
	int r = *id == UINT64_MAX ? STORE_ABSENT : walk_start(t, DB_GAP, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r)
		return r;
	in = rd_of(w.key);
	*id = rd_be64(&in);
	return txn_fail(t, decode(w.value, *id, ret));
}

/* Names with a dot in front, and the format, are the store's own. */
static int check_name(struct txn *t, const char *key)
{
	size_t n = strlen(key);

	if (n == 0 || n > KEY_MAX || key[0] == '.' || strcmp(key, "format") == 0)
		return txn_fail(t, err_set(-EINVAL, "\"%s\" cannot be the name of a value", key));
	return 0;
}

int meta_get(struct txn *t, const char *key, struct span *ret)
{
	int r = check_name(t, key);

	return r ? r : db_get(t, DB_META, span_of(key), ret);
}

int meta_put(struct txn *t, const char *key, struct span value)
{
	int r = check_name(t, key);

	return r ? r : db_put(t, DB_META, span_of(key), value);
}

int meta_own_get(struct txn *t, const char *name, struct span *ret)
{
	return db_get(t, DB_META, span_of(name), ret);
}

int meta_own_put(struct txn *t, const char *name, struct span value)
{
	return db_put(t, DB_META, span_of(name), value);
}

int meta_take_number(struct txn *t, const char *name, uint32_t *ret)
{
	struct span v;
	struct key next;
	int r = meta_own_get(t, name, &v);

	*ret = 1;
	if (r < 0)
		return r;
	if (r == 0) {
		struct rd in = rd_of(v);

		*ret = rd_be32(&in);
		if (in.bad || *ret == 0 || *ret == UINT32_MAX)
			return txn_fail(t, err_set(-EOVERFLOW, "no numbers are left (%s)", name));
	}
	next = key_u32(*ret + 1);
	return meta_own_put(t, name, key_span(&next));
}
