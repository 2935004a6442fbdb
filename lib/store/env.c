/*
 * Opening the wall: who may write, who may read, which format. The directory's modes are set here
 * and nowhere else, because they are what keeps the gateway from writing history.
 */
#include "store/db.h"
#include "store/env_lock.h"
#include "store/env_migrate.h"
#include "base/fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_READERS 256
#define RESERVE_MIN (512u << 10)
#define LOCK_WAIT_MS 3000

static const struct store_options defaults = {.dir_gid = -1};

static void store_close_p(struct store **s)
{
	store_close(*s);
}

/* Gives a path to the group that may read. */
static int share(const char *path, int gid, mode_t mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys("stat %s", path);
	if (st.st_gid != (gid_t)gid && chown(path, (uid_t)-1, (gid_t)gid) < 0)
		return err_sys("give %s to group %d", path, gid);
	if ((st.st_mode & 07777) != mode && chmod(path, mode) < 0)
		return err_sys("chmod %s", path);
	return 0;
}

static int check_directory(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_sys("state directory %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(-ENOTDIR, "state directory %s: not a directory", dir);
	if (st.st_uid != geteuid())
		return err_set(-EPERM,
			"state directory %s belongs to uid %u, not to %u: chown it or choose "
			"another --state-dir",
			dir, st.st_uid, geteuid());
	if (st.st_mode & (S_IWOTH | S_IWGRP))
		return err_set(-EPERM,
			"state directory %s can be written by %s: chmod go-w it, or choose another "
			"--state-dir",
			dir, st.st_mode & S_IWOTH ? "anyone" : "its group");
	return 0;
}

/* A directory of other things must not become ours: its mode and group would be changed. */
static int check_is_ours(const char *dir)
{
	static const char *const ours[] = {
		".", "..", "data.mdb", "lock.mdb", "writer.lock", "probe", "sinks", "lost+found"};
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool store = false, other = false;

	if (!d)
		return err_sys("state directory %s", dir);
	while ((e = readdir(d))) {
		size_t i = 0;

		while (i < COUNTOF(ours) && strcmp(ours[i], e->d_name) != 0)
			i++;
		other |= i == COUNTOF(ours);
		store |= strcmp(e->d_name, "data.mdb") == 0;
	}
	closedir(d);
	if (!other || store)
		return 0;
	return err_set(-ENOTEMPTY,
		"state directory %s has other files in it and no store: choose an empty --state-dir",
		dir);
}

static int prepare_directory(const char *dir, int gid)
{
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys("make state directory %s", dir);
	r = check_directory(dir);
	if (r == 0)
		r = check_is_ours(dir);
	if (r == 0 && gid >= 0)
		r = share(dir, gid, 0750);
	return r;
}

static int file_of(const char *dir, const char *name, char ret[PATH_MAX])
{
	if (snprintf(ret, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_set(-ENAMETOOLONG, "state directory: the path is too long");
	return 0;
}

/* Who holds the lock, for the sentence; 0 when it does not say. */
static long writer_pid(int fd)
{
	char text[24] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

/* The lock lives as long as the open file, so it goes with the process however that ends. */
static int lock_writer(struct store *s)
{
	char path[PATH_MAX], pid[24];
	int n, r = file_of(s->dir, "writer.lock", path);

	if (r)
		return r;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return err_sys("%s", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(-EBUSY,
				"store %s is written by another process (pid %ld): stop that one "
				"first",
				s->dir, writer_pid(s->lock_fd));
		return err_sys("lock %s", path);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	/* For people only: on a full disk the lock holds without it. */
	if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
		errno = 0;
	return 0;
}

static int share_files(const struct store *s, int gid)
{
	char path[PATH_MAX];
	int r = file_of(s->dir, "data.mdb", path);

	if (r == 0)
		r = share(path, gid, 0640);
	if (r == 0)
		r = file_of(s->dir, "lock.mdb", path);
	if (r == 0)
		r = share(path, gid, 0660);
	return r;
}

static int init_gate(struct store *s)
{
	pthread_rwlockattr_t attr;
	int rc = pthread_rwlockattr_init(&attr);

	if (rc)
		return err_set(-rc, "rwlock");
	/* A stream of readers must not keep the writer from growing the map. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	rc = pthread_rwlock_init(&s->gate, &attr);
	pthread_rwlockattr_destroy(&attr);
	s->has_gate = rc == 0;
	return rc ? err_set(-rc, "rwlock") : 0;
}

static size_t whole_pages(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

static int alloc_store(
	struct store **ret, const char *dir, enum store_mode mode, const struct store_options *opt)
{
	CLEANUP(store_close_p) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(-ENOMEM, "out of memory");
	s->lock_fd = -1;
	s->write = mode == STORE_WRITE;
	s->limit = whole_pages(opt->map_limit ? opt->map_limit : (size_t)1 << 40);
	s->reserve = whole_pages(s->limit / 64 > RESERVE_MIN ? s->limit / 64 : RESERVE_MIN);
	s->dir = strdup(dir);
	if (!s->dir)
		/* cppcheck-suppress memleak ; its cleanup attribute frees it */
		return err_set(-ENOMEM, "out of memory");
	r = init_gate(s);
	if (r == 0)
		*ret = take(s);
	return r;
}

/* An older store may be larger than what is asked for: its own size counts then. */
static int size_map(struct store *s, size_t size)
{
	MDB_envinfo info;
	int rc = mdb_env_info(s->env, &info);

	if (rc == 0 && info.me_mapsize < size)
		rc = mdb_env_set_mapsize(s->env, size);
	return rc ? db_error(s, rc, "set the map's size") : 0;
}

static int open_env(struct store *s, const struct store_options *opt)
{
	size_t size = whole_pages(opt->map_size ? opt->map_size : (size_t)256 << 20);
	unsigned flags = MDB_NOTLS | (s->write ? 0u : MDB_RDONLY) |
			 (opt->no_sync ? MDB_NOSYNC : 0u) | (opt->copied ? MDB_NOLOCK : 0u);
	int rc = mdb_env_create(&s->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, DB_N);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(s->env, MAX_READERS);
	if (rc == 0 && s->write) /* for a new file; an old one's own size is more, or set below */
		rc = mdb_env_set_mapsize(s->env, size < (64u << 10) ? 64u << 10 : size);
	if (rc == 0)
		rc = mdb_env_open(s->env, s->dir, flags, 0600);
	if (rc == ENOENT)
		return err_set(-ENOENT, "store %s: nothing is there yet", s->dir);
	if (rc)
		return db_error(s, rc, "open");
	if (mdb_env_get_maxkeysize(s->env) < KEY_MAX)
		return err_set(-EPROTO, "this LMDB takes keys of %d bytes only, %d are needed",
			mdb_env_get_maxkeysize(s->env), KEY_MAX);
	return s->write ? size_map(s, size) : 0;
}

static int open_db(struct txn *t, enum db db, unsigned flags)
{
	return mdb_dbi_open(t->mdb, db_name(db), flags, &t->s->dbi[db]);
}

/* Is this an LMDB file of something else? Only then is there something but no "meta". */
static int make_meta(struct txn *t)
{
	MDB_dbi top;
	MDB_stat st;
	int rc = mdb_dbi_open(t->mdb, NULL, 0, &top);

	if (rc == 0)
		rc = mdb_stat(t->mdb, top, &st);
	if (rc)
		return txn_mdb(t, rc, "open");
	if (st.ms_entries)
		return txn_fail(
			t, err_set(-EPROTO, "%s holds another program's database", t->s->dir));
	return txn_mdb(t, open_db(t, DB_META, MDB_CREATE), "meta");
}

/* Those that are there: a migration walks them. */
static int open_old_dbs(struct txn *t)
{
	int r = 0;

	for (int db = DB_META + 1; r == 0 && db < DB_N; db++) {
		int rc = open_db(t, db, 0);

		r = rc == MDB_NOTFOUND ? 0 : txn_mdb(t, rc, db_name(db));
	}
	return r;
}

/* The format is looked at before anything is made, so that a refused store is left as it was. */
static int open_dbs_write(struct txn *t)
{
	int rc = open_db(t, DB_META, 0), r;

	r = rc == MDB_NOTFOUND ? make_meta(t) : txn_mdb(t, rc, "meta");
	if (r == 0)
		r = open_old_dbs(t);
	if (r == 0)
		r = migrate(t);
	for (int db = DB_META + 1; r == 0 && db < DB_N; db++)
		r = txn_mdb(t, open_db(t, db, MDB_CREATE), db_name(db));
	return r;
}

static int open_dbs_read(struct txn *t)
{
	uint32_t format = 0;
	int r = 0;

	for (int db = 0; r == 0 && db < DB_N; db++) {
		int rc = open_db(t, db, 0);

		if (rc == MDB_NOTFOUND)
			return txn_fail(
				t, err_set(-ENOENT, "store %s: nothing is there yet", t->s->dir));
		r = txn_mdb(t, rc, db_name(db));
		if (r == 0 && db == DB_META)
			r = migrate_format(t, &format);
		if (r == STORE_ABSENT)
			return txn_fail(
				t, err_set(-ENOENT, "store %s: nothing is there yet", t->s->dir));
		if (r == 0 && format != STORE_FORMAT)
			return txn_fail(t, err_set(-EPROTO,
						   "store %s has format %u, this program reads %u: "
						   "run the same release on both sides",
						   t->s->dir, format, STORE_FORMAT));
	}
	return r;
}

/* Handles live on only when their transaction is committed, which for a reader LMDB does too. */
static int commit_handles(struct txn *t)
{
	if (!t->write && !t->err)
		txn_mdb(t, mdb_txn_commit(take(t->mdb)), "open");
	return txn_commit(t);
}

static int open_dbs(struct store *s)
{
	int r;

	do {
		struct txn *t;

		r = txn_begin(s, s->write, &t);
		if (r)
			return r;
		if (s->write)
			open_dbs_write(t);
		else
			open_dbs_read(t);
		r = commit_handles(t);
	} while (r == -ENOSPC && store_grow(s, -1) == 0);
	return r;
}

/* LMDB would wait at a FIFO for ever. And pages that somebody writes to must not be read without a lock. */
static int is_copy(const char *dir)
{
	BUF struct buf path = {0}, data = {0};
	struct stat st = {.st_mode = 0};
	FD int fd = -1;

	buf_printf(&data, "%s/data.mdb", dir);
	if (stat(buf_text(&data), &st) < 0 || !S_ISREG(st.st_mode) || !st.st_size)
		return err_set(-EINVAL,
			"%s: no store: name the directory in which a copy lies as data.mdb", dir);

	buf_printf(&path, "%s/writer.lock", dir);
	fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0)
		return err_set(-EBUSY,
			"store %s: a daemon writes to it: make a copy with mdb_copy, or ask the daemon",
			dir);
	return 0;
}

int store_open(
	struct store **ret, const char *dir, enum store_mode mode, const struct store_options *opt)
{
	CLEANUP(store_close_p) struct store *s = NULL;
	int r = 0;

	if (!opt)
		opt = &defaults;
	if (mode == STORE_WRITE)
		r = prepare_directory(dir, opt->dir_gid);
	if (r == 0)
		r = alloc_store(&s, dir, mode, opt);
	if (r == 0 && mode == STORE_WRITE)
		r = lock_writer(s);
	if (r == 0 && opt->copied)
		r = is_copy(dir);
	if (r == 0 && mode == STORE_WRITE) {
		r = env_lock_renew(dir, LOCK_WAIT_MS);
		if (opt->renewed)
			*opt->renewed = r > 0;
		r = r > 0 ? 0 : r;
	}
	if (r == 0)
		r = open_env(s, opt);
	if (r == 0 && mode == STORE_WRITE && opt->dir_gid >= 0)
		r = share_files(s, opt->dir_gid);
	if (r == 0 && mode == STORE_WRITE)
		store_sweep_readers(s);
	if (r == 0)
		r = open_dbs(s);
	if (r == 0)
		*ret = take(s);
	return r;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	/* A lost map cannot be closed by LMDB, which looks into it: it goes with the process. */
	if (s->env && !s->dead)
		mdb_env_close(s->env);
	if (s->has_gate)
		pthread_rwlock_destroy(&s->gate);
	fd_close(&s->lock_fd);
	free(s->dir);
	free(s);
}

int store_sweep_readers(struct store *s)
{
	int dead = 0;

	mdb_reader_check(s->env, &dead);
	return dead;
}

/* How large may the map become next? 0: no larger. */
static size_t next_size(struct store *s, size_t now)
{
	if (now < s->limit)
		return now < s->limit / 2 ? now * 2 : s->limit;
	if (now < s->limit + s->reserve && __atomic_load_n(&s->starved, __ATOMIC_RELAXED))
		return s->limit + s->reserve;
	return 0;
}

/* LMDB unmaps before it maps: a size that does not fit would leave nothing. So it is tried first,
 * and the gate is ours alone meanwhile. */
static int set_map(struct store *s, size_t size)
{
	void *probe =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int rc;

	if (probe == MAP_FAILED)
		return err_sys("store %s: no room for a map of %zu bytes", s->dir, size);
	munmap(probe, size);
	rc = mdb_env_set_mapsize(s->env, size);
	if (rc)
		s->dead = true;
	return rc ? db_error(s, rc, "grow the map") : 0;
}

static bool shut_gate(struct store *s, int wait_ms)
{
	struct timespec until;
	int64_t ns;

	if (wait_ms < 0)
		return pthread_rwlock_wrlock(&s->gate) == 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = until.tv_nsec + (int64_t)(wait_ms % 1000) * 1000000;
	until.tv_sec += wait_ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	return pthread_rwlock_clockwrlock(&s->gate, CLOCK_MONOTONIC, &until) == 0;
}

int store_grow(struct store *s, int wait_ms)
{
	MDB_envinfo info;
	size_t size;
	int r;

	if (!s->write)
		return err_set(-EPERM, "store %s is open for reading only", s->dir);
	if (s->dead)
		return db_error(s, MDB_PANIC, "grow");
	mdb_env_info(s->env, &info); /* nobody but the one writer changes it */
	size = next_size(s, info.me_mapsize);
	if (!size)
		return err_set(-ENOSPC,
			"store %s is full: it may have %zu MiB: raise the limit or keep less",
			s->dir, s->limit >> 20);
	if (!shut_gate(s, wait_ms))
		return STORE_BUSY;
	r = set_map(s, size);
	pthread_rwlock_unlock(&s->gate);
	return r;
}

/* A line of /proc/PID/maps: "from-to perms offset major:minor inode path". */
static void rest_line(const char *line, const struct stat *st)
{
	unsigned long from, to, inode;
	unsigned ma, mi;

	if (sscanf(line, "%lx-%lx %*s %*s %x:%x %lu", &from, &to, &ma, &mi, &inode) == 5 &&
		inode == st->st_ino && ma == major(st->st_dev) && mi == minor(st->st_dev))
		madvise((void *)from, to - from,
			MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
}

void store_rest(struct store *s)
{
	BUF struct buf maps = {0};
	char *line, *save = NULL;
	struct stat st;
	int fd;

	if (mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &st) < 0 ||
		fd_read_file(AT_FDCWD, "/proc/self/maps", 16u << 20, &maps) < 0 || !maps.n)
		return;
	for (line = strtok_r((char *)maps.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		rest_line(line, &st);
}
