/* What status and metrics print about the store. */
#include "store/db.h"
#include "store/journal.h"
#include "store/env_migrate.h"
#include <limits.h>
#include <stdio.h>

/* The free list is a database of its own, number 0: per old transaction a list of page numbers that
 * begins with its length. */
int db_free_bytes(MDB_txn *mdb, size_t page, uint64_t *ret)
{
	MDB_cursor *c;
	MDB_val k, v;
	uint64_t pages = 0;
	int rc = mdb_cursor_open(mdb, 0, &c);

	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		size_t n = 0;

		if (v.mv_size >= sizeof(n))
			memcpy(&n, v.mv_data, sizeof(n));
		pages += n;
	}
	mdb_cursor_close(c);
	*ret = pages * page;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static uint64_t count(struct txn *t, enum db db)
{
	MDB_stat st = {0};

	if (!t->err)
		txn_mdb(t, mdb_stat(t->mdb, t->s->dbi[db], &st), db_name(db));
	return st.ms_entries;
}

/* LMDB tells of its readers in text: "pid thread txnid" a line, "-" for one that reads nothing. */
static int oldest(const char *line, void *ctx)
{
	unsigned long long *oldest = ctx, txn;

	if (sscanf(line, "%*d %*s %llu", &txn) == 1 && txn < *oldest)
		*oldest = txn;
	return 0;
}

static void measure_file(struct txn *t, struct store_stats *ret)
{
	MDB_envinfo info;
	MDB_stat st;
	uint64_t idle = 0;
	unsigned long long reader = ULLONG_MAX;

	mdb_env_info(t->s->env, &info);
	mdb_env_stat(t->s->env, &st);
	txn_mdb(t, db_free_bytes(t->mdb, st.ms_psize, &idle), "free list");
	ret->map_size = info.me_mapsize;
	ret->map_limit = t->s->limit;
	ret->used = (info.me_last_pgno + 1) * st.ms_psize - idle;
	ret->idle = idle;
	ret->readers = info.me_numreaders;
	mdb_reader_list(t->s->env, oldest, &reader);
	ret->reader_lag = reader < info.me_last_txnid ? info.me_last_txnid - reader : 0;
}

int store_stats(struct store *s, struct store_stats *ret)
{
	struct journal_head head = {0};
	struct txn *t;
	int r;

	*ret = (struct store_stats){0};
	r = txn_begin(s, false, &t);
	if (r)
		return r;
	measure_file(t, ret);
	ret->records = count(t, DB_RECORD);
	ret->layers = count(t, DB_SNAPSHOT);
	ret->targets = count(t, DB_TARGET);
	ret->drift = count(t, DB_DRIFT);
	ret->journal = count(t, DB_JOURNAL);
	ret->seen = count(t, DB_SEEN);
	journal_head(t, &head);
	ret->first_seq = head.first;
	ret->last_seq = head.last;
	migrate_format(t, &ret->format);
	return txn_commit(t);
}
