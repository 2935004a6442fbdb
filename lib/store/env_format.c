/* Which format a store has, asked by whoever may not be able to read more of it than that. */
#include "store/env.h"
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>
#include "base/err.h"

static void close_env(MDB_env **env)
{
	if (*env)
		mdb_env_close(*env);
}

static void end_txn(MDB_txn **t)
{
	if (*t)
		mdb_txn_abort(*t);
}

static int bad(const char *dir, int rc)
{
	if (rc == ENOENT)
		return err_set(-ENOENT, "store %s: nothing is there yet", dir);
	if (rc == MDB_NOTFOUND)
		return err_set(-EPROTO, "%s holds another program's database", dir);
	return err_set(rc > 0 ? -rc : -EIO, "store %s: %s", dir, mdb_strerror(rc));
}

static int read_format(const char *dir, MDB_env *env, uint32_t *ret)
{
	CLEANUP(end_txn) MDB_txn *t = NULL;
	MDB_val key = {6, (void *)"format"}, v;
	const uint8_t *p;
	MDB_dbi meta;
	int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &t);

	if (rc == 0)
		rc = mdb_dbi_open(t, "meta", 0, &meta);
	if (rc == 0)
		rc = mdb_get(t, meta, &key, &v);
	if (rc == 0 && v.mv_size != 4)
		rc = MDB_NOTFOUND;
	if (rc)
		return bad(dir, rc);
	p = v.mv_data;
	*ret = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return 0;
}

int store_format(const char *dir, uint32_t *ret)
{
	CLEANUP(close_env) MDB_env *env = NULL;
	unsigned flags = MDB_RDONLY | MDB_NOTLS;
	char lock[PATH_MAX];
	int rc;

	if (snprintf(lock, sizeof(lock), "%s/lock.mdb", dir) >= (int)sizeof(lock))
		return err_set(-ENAMETOOLONG, "state directory: the path is too long");
	/* Made by us it would be root's, and the sensor could not open it. Without one nobody writes. */
	if (access(lock, F_OK) < 0)
		flags |= MDB_NOLOCK;
	rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, 1);
	if (rc == 0)
		rc = mdb_env_open(env, dir, flags, 0600);
	return rc ? bad(dir, rc) : read_format(dir, env, ret);
}
