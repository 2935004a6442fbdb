/*
 * Drift: one entry per path that differs. What is told of the whole set - counts, worst severity,
 * drift id - is kept in step with every entry, in the same transaction, so it is never counted.
 *
 * Order: keys sort as paths do, but for long ones, which sort by a digest behind their first
 * KEY_PATH_PREFIX bytes. Keys that share such a prefix lie together: a run of them is gathered and
 * sorted, everything else is handed on as it comes.
 */
#include "model/drift.h"
#include "store/state.h"
#include "store/targets.h"

/* What drift_put and drift_delete change besides the entry. */
struct whole {
	struct state state;
	struct drift_hash hash;
	bool hash_moved;
};

static int whole_load(struct txn *t, uint32_t no, struct whole *ret)
{
	struct key k = key_u32(no);
	struct span v;
	int r = state_load(t, no, &ret->state);

	ret->hash_moved = false;
	if (r < 0)
		return r;
	r = db_get(t, DB_LANES, key_span(&k), &v);
	if (r == STORE_ABSENT)
		v = (struct span){0};
	return r < 0 ? r : txn_fail(t, drift_hash_decode(v, &ret->hash));
}

static int lanes_save(struct txn *t, uint32_t no, const struct drift_hash *h)
{
	struct key k = key_u32(no);
	BUF struct buf v = {0};
	int r;

	if (drift_hash_is_empty(h)) {
		r = db_delete(t, DB_LANES, key_span(&k));
		return r < 0 ? r : 0;
	}
	drift_hash_encode(h, &v);
	return db_put_buf(t, DB_LANES, key_span(&k), &v);
}

static void find_worst(struct state *s)
{
	s->rec.worst = SEV_INFO;
	for (int i = SEV_N - 1; i > SEV_INFO; i--)
		if (s->of_severity[i]) {
			s->rec.worst = (enum severity)i;
			return;
		}
}

static int whole_save(struct txn *t, uint32_t no, struct whole *w)
{
	int r = 0;

	find_worst(&w->state);
	if (w->hash_moved) {
		drift_hash_id(&w->hash, w->state.rec.drift_id);
		r = lanes_save(t, no, &w->hash);
	}
	return r ? r : state_save(t, no, &w->state);
}

static uint32_t *counter(struct state *s, char kind)
{
	if (kind == 'A')
		return &s->rec.n_added;
	return kind == 'D' ? &s->rec.n_deleted : &s->rec.n_changed;
}

/* Is the count of what is there already wrong? Then better say so than go below zero. */
static int uncount(struct state *s, const struct change *c)
{
	uint32_t *n = counter(s, c->kind);

	if (*n == 0 || s->of_severity[c->severity] == 0)
		return err_set(-EBADMSG, "the count of changes does not fit the changes");
	(*n)--;
	s->of_severity[c->severity]--;
	return 0;
}

static void count(struct state *s, const struct change *c)
{
	(*counter(s, c->kind))++;
	s->of_severity[c->severity]++;
}

static int decode(struct span path, struct rd *value, struct change *ret)
{
	int r;

	if (value->bad)
		return err_set(-EBADMSG, "a stored change is damaged");
	r = change_decode(path, span_make(value->p, (size_t)(value->end - value->p)), ret);
	if (r == 0 && ((ret->kind != 'A' && ret->kind != 'C' && ret->kind != 'D') ||
			      (unsigned)ret->severity >= SEV_N))
		return err_set(-EBADMSG, "a stored change is damaged");
	return r;
}

/* Path and change of one entry. */
static int decode_entry(
	struct span key, struct span value, struct span *ret_path, struct rd *ret_in)
{
	if (key.n <= 4)
		return err_set(-EBADMSG, "a stored change has no path");
	*ret_in = rd_of(value);
	*ret_path = key_path_of(span_make(key.p + 4, key.n - 4), ret_in);
	return ret_in->bad ? err_set(-EBADMSG, "a stored change is damaged") : 0;
}

int drift_get(struct txn *t, uint32_t no, struct span path, struct change *ret)
{
	struct key k = key_drift(no, path);
	struct span v, stored;
	struct rd in;
	int r = db_get(t, DB_DRIFT, key_span(&k), &v);

	if (r)
		return r;
	r = decode_entry(key_span(&k), v, &stored, &in);
	if (r == 0 && !key_path_is_long(path))
		stored = path; /* the key here is ours, not the store's */
	return txn_fail(t, r ? r : decode(stored, &in, ret));
}

/* Takes the entry that is there out of the whole; its identity bytes go to `ret`. */
static int take_old(struct txn *t, uint32_t no, struct span path, struct whole *w, struct buf *ret)
{
	struct change old;
	int r = drift_get(t, no, path, &old);

	if (r)
		return r;
	change_identity(&old, ret);
	r = uncount(&w->state, &old);
	return txn_fail(t, r ? r : buf_err(ret));
}

static int check(struct txn *t, const struct change *c)
{
	if (c->path.n && strchr("ACD", c->kind) && c->kind && (unsigned)c->severity < SEV_N)
		return 0;
	return txn_fail(t, err_set(-EINVAL, "a change without path, kind or severity"));
}

static int entry_put(struct txn *t, uint32_t no, const struct change *c)
{
	struct key k = key_drift(no, c->path);
	BUF struct buf v = {0};
	int r;

	key_path_keep(c->path, &v);
	r = change_encode(c, &v);
	return r < 0 ? txn_fail(t, r) : db_put_buf(t, DB_DRIFT, key_span(&k), &v);
}

int drift_put(struct txn *t, uint32_t no, const struct change *c)
{
	BUF struct buf was = {0}, is = {0};
	struct whole w;
	int r = check(t, c);

	if (r == 0)
		r = whole_load(t, no, &w);
	if (r)
		return r;
	r = take_old(t, no, c->path, &w, &was);
	if (r < 0)
		return r;
	change_identity(c, &is);
	if (buf_err(&is))
		return txn_fail(t, buf_err(&is));
	w.hash_moved = r == STORE_ABSENT || !span_eq(buf_span(&was), buf_span(&is));
	if (w.hash_moved && r == 0)
		drift_hash_sub(&w.hash, buf_span(&was));
	if (w.hash_moved)
		drift_hash_add(&w.hash, buf_span(&is));
	count(&w.state, c);
	r = entry_put(t, no, c);
	return r ? r : whole_save(t, no, &w);
}

int drift_delete(struct txn *t, uint32_t no, struct span path)
{
	struct key k = key_drift(no, path);
	BUF struct buf was = {0};
	struct whole w;
	int r = whole_load(t, no, &w);

	if (r == 0)
		r = take_old(t, no, path, &w, &was);
	if (r)
		return r;
	w.hash_moved = true;
	drift_hash_sub(&w.hash, buf_span(&was));
	r = db_delete(t, DB_DRIFT, key_span(&k));
	return r ? r : whole_save(t, no, &w);
}

/* One entry of a run, before it is decoded. */
struct entry {
	struct span path;
	struct rd in;
};

struct list {
	struct txn *t;
	struct span scope; /* without its last slash; empty: all */
	int (*fn)(void *ctx, const struct change *c);
	void *ctx;
	struct buf run; /* of struct entry */
};

static int hand_on(struct list *l, const struct entry *e)
{
	struct entry copy = *e;
	struct change c;
	int r;

	if (l->scope.n && !path_within(e->path, l->scope))
		return 0;
	r = decode(e->path, &copy.in, &c);
	return r ? txn_fail(l->t, r) : l->fn(l->ctx, &c);
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return span_cmp(x->path, y->path);
}

static int hand_on_run(struct list *l)
{
	struct entry *e = (struct entry *)l->run.p;
	size_t n = l->run.n / sizeof(*e);
	int r = 0;

	if (n > 1)
		qsort(e, n, sizeof(*e), entry_cmp);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = hand_on(l, &e[i]);
	buf_reset(&l->run);
	return r;
}

/* Do two paths stand in the same run? */
static bool same_run(const struct buf *run, struct span path)
{
	const struct entry *first = (const struct entry *)run->p;

	return run->n && memcmp(first->path.p, path.p, KEY_PATH_PREFIX) == 0;
}

static int one(struct list *l, struct span key, struct span value)
{
	struct entry e;
	int r = txn_fail(l->t, decode_entry(key, value, &e.path, &e.in));

	if (r)
		return r;
	if (e.path.n < KEY_PATH_PREFIX || !same_run(&l->run, e.path)) {
		r = hand_on_run(l);
		if (r)
			return r;
	}
	if (e.path.n < KEY_PATH_PREFIX)
		return hand_on(l, &e);
	buf_add(&l->run, &e, sizeof(e));
	return txn_fail(l->t, buf_err(&l->run));
}

static int walk_below(struct list *l, struct span prefix)
{
	WALK struct walk w = {0};
	int r = walk_start(l->t, DB_DRIFT, &w), stop;

	if (r == 0)
		r = walk_seek(&w, prefix);
	for (; r == 0 && span_starts(w.key, prefix); r = walk_next(&w)) {
		stop = one(l, w.key, w.value);
		if (stop)
			return stop;
	}
	return r < 0 ? r : hand_on_run(l);
}

static void list_fini(struct list *l)
{
	buf_free(&l->run);
}

int drift_each(struct txn *t, uint32_t no, struct span scope,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	CLEANUP(list_fini) struct list l = {.t = t, .scope = scope, .fn = fn, .ctx = ctx};
	struct key prefix = key_u32(no);
	struct change c;
	int r;

	while (l.scope.n && l.scope.p[l.scope.n - 1] == '/')
		l.scope.n--;
	if (l.scope.n == 0)
		return walk_below(&l, key_span(&prefix));
	prefix = key_below(no, l.scope);
	/* A short scope's own entry sorts apart from what is below; a long one's is in the run. */
	if (l.scope.n < KEY_PATH_PREFIX) {
		r = drift_get(t, no, l.scope, &c);
		if (r == 0)
			r = fn(ctx, &c);
		else if (r == STORE_ABSENT)
			r = 0;
		if (r)
			return r;
	}
	return walk_below(&l, key_span(&prefix));
}
