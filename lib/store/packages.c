/* Whose file is whose: four databases, all but the last keyed by the set's number. */
#include "store/packages.h"
#include "base/clock.h"
#include "store/db.h"

enum { SET_VERSION = 1, PKG_VERSION = 1, COMPLETE = 1, LOST = 1 };
enum { FILE_CONFIG = 1, FILE_DIGEST = 2 };

/* ---- sets ---- */

int pkg_set_put(struct txn *t, const struct pkg_set *s)
{
	struct key k = key_u32(s->no);
	BUF struct buf v = {0};

	buf_u8(&v, SET_VERSION);
	buf_u8(&v, s->complete ? COMPLETE : 0);
	buf_add(&v, s->stack, SHA_LEN);
	buf_zigzag(&v, s->time);
	buf_varint(&v, s->n_packages);
	buf_varint(&v, s->n_files);
	buf_varint(&v, s->n_differ);
	buf_bytes(&v, s->os_id);
	buf_bytes(&v, s->os_version);
	buf_bytes(&v, s->os_name);
	buf_bytes(&v, s->words);
	if (s->lost)
		buf_u8(&v, LOST);
	return db_put_buf(t, DB_PKG_SET, key_span(&k), &v);
}

static int set_decode(uint32_t no, struct span bytes, struct pkg_set *ret)
{
	struct rd r = rd_of(bytes);
	struct span stack;

	*ret = (struct pkg_set){.no = no};
	r.bad |= rd_u8(&r) != SET_VERSION;
	ret->complete = rd_upto(&r, COMPLETE);
	stack = rd_take(&r, SHA_LEN);
	if (stack.n == SHA_LEN)
		memcpy(ret->stack, stack.p, SHA_LEN);
	ret->time = rd_zigzag(&r);
	ret->n_packages = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->n_files = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->n_differ = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->os_id = rd_bytes(&r);
	ret->os_version = rd_bytes(&r);
	ret->os_name = rd_bytes(&r);
	ret->words = rd_bytes(&r);
	ret->lost = !r.bad && !rd_end(&r) && rd_upto(&r, LOST);
	return rd_finish(&r, "a set of packages");
}

void pkg_stack(const uint32_t *snaps, size_t n, uint8_t ret[SHA_LEN])
{
	BUF struct buf b = {0};

	for (size_t i = 0; i < n; i++)
		buf_be32(&b, snaps[i]);
	must(!b.err);
	sha_once(buf_span(&b), ret);
}

int pkg_set_create(struct txn *t, const uint8_t stack[SHA_LEN], uint32_t *ret_no)
{
	struct pkg_set s = {.time = clock_wall()};
	int r = meta_take_number(t, ".next_packages", &s.no);

	memcpy(s.stack, stack, SHA_LEN);
	*ret_no = s.no;
	return r ? r : pkg_set_put(t, &s);
}

int pkg_set_get(struct txn *t, uint32_t no, struct pkg_set *ret)
{
	struct key k = key_u32(no);
	struct span v;
	int r = db_get(t, DB_PKG_SET, key_span(&k), &v);

	return r ? r : txn_fail(t, set_decode(no, v, ret));
}

int pkg_set_next(struct txn *t, uint32_t *no, struct pkg_set *ret)
{
	struct key k = key_u32(*no + 1);
	WALK struct walk w = {0};
	struct rd in;
	int r = *no == UINT32_MAX ? STORE_ABSENT : walk_start(t, DB_PKG_SET, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r)
		return r;
	in = rd_of(w.key);
	*no = rd_be32(&in);
	return txn_fail(t, set_decode(*no, w.value, ret));
}

int pkg_set_find(struct txn *t, const uint8_t stack[SHA_LEN], struct pkg_set *ret)
{
	uint32_t no = 0;
	int r;

	while ((r = pkg_set_next(t, &no, ret)) == 0)
		if (ret->complete && memcmp(ret->stack, stack, SHA_LEN) == 0)
			return 0;
	return r;
}

/* ---- packages ---- */

int pkg_put(struct txn *t, uint32_t set, uint32_t no, const struct pkg *p)
{
	struct key k = key_u32_u32(set, no);
	BUF struct buf v = {0};

	buf_u8(&v, PKG_VERSION);
	buf_bytes(&v, p->manager);
	buf_bytes(&v, p->name);
	buf_bytes(&v, p->version);
	buf_bytes(&v, p->arch);
	buf_bytes(&v, p->source);
	buf_bytes(&v, p->licence);
	buf_bytes(&v, p->vendor);
	return db_put_buf(t, DB_PKG, key_span(&k), &v);
}

int pkg_get(struct txn *t, uint32_t set, uint32_t no, struct pkg *ret)
{
	struct key k = key_u32_u32(set, no);
	struct span v;
	struct rd in;
	int r = db_get(t, DB_PKG, key_span(&k), &v);

	if (r)
		return r;
	in = rd_of(v);
	in.bad |= rd_u8(&in) != PKG_VERSION;
	ret->manager = rd_bytes(&in);
	ret->name = rd_bytes(&in);
	ret->version = rd_bytes(&in);
	ret->arch = rd_bytes(&in);
	ret->source = rd_bytes(&in);
	ret->licence = rd_bytes(&in);
	ret->vendor = rd_bytes(&in);
	return txn_fail(t, rd_finish(&in, "a package"));
}

/* ---- files ---- */

void pkg_file_encode(const struct pkg_file *f, struct buf *out)
{
	buf_u8(out, (uint8_t)((f->config ? FILE_CONFIG : 0) | (f->has_digest ? FILE_DIGEST : 0)));
	buf_u8(out, (uint8_t)f->image);
	buf_varint(out, f->package);
	if (!f->has_digest)
		return;
	buf_u8(out, (uint8_t)f->kind);
	buf_add_span(out, f->digest);
}

static void read_file(struct rd *r, struct pkg_file *ret)
{
	uint64_t bits = rd_upto(r, FILE_CONFIG | FILE_DIGEST);

	*ret = (struct pkg_file){.config = bits & FILE_CONFIG, .has_digest = bits & FILE_DIGEST};
	ret->image = (enum pkg_image)rd_upto(r, PKG_IMAGE_N - 1);
	ret->package = (uint32_t)rd_upto(r, UINT32_MAX);
	if (!ret->has_digest)
		return;
	ret->kind = (enum package_digest)rd_upto(r, PACKAGE_DIGESTS - 1);
	ret->digest = rd_take(r, package_digest_len(ret->kind));
}

int pkg_file_decode(struct span bytes, struct pkg_file *ret)
{
	struct rd r = rd_of(bytes);

	read_file(&r, ret);
	return rd_finish(&r, "a packaged file");
}

int pkg_file_put(struct txn *t, uint32_t set, struct span path, const struct pkg_file *f)
{
	struct key k = key_drift(set, path);
	BUF struct buf v = {0};

	key_path_keep(path, &v);
	pkg_file_encode(f, &v);
	return db_append_buf(t, DB_PKG_FILE, key_span(&k), &v);
}

static int decode_row(struct txn *t, struct span key, struct span value, struct span *ret_path,
	struct pkg_file *ret)
{
	struct rd in = rd_of(value);

	*ret_path = key_path_of(span_make(key.p + 4, key.n - 4), &in);
	read_file(&in, ret);
	return txn_fail(t, rd_finish(&in, "a packaged file"));
}

int pkg_file_get(struct txn *t, uint32_t set, struct span path, struct pkg_file *ret)
{
	struct key k = key_drift(set, path);
	struct span v, found = {0};
	int r = db_get(t, DB_PKG_FILE, key_span(&k), &v);

	if (r == 0)
		r = decode_row(t, key_span(&k), v, &found, ret);
	return r == 0 && key_path_is_long(path) && !span_eq(found, path) ? STORE_ABSENT : r;
}

int pkg_file_each(struct txn *t, uint32_t set, struct span after,
	int (*fn)(void *ctx, struct span path, const struct pkg_file *f), void *ctx)
{
	struct key whole = key_u32(set), k = after.n ? key_drift(set, after) : whole;
	WALK struct walk w = {0};
	int r = walk_start(t, DB_PKG_FILE, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r == 0 && after.n && span_eq(w.key, key_span(&k)))
		r = walk_next(&w);
	while (r == 0 && span_starts(w.key, key_span(&whole))) {
		struct pkg_file f;
		struct span path;

		r = decode_row(t, w.key, w.value, &path, &f);
		if (r == 0)
			r = fn(ctx, path, &f);
		if (r)
			return r;
		r = walk_next(&w);
	}
	return r < 0 ? r : 0;
}

/* ---- whose set ---- */

int pkg_of_put(struct txn *t, uint32_t target, uint32_t set)
{
	struct key k = key_u32(target), v = key_u32(set);

	return db_put(t, DB_PKG_OF, key_span(&k), key_span(&v));
}

int pkg_of_get(struct txn *t, uint32_t target, uint32_t *ret_set)
{
	struct key k = key_u32(target);
	struct span v;
	struct rd in;
	int r = db_get(t, DB_PKG_OF, key_span(&k), &v);

	if (r)
		return r;
	in = rd_of(v);
	*ret_set = rd_be32(&in);
	return txn_fail(t, rd_finish(&in, "a target's packages"));
}

int pkg_of_delete(struct txn *t, uint32_t target)
{
	struct key k = key_u32(target);

	return db_delete(t, DB_PKG_OF, key_span(&k));
}

/* ---- sweeping ---- */

static int is_used(struct txn *t, uint32_t set)
{
	WALK struct walk w = {0};
	struct key none = key_u32(0), v = key_u32(set);
	int r = walk_start(t, DB_PKG_OF, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&none));
	for (; r == 0; r = walk_next(&w))
		if (span_eq(w.value, key_span(&v)))
			return 1;
	return r < 0 ? r : 0;
}

static int delete_set(struct txn *t, const struct pkg_set *s, unsigned *budget)
{
	struct key k = key_u32(s->no);
	struct pkg_set partial = *s;
	int r = 0;

	partial.complete = false; /* from its first slice on */
	partial.os_id = partial.os_version = partial.os_name = partial.words = span_of("");
	if (s->complete)
		r = pkg_set_put(t, &partial);
	if (r == 0)
		r = db_delete_below(t, DB_PKG_FILE, key_span(&k), budget);
	if (r >= 0)
		r = db_delete_below(t, DB_PKG, key_span(&k), budget);
	if (r >= 0 && *budget)
		r = db_delete(t, DB_PKG_SET, key_span(&k));
	return r < 0 ? r : 0;
}

int pkg_sweep(struct txn *t, uint32_t building, unsigned budget, bool *ret_more)
{
	struct pkg_set s;
	uint32_t no = 0;
	int r;

	*ret_more = false;
	while ((r = pkg_set_next(t, &no, &s)) == 0 && budget) {
		int used = s.no == building ? 1 : s.complete ? is_used(t, s.no) : 0;

		if (used < 0)
			return used;
		if (used == 0)
			r = delete_set(t, &s, &budget);
		if (r < 0)
			return r;
	}
	*ret_more = !budget;
	return r < 0 ? r : 0;
}
