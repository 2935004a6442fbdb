/* Waiting for a mutex cannot be given up, and a thread that waits cannot be ended: so a child does it. */
#include "store/env_lock.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TABLES = 32 };

/* LMDB marks the first byte of a file that it uses. */
static bool somebody_has(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

	return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* In the child, which has nothing of LMDB's open yet. */
static void take_both(const char *dir)
{
	MDB_env *env;
	MDB_txn *t;

	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, TABLES) ||
		mdb_env_open(env, dir, MDB_NOTLS, 0600))
		_exit(0); /* whatever is wrong, the parent finds it too, and says so */
	if (mdb_txn_begin(env, NULL, 0, &t) == 0)
		mdb_txn_abort(t);
	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &t) == 0)
		mdb_txn_abort(t);
	_exit(0);
}

/* Has it ended by then? The pipe's other end goes with it. */
static bool ends_in(pid_t child, int hear, int wait_ms)
{
	struct pollfd p = {.fd = hear, .events = POLLIN};
	int n;

	do {
		n = poll(&p, 1, wait_ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return n != 0;
}

int env_lock_renew(const char *dir, int wait_ms)
{
	char path[PATH_MAX];
	FD int fd = -1, hear = -1, say = -1;
	int ends[2];
	pid_t child;

	if (snprintf(path, sizeof(path), "%s/lock.mdb", dir) >= (int)sizeof(path))
		return 0;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || !somebody_has(fd))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("pipe");
	hear = ends[0];
	say = ends[1];
	child = fork();
	if (child == 0)
		take_both(dir);
	fd_close(&say);
	if (child < 0)
		return err_sys("fork");
	if (ends_in(child, hear, wait_ms))
		return 0;
	return unlink(path) < 0 ? err_sys("%s", path) : 1;
}
