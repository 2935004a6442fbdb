/*
 * What admins accepted. Nothing is overwritten: every acceptance of a path is kept under its
 * generation, so that a diff against an older generation can still be answered.
 */
#include "store/db.h"
#include "store/targets.h"

#define ACCEPTED_VERSION 1
/* GOLDEN: with the root of the golden baseline that it came with. */
enum { GENERATION_VERSION = 1, GENERATION_GOLDEN = 2 };

static int decode(struct span key, struct span value, struct accepted *ret)
{
	struct rd in = rd_of(value), gen;
	uint8_t version;

	*ret = (struct accepted){0};
	if (key.n <= 4 + KEY_ACCEPTED_TAIL)
		return err_set(-EBADMSG, "an accepted change has no path");
	ret->path = key_path_of(span_make(key.p + 4, key.n - 4 - KEY_ACCEPTED_TAIL), &in);
	gen = rd_of(span_make(key.p + key.n - 4, 4));
	ret->generation = rd_be32(&gen);
	version = rd_u8(&in);
	ret->expires = rd_zigzag(&in);
	ret->aspects = (uint32_t)rd_varint(&in);
	ret->rec = rd_bytes(&in);
	ret->image = rd_bytes(&in);
	ret->mount = rd_bytes(&in);
	if (in.bad || !rd_end(&in) || version != ACCEPTED_VERSION)
		return err_set(-EBADMSG, "an accepted change is damaged");
	return 0;
}

/* All generations of one path share their key but for its last four bytes. */
static struct span path_key(struct span key)
{
	return span_make(key.p, key.n < 4 ? 0 : key.n - 4);
}

static uint32_t generation_of(struct span key)
{
	struct rd in = rd_of(span_make(key.p + key.n - 4, 4));

	return rd_be32(&in);
}

int accepted_get(
	struct txn *t, uint32_t no, struct span path, uint32_t generation, struct accepted *ret)
{
	struct key k;
	struct span best_key = {0}, best_value = {0};
	WALK struct walk w = {0};
	int r = walk_start(t, DB_ACCEPTED, &w);

	if (path.n == 0)
		return STORE_ABSENT;
	k = key_accepted(no, path, 0);
	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	for (; r == 0 && span_eq(path_key(w.key), path_key(key_span(&k))); r = walk_next(&w)) {
		if (generation_of(w.key) > generation)
			break;
		best_key = w.key;
		best_value = w.value;
	}
	if (r < 0)
		return r;
	return best_key.n ? txn_fail(t, decode(best_key, best_value, ret)) : STORE_ABSENT;
}

int accepted_in_force(
	struct txn *t, uint32_t no, struct span path, int64_t now, struct accepted *ret)
{
	uint32_t generation = UINT32_MAX;
	int r;

	while ((r = accepted_get(t, no, path, generation, ret)) == 0) {
		if (!ret->expires || ret->expires > now)
			return 0;
		if (ret->generation == 0)
			return STORE_ABSENT;
		generation = ret->generation - 1;
	}
	return r;
}

int accepted_put(struct txn *t, uint32_t no, const struct accepted *a)
{
	struct key k;
	BUF struct buf v = {0};

	if (a->path.n == 0 || memchr(a->path.p, 0, a->path.n))
		return txn_fail(t, err_set(-EINVAL, "an accepted change without a good path"));
	k = key_accepted(no, a->path, a->generation);
	key_path_keep(a->path, &v);
	buf_u8(&v, ACCEPTED_VERSION);
	buf_zigzag(&v, a->expires);
	buf_varint(&v, a->aspects);
	buf_bytes(&v, a->rec);
	buf_bytes(&v, a->image);
	buf_bytes(&v, a->mount);
	return db_put_buf(t, DB_ACCEPTED, key_span(&k), &v);
}

struct newest {
	struct txn *t;
	int (*fn)(void *ctx, const struct accepted *a);
	void *ctx;
	struct span key, value; /* the newest of the path at hand; empty: none yet */
	struct span scope;
};

static int hand_on(struct newest *n)
{
	struct accepted a;
	int r;

	if (n->key.n == 0)
		return 0;
	r = txn_fail(n->t, decode(n->key, n->value, &a));
	n->key = (struct span){0};
	return r ? r : n->fn(n->ctx, &a);
}

/* The newest of each path among the keys that begin with `prefix`. */
static int each_under(struct newest *n, struct span prefix, uint32_t generation)
{
	WALK struct walk w = {0};
	int r = walk_start(n->t, DB_ACCEPTED, &w), stop;

	if (r == 0)
		r = walk_seek(&w, prefix);
	for (; r == 0 && span_starts(w.key, prefix); r = walk_next(&w)) {
		if (n->key.n && !span_eq(path_key(n->key), path_key(w.key))) {
			stop = hand_on(n);
			if (stop)
				return stop;
		}
		if (generation_of(w.key) > generation)
			continue;
		n->key = w.key;
		n->value = w.value;
	}
	return r < 0 ? r : hand_on(n);
}

int accepted_each(struct txn *t, uint32_t no, uint32_t generation,
	int (*fn)(void *ctx, const struct accepted *a), void *ctx)
{
	struct newest n = {.t = t, .fn = fn, .ctx = ctx};
	struct key prefix = key_u32(no);

	return each_under(&n, key_span(&prefix), generation);
}

/* Paths too long for their key share its first bytes with others. */
static int hand_on_below(void *ctx, const struct accepted *a)
{
	const struct newest *n = ctx;

	return path_within(a->path, n->scope) ? n->fn(n->ctx, a) : 0;
}

int accepted_below(struct txn *t, uint32_t no, struct span scope,
	int (*fn)(void *ctx, const struct accepted *a), void *ctx)
{
	struct newest in = {.scope = scope, .fn = fn, .ctx = ctx};
	struct newest n = {.t = t, .fn = hand_on_below, .ctx = &in};
	struct key prefix;
	struct accepted own;
	int r = STORE_ABSENT;

	while (in.scope.n && in.scope.p[in.scope.n - 1] == '/')
		in.scope.n--;
	if (!in.scope.n)
		return accepted_each(t, no, UINT32_MAX, fn, ctx);
	/* As in drift_each(): a short scope's own entry sorts apart from what is below. */
	if (in.scope.n < KEY_PATH_PREFIX)
		r = accepted_get(t, no, in.scope, UINT32_MAX, &own);
	if (r == 0)
		r = fn(ctx, &own);
	if (r && r != STORE_ABSENT)
		return r;
	prefix = key_below(no, in.scope);
	return each_under(&n, key_span(&prefix), UINT32_MAX);
}

int generation_put(struct txn *t, uint32_t target, const struct generation *g)
{
	struct key k = key_u32_u32(target, g->no);
	BUF struct buf v = {0};

	buf_u8(&v, g->has_golden ? GENERATION_GOLDEN : GENERATION_VERSION);
	buf_zigzag(&v, g->time);
	buf_zigzag(&v, g->expires);
	buf_varint(&v, g->uid);
	buf_varint(&v, g->n_paths);
	buf_add(&v, g->drift_id, SHA_LEN);
	buf_add(&v, g->root, SHA_LEN);
	buf_bytes(&v, g->reason);
	if (g->has_golden)
		buf_add(&v, g->golden, SHA_LEN);
	return db_put_buf(t, DB_GENERATION, key_span(&k), &v);
}

static int generation_decode(uint32_t no, struct span bytes, struct generation *ret)
{
	struct rd in = rd_of(bytes);
	uint8_t version = rd_u8(&in);
	struct span drift_id, root, golden = {0};

	*ret = (struct generation){.no = no};
	ret->time = rd_zigzag(&in);
	ret->expires = rd_zigzag(&in);
	ret->uid = (uint32_t)rd_varint(&in);
	ret->n_paths = (uint32_t)rd_varint(&in);
	drift_id = rd_take(&in, SHA_LEN);
	root = rd_take(&in, SHA_LEN);
	ret->reason = rd_bytes(&in);
	ret->has_golden = version == GENERATION_GOLDEN;
	if (ret->has_golden)
		golden = rd_take(&in, SHA_LEN);
	if (in.bad || !rd_end(&in) || (version != GENERATION_VERSION && !ret->has_golden))
		return err_set(-EBADMSG, "generation %u is damaged", no);
	if (ret->has_golden)
		memcpy(ret->golden, golden.p, SHA_LEN);
	memcpy(ret->drift_id, drift_id.p, SHA_LEN);
	memcpy(ret->root, root.p, SHA_LEN);
	return 0;
}

int generation_get(struct txn *t, uint32_t target, uint32_t no, struct generation *ret)
{
	struct key k = key_u32_u32(target, no);
	struct span v;
	int r = db_get(t, DB_GENERATION, key_span(&k), &v);

	return r ? r : txn_fail(t, generation_decode(no, v, ret));
}
