/*
 * Transactions and their steps. Errors stick so that a batch of a hundred steps needs one check at
 * its end; the sentence is kept with the error, as others may fail on this thread in between.
 *
 * A full map: store_grow() makes it larger up to the limit. At the limit only deletions help, and
 * LMDB needs free pages to delete. So a deletion that did not fit may grow the map once more by a
 * reserve, in which nothing can be added: an addition is refused while less than the limit allows
 * is free, deletions go through.
 */
#include "store/db.h"
#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>

/* What adding an entry may cost: its own bytes, and copies of the pages on the way to it. */
#define COST_OF_ENTRY 12288

const char *db_name(enum db db)
{
#define X_NAME(id, name, sentence) name,
	static const char *const names[DB_N] = {DATABASES(X_NAME)};

	return names[db];
}

/* LMDB calls a write that was cut short EIO; whether the disk is full tells which it was. */
static bool disk_is_full(const struct store *s)
{
	struct statvfs v;

	return statvfs(s->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < (1u << 20);
}

int db_error(const struct store *s, int rc, const char *what)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return err_set(-ENOSPC, "store %s: %s: its map is full", s->dir, what);
	case MDB_TXN_FULL:
		return err_set(-E2BIG, "store %s: %s: too much in one transaction", s->dir, what);
	case MDB_READERS_FULL:
		return err_set(-EAGAIN, "store %s: %s: too many readers at once", s->dir, what);
	case MDB_VERSION_MISMATCH:
		return err_set(
			-EPROTO, "store %s: %s: made by another version of LMDB", s->dir, what);
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return err_set(-EBADMSG,
			"store %s: %s: the file is damaged: %s: move it away "
			"to begin anew",
			s->dir, what, mdb_strerror(rc));
	case MDB_PANIC:
		return err_set(-ENOTRECOVERABLE, "store %s: %s: a write failed half-way: restart",
			s->dir, what);
	case ENOSPC:
	case EDQUOT:
		return err_set(-ENOSPC, "store %s: %s: the disk is full", s->dir, what);
	case EIO:
		if (disk_is_full(s))
			return err_set(-ENOSPC, "store %s: %s: the disk is full", s->dir, what);
	}
	return err_set(rc > 0 ? -rc : -EIO, "store %s: %s: %s", s->dir, what, mdb_strerror(rc));
}

int txn_fail(struct txn *t, int code)
{
	if (code < 0 && !t->err) {
		t->err = code;
		snprintf(t->why, sizeof(t->why), "%s", err_why());
	}
	return code;
}

int txn_mdb(struct txn *t, int rc, const char *what)
{
	return rc ? txn_fail(t, db_error(t->s, rc, what)) : 0;
}

/* Another process grew the map: take its size over, with no transaction of ours open. */
static int adopt_map(struct store *s)
{
	int rc;

	pthread_rwlock_wrlock(&s->gate);
	rc = mdb_env_set_mapsize(s->env, 0);
	s->dead = s->dead || rc != 0;
	pthread_rwlock_unlock(&s->gate);
	return rc;
}

/* The map is beyond its limit: how much may this transaction add? LMDB shows its free list to read
 * transactions only; a second one is fine here, as nobody else can write now. */
static int measure_room(struct txn *t)
{
	MDB_envinfo info;
	MDB_stat st;
	MDB_txn *look;
	uint64_t idle = 0;
	int rc;

	mdb_env_info(t->s->env, &info);
	if (info.me_mapsize <= t->s->limit)
		return 0;
	mdb_env_stat(t->s->env, &st);
	rc = mdb_txn_begin(t->s->env, NULL, MDB_RDONLY, &look);
	if (rc)
		return rc;
	rc = db_free_bytes(look, st.ms_psize, &idle);
	mdb_txn_abort(look);
	t->tight = true;
	t->room = (int64_t)t->s->limit - (int64_t)((info.me_last_pgno + 1) * st.ms_psize - idle);
	return rc;
}

static size_t last_commit(const struct store *s)
{
	MDB_envinfo info;
	atomic_uint order = 0;

	atomic_fetch_add(&order, 0); /* a fence that the thread sanitizer knows, too */
	mdb_env_info(s->env, &info);
	return info.me_last_txnid;
}

/*
 * LMDB (0.9.24 and later ones) notes the number T of the last commit in the reader's slot, and then
 * copies the roots from the meta page of T without looking again. There are two such pages: commit
 * T+2 writes over it. A reader that is not run for that moment may copy half of the old page and
 * half of the new one: a root beyond what it takes for the end of the file, "damaged". T+2 is not
 * begun before T+1 is announced, so a copy is whole when T was still the last afterwards: when no
 * later commit is to be seen, or when the next reader is given T too (T+1 is seen before it is
 * announced, for as long as its page is being synced).
 */
static int begin_read(struct store *s, MDB_txn **ret)
{
	MDB_txn *next;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret);

	while (rc == 0 && last_commit(s) != mdb_txn_id(*ret)) {
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &next);
		if (rc == MDB_READERS_FULL) { /* no second slot: ours again, when it must be */
			if (last_commit(s) - mdb_txn_id(*ret) < 2)
				return 0;
			mdb_txn_reset(*ret);
			rc = mdb_txn_renew(*ret);
			continue;
		}
		if (rc == 0 && mdb_txn_id(next) == mdb_txn_id(*ret)) {
			mdb_txn_abort(next);
			return 0;
		}
		mdb_txn_abort(*ret);
		*ret = rc == 0 ? next : NULL;
	}
	if (rc && *ret)
		mdb_txn_abort(*ret);
	if (rc)
		*ret = NULL;
	return rc;
}

static int begin_once(struct txn *t)
{
	struct store *s = t->s;
	int rc;

	pthread_rwlock_rdlock(&s->gate);
	rc = s->dead	? MDB_PANIC
	     : t->write ? mdb_txn_begin(s->env, NULL, 0, &t->mdb)
			: begin_read(s, &t->mdb);
	if (rc == 0 && t->write)
		rc = measure_room(t);
	if (rc == 0)
		return 0;
	if (t->mdb)
		mdb_txn_abort(t->mdb);
	t->mdb = NULL;
	pthread_rwlock_unlock(&s->gate);
	return rc;
}

int txn_begin(struct store *s, bool write, struct txn **ret)
{
	FREE struct txn *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return err_set(-ENOMEM, "out of memory");
	if (write && !s->write)
		/* cppcheck-suppress memleak ; its cleanup attribute frees it */
		return err_set(-EPERM, "store %s is open for reading only", s->dir);
	t->s = s;
	t->write = write;
	do {
		rc = begin_once(t);
		if (rc == MDB_MAP_RESIZED)
			rc = adopt_map(s) ? MDB_PANIC : MDB_MAP_RESIZED;
	} while (rc == MDB_MAP_RESIZED);
	if (rc)
		return db_error(s, rc, "begin");
	*ret = take(t);
	return 0;
}

int txn_error(const struct txn *t)
{
	return t->err;
}

/* Ends the transaction; its error and sentence stay in `t` until it is freed. */
static void end(struct txn *t)
{
	if (t->mdb)
		mdb_txn_abort(t->mdb);
	if (t->err == -ENOSPC && t->deleted && !t->added)
		__atomic_store_n(&t->s->starved, true, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&t->s->gate);
}

int txn_commit(struct txn *t)
{
	int r;

	if (!t->err && t->write)
		txn_mdb(t, mdb_txn_commit(take(t->mdb)), "commit");
	end(t);
	r = t->err ? err_set(t->err, "%s", t->why) : 0;
	free(t);
	return r;
}

void txn_abort(struct txn *t)
{
	if (!t)
		return;
	end(t);
	free(t);
}

static MDB_val val_of(struct span s)
{
	return (MDB_val){s.n, (void *)s.p};
}

int db_get(struct txn *t, enum db db, struct span key, struct span *ret)
{
	MDB_val k = val_of(key), v;
	int rc;

	if (t->err)
		return t->err;
	rc = mdb_get(t->mdb, t->s->dbi[db], &k, &v);
	if (rc == MDB_NOTFOUND)
		return STORE_ABSENT;
	if (rc)
		return txn_mdb(t, rc, db_name(db));
	*ret = span_make(v.mv_data, v.mv_size);
	return 0;
}

/* What is only upkeep of what is there anyway: it may use the reserve. */
static bool is_upkeep(enum db db)
{
	return db == DB_META || db == DB_STATE || db == DB_LANES || db == DB_SNAPSHOT;
}

static int ask_room(struct txn *t, enum db db, struct span key, struct span value)
{
	if (is_upkeep(db))
		return 0;
	t->added = true;
	if (!t->tight)
		return 0;
	t->room -= (int64_t)(COST_OF_ENTRY + key.n + value.n);
	if (t->room >= 0)
		return 0;
	return txn_fail(t, err_set(-ENOSPC, "store %s: %s: full up to its limit of %zu bytes",
				   t->s->dir, db_name(db), t->s->limit));
}

static int put(struct txn *t, enum db db, struct span key, struct span value, bool append)
{
	MDB_val k = val_of(key), v = val_of(value);
	int rc = MDB_KEYEXIST;

	if (t->err || ask_room(t, db, key, value))
		return t->err;
	if (append)
		rc = mdb_put(t->mdb, t->s->dbi[db], &k, &v, MDB_APPEND);
	if (rc == MDB_KEYEXIST)
		rc = mdb_put(t->mdb, t->s->dbi[db], &k, &v, 0);
	return txn_mdb(t, rc, db_name(db));
}

int db_put(struct txn *t, enum db db, struct span key, struct span value)
{
	return put(t, db, key, value, false);
}

int db_append(struct txn *t, enum db db, struct span key, struct span value)
{
	return put(t, db, key, value, true);
}

int db_put_buf(struct txn *t, enum db db, struct span key, const struct buf *value)
{
	int r = t->err ? t->err : buf_err(value);

	return r ? txn_fail(t, r) : db_put(t, db, key, buf_span(value));
}

int db_append_buf(struct txn *t, enum db db, struct span key, const struct buf *value)
{
	int r = t->err ? t->err : buf_err(value);

	return r ? txn_fail(t, r) : db_append(t, db, key, buf_span(value));
}

int db_delete(struct txn *t, enum db db, struct span key)
{
	MDB_val k = val_of(key);
	int rc;

	if (t->err)
		return t->err;
	t->deleted = true;
	rc = mdb_del(t->mdb, t->s->dbi[db], &k, NULL);
	return rc == MDB_NOTFOUND ? STORE_ABSENT : txn_mdb(t, rc, db_name(db));
}

int db_delete_below(struct txn *t, enum db db, struct span prefix, unsigned *budget)
{
	WALK struct walk w = {0};
	int r = walk_start(t, db, &w);

	if (r == 0)
		r = walk_seek(&w, prefix);
	for (; r == 0 && *budget > 0 && span_starts(w.key, prefix); (*budget)--) {
		r = walk_delete(&w);
		if (r == 0)
			r = walk_next(&w);
	}
	return r < 0 ? r : 0;
}

int walk_start(struct txn *t, enum db db, struct walk *ret)
{
	*ret = (struct walk){.t = t};
	if (t->err)
		return t->err;
	return txn_mdb(t, mdb_cursor_open(t->mdb, t->s->dbi[db], &ret->c), "cursor");
}

static int step(struct walk *w, MDB_cursor_op op, struct span key)
{
	MDB_val k = val_of(key), v = {0};
	int rc;

	if (w->t->err)
		return w->t->err;
	rc = mdb_cursor_get(w->c, &k, &v, op);
	if (rc == MDB_NOTFOUND)
		return STORE_ABSENT;
	if (rc)
		return txn_mdb(w->t, rc, "walk");
	w->key = span_make(k.mv_data, k.mv_size);
	w->value = span_make(v.mv_data, v.mv_size);
	return 0;
}

/* A damaged page may lead back: whoever walks on would walk for ever. */
static int out_of_order(struct walk *w)
{
	return txn_fail(w->t, err_set(-EBADMSG, "the store is damaged: keys are out of order"));
}

int walk_seek(struct walk *w, struct span key)
{
	int r = step(w, key.n ? MDB_SET_RANGE : MDB_FIRST, key); /* LMDB has no empty key */

	return r == 0 && span_cmp(w->key, key) < 0 ? out_of_order(w) : r;
}

int walk_next(struct walk *w)
{
	struct span was = w->key;
	int r = step(w, MDB_NEXT, (struct span){0});

	/* Whoever writes may have moved what the last key was read from. */
	return r == 0 && !w->t->write && span_cmp(w->key, was) <= 0 ? out_of_order(w) : r;
}

int walk_last(struct walk *w)
{
	return step(w, MDB_LAST, (struct span){0});
}

int walk_delete(struct walk *w)
{
	if (w->t->err)
		return w->t->err;
	w->t->deleted = true;
	return txn_mdb(w->t, mdb_cursor_del(w->c, 0), "delete");
}

void walk_end(struct walk *w)
{
	if (w->c)
		mdb_cursor_close(w->c);
	w->c = NULL;
}
