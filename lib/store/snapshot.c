/*
 * Snapshots. Written once, in key order, then only read; so their pages are full and a directory's
 * names lie beside each other. Deleting takes slices, and a slice may be the last thing before the
 * power fails: the first one marks the snapshot as doomed and takes its identity away, so that half
 * a baseline is never taken for a whole one.
 */
#include "store/snapshot.h"
#include "base/clock.h"
#include "store/db.h"

#define INFO_VERSION 1
#define SNAP_LEFTOVER_SLICE 4096

static void info_encode(const struct snap_info *s, struct buf *out)
{
	buf_u8(out, INFO_VERSION);
	buf_u8(out, s->state);
	buf_add(out, s->identity, SHA_LEN);
	buf_add(out, s->root, SHA_LEN);
	buf_varint(out, s->n_records);
	buf_varint(out, s->n_bytes);
	buf_zigzag(out, s->created);
	buf_bytes(out, s->path);
	buf_bytes(out, s->digest);
	buf_bytes(out, s->kind);
}

static void take_sha(struct rd *in, uint8_t ret[SHA_LEN])
{
	struct span s = rd_take(in, SHA_LEN);

	if (s.n == SHA_LEN)
		memcpy(ret, s.p, SHA_LEN);
}

static int info_decode(uint32_t no, struct span bytes, struct snap_info *ret)
{
	struct rd in = rd_of(bytes);
	uint8_t version = rd_u8(&in), state = rd_u8(&in);

	*ret = (struct snap_info){.no = no, .state = state};
	take_sha(&in, ret->identity);
	take_sha(&in, ret->root);
	ret->n_records = rd_varint(&in);
	ret->n_bytes = rd_varint(&in);
	ret->created = rd_zigzag(&in);
	ret->path = rd_bytes(&in);
	ret->digest = rd_bytes(&in);
	ret->kind = rd_bytes(&in);
	if (in.bad || !rd_end(&in) || version != INFO_VERSION || state > SNAP_DOOMED)
		return err_set(-EBADMSG, "snapshot %u: its description is damaged", no);
	return 0;
}

static int info_put(struct txn *t, const struct snap_info *s)
{
	struct key k = key_u32(s->no);
	BUF struct buf v = {0};

	info_encode(s, &v);
	return db_put_buf(t, DB_SNAPSHOT, key_span(&k), &v);
}

int snap_get(struct txn *t, uint32_t no, struct snap_info *ret)
{
	struct key k = key_u32(no);
	struct span v;
	int r = db_get(t, DB_SNAPSHOT, key_span(&k), &v);

	return r ? r : txn_fail(t, info_decode(no, v, ret));
}

int snap_find(struct txn *t, const uint8_t identity[SHA_LEN], struct snap_info *ret)
{
	struct span v;
	int r = db_get(t, DB_IDENTITY, span_make(identity, SHA_LEN), &v);
	struct rd in;

	if (r)
		return r;
	in = rd_of(v);
	r = snap_get(t, rd_be32(&in), ret);
	if (in.bad || r == STORE_ABSENT)
		return txn_fail(t, err_set(-EBADMSG, "a layer's identity names no snapshot"));
	return r;
}

int snap_next(struct txn *t, uint32_t *no, struct snap_info *ret)
{
	struct key k = key_u32(*no + 1);
	WALK struct walk w = {0};
	struct rd in;
	int r = *no == UINT32_MAX ? STORE_ABSENT : walk_start(t, DB_SNAPSHOT, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r)
		return r;
	in = rd_of(w.key);
	*no = rd_be32(&in);
	return txn_fail(t, info_decode(*no, w.value, ret));
}

/* The first slice: from here on it is no baseline any more, whatever happens. */
static int doom(struct txn *t, struct snap_info *s)
{
	int r;

	if (s->state == SNAP_DOOMED)
		return 0;
	r = db_delete(t, DB_IDENTITY, span_make(s->identity, SHA_LEN));
	if (r < 0)
		return r;
	s->state = SNAP_DOOMED;
	return info_put(t, s);
}

int snap_create(struct txn *t, const uint8_t identity[SHA_LEN], struct span path,
	struct span digest, struct span kind, uint32_t *ret_no)
{
	struct snap_info s = {.state = SNAP_PARTIAL, .path = path, .digest = digest, .kind = kind};
	struct snap_info old;
	struct key no;
	bool more;
	int r = snap_find(t, identity, &old);

	if (r < 0)
		return r;
	if (r == 0 && old.state == SNAP_COMPLETE)
		return txn_fail(t, err_set(-EEXIST, "this layer is stored as snapshot %u", old.no));
	if (r == 0 && snap_delete(t, old.no, SNAP_LEFTOVER_SLICE, &more) < 0)
		return txn_error(t);
	r = meta_take_number(t, ".next_snapshot", &s.no);
	if (r)
		return r;
	memcpy(s.identity, identity, SHA_LEN);
	s.created = clock_wall();
	*ret_no = s.no;
	r = info_put(t, &s);
	no = key_u32(s.no);
	return r ? r : db_put(t, DB_IDENTITY, span_make(identity, SHA_LEN), key_span(&no));
}

int snap_put(struct txn *t, uint32_t no, uint32_t dir, struct span name, const struct record *rec,
	uint32_t sub_dir)
{
	BUF struct buf v = {0};
	struct key k;
	int r;

	if (name.n > KEY_NAME_MAX)
		return txn_fail(t, err_set(-ENAMETOOLONG, "a name of %zu bytes", name.n));
	buf_varint(&v, sub_dir);
	r = record_encode(rec, &v);
	if (r < 0)
		return txn_fail(t, r);
	k = key_record(no, dir, name);
	return db_append_buf(t, DB_RECORD, key_span(&k), &v);
}

void snap_digest_feed(struct sha *sha, uint32_t dir, struct span name, struct span encoded_record,
	uint32_t sub_dir)
{
	struct key head = key_u32_u32(dir, sub_dir), sizes;

	sizes = key_u32_u32((uint32_t)name.n, (uint32_t)encoded_record.n);
	sha_feed(sha, head.b, head.n);
	sha_feed(sha, sizes.b, sizes.n);
	sha_feed(sha, name.p, name.n);
	sha_feed(sha, encoded_record.p, encoded_record.n);
}

int snap_complete(struct txn *t, uint32_t no, const uint8_t root[SHA_LEN], uint64_t n_records,
	uint64_t n_bytes)
{
	struct snap_info s;
	int r = snap_get(t, no, &s);

	if (r < 0)
		return r;
	if (r == STORE_ABSENT || s.state == SNAP_DOOMED)
		return txn_fail(t, err_set(-ENOENT, "snapshot %u is not there any more", no));
	s.state = SNAP_COMPLETE;
	s.n_records = n_records;
	s.n_bytes = n_bytes;
	memcpy(s.root, root, SHA_LEN);
	return info_put(t, &s);
}

int snap_delete(struct txn *t, uint32_t no, unsigned budget, bool *ret_more)
{
	struct key k = key_u32(no);
	struct snap_info s;
	int r = snap_get(t, no, &s);

	*ret_more = false;
	if (r)
		return r < 0 ? r : 0;
	r = doom(t, &s);
	if (r == 0)
		r = db_delete_below(t, DB_RECORD, key_span(&k), &budget);
	if (r)
		return r;
	*ret_more = budget == 0;
	if (budget == 0)
		return 0;
	r = db_delete(t, DB_SNAPSHOT, key_span(&k));
	if (r >= 0)
		r = db_delete(t, DB_VERDICT, key_span(&k));
	return r < 0 ? r : 0;
}

int snap_sweep(struct txn *t, unsigned budget, bool *ret_more)
{
	struct snap_info s;
	uint32_t no = 0;
	int r;

	*ret_more = false;
	while ((r = snap_next(t, &no, &s)) == 0) {
		if (s.state != SNAP_DOOMED)
			continue;
		r = snap_delete(t, no, budget, ret_more);
		if (r == 0)
			*ret_more = true; /* there may be another one */
		return r;
	}
	return r < 0 ? r : 0;
}

static int value_decode(struct span bytes, struct record *ret, uint32_t *ret_sub_dir)
{
	struct rd in = rd_of(bytes);
	uint64_t sub = rd_varint(&in);

	if (in.bad || sub > UINT32_MAX)
		return err_set(-EBADMSG, "a stored record is damaged");
	*ret_sub_dir = (uint32_t)sub;
	return record_decode(span_make(in.p, (size_t)(in.end - in.p)), ret);
}

int snap_lookup(struct txn *t, uint32_t no, uint32_t dir, struct span name, struct record *ret,
	uint32_t *ret_sub_dir)
{
	struct key k;
	struct span v;
	int r;

	if (name.n > KEY_NAME_MAX)
		return STORE_ABSENT;
	k = key_record(no, dir, name);
	r = db_get(t, DB_RECORD, key_span(&k), &v);
	return r ? r : txn_fail(t, value_decode(v, ret, ret_sub_dir));
}

struct snap_cursor {
	struct walk w;
	struct key prefix;
	bool started;
};

int snap_list_open(struct txn *t, uint32_t no, uint32_t dir, struct snap_cursor **ret)
{
	FREE struct snap_cursor *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return txn_fail(t, err_set(-ENOMEM, "out of memory"));
	c->prefix = key_u32_u32(no, dir);
	r = walk_start(t, DB_RECORD, &c->w);
	if (r)
		return r;
	*ret = take(c);
	return 0;
}

int snap_list_next(
	struct snap_cursor *c, struct span *ret_name, struct record *ret, uint32_t *ret_sub_dir)
{
	struct span prefix = key_span(&c->prefix);
	int r = c->started ? walk_next(&c->w) : walk_seek(&c->w, prefix);

	c->started = true;
	if (r)
		return r;
	if (!span_starts(c->w.key, prefix))
		return STORE_ABSENT;
	*ret_name = span_make(c->w.key.p + prefix.n, c->w.key.n - prefix.n);
	return txn_fail(c->w.t, value_decode(c->w.value, ret, ret_sub_dir));
}

void snap_list_close(struct snap_cursor *c)
{
	if (!c)
		return;
	walk_end(&c->w);
	free(c);
}

/* Feeds one stored record as its writer did. */
static int feed(struct sha *sha, const struct walk *w)
{
	struct rd key = rd_of(w->key), value = rd_of(w->value);
	uint32_t dir;
	uint64_t sub;

	rd_be32(&key);
	dir = rd_be32(&key);
	sub = rd_varint(&value);
	if (key.bad || value.bad || sub > UINT32_MAX)
		return err_set(-EBADMSG, "a stored record is damaged");
	snap_digest_feed(sha, dir, span_make(key.p, (size_t)(key.end - key.p)),
		span_make(value.p, (size_t)(value.end - value.p)), (uint32_t)sub);
	return 0;
}

static void sha_free_p(struct sha **s)
{
	sha_free(*s);
}

int snap_verify(struct txn *t, uint32_t no, uint8_t ret_root[SHA_LEN], uint64_t *ret_n)
{
	CLEANUP(sha_free_p) struct sha *sha = NULL;
	struct key prefix = key_u32(no);
	WALK struct walk w = {0};
	uint64_t n = 0;
	int r = sha_new(&sha);

	if (r == 0)
		r = sha_begin(sha);
	if (r)
		return txn_fail(t, r);
	r = walk_start(t, DB_RECORD, &w);
	if (r == 0)
		r = walk_seek(&w, key_span(&prefix));
	while (r == 0 && span_starts(w.key, key_span(&prefix))) {
		r = txn_fail(t, feed(sha, &w));
		n++;
		if (r == 0)
			r = walk_next(&w);
	}
	if (ret_n)
		*ret_n = n;
	return r < 0 ? r : txn_fail(t, sha_end(sha, ret_root));
}
