/* The hash cache. The three times of a file lie close together, so two are kept as differences. */
#include "store/db.h"
#include "store/targets.h"

#define SEEN_VERSION 1

/* Differences of hostile times may wrap around; unsigned they do so in a defined way. */
static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

int seen_get(struct txn *t, uint32_t target, uint64_t ino, struct seen *ret)
{
	struct key k = key_u32_u64(target, ino);
	struct span v, sha;
	struct rd in;
	uint8_t version;
	int r = db_get(t, DB_SEEN, key_span(&k), &v);

	if (r)
		return r;
	in = rd_of(v);
	version = rd_u8(&in);
	ret->ino = ino;
	ret->size = rd_varint(&in);
	ret->mtime = rd_zigzag(&in);
	ret->ctime = plus(ret->mtime, rd_zigzag(&in));
	ret->btime = plus(ret->mtime, rd_zigzag(&in));
	sha = rd_take(&in, SHA_LEN);
	if (in.bad || !rd_end(&in) || version != SEEN_VERSION)
		return txn_fail(t, err_set(-EBADMSG, "an entry of the hash cache is damaged"));
	memcpy(ret->sha, sha.p, SHA_LEN);
	return 0;
}

int seen_put(struct txn *t, uint32_t target, const struct seen *s)
{
	struct key k = key_u32_u64(target, s->ino);
	BUF struct buf v = {0};

	buf_u8(&v, SEEN_VERSION);
	buf_varint(&v, s->size);
	buf_zigzag(&v, s->mtime);
	buf_zigzag(&v, minus(s->ctime, s->mtime));
	buf_zigzag(&v, minus(s->btime, s->mtime));
	buf_add(&v, s->sha, SHA_LEN);
	return db_put_buf(t, DB_SEEN, key_span(&k), &v);
}

int seen_delete(struct txn *t, uint32_t target, uint64_t ino)
{
	struct key k = key_u32_u64(target, ino);

	return db_delete(t, DB_SEEN, key_span(&k));
}
