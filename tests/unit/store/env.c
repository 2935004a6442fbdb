/* Opening: who may write, who may read, which format; what a transaction does with errors. */
#include "place.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "store/journal.h"

static unsigned mode_of(const struct place *p, const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_makes_directory(void **state)
{
	struct place p, inner;

	(void)state;
	place_make(&p);
	inner = p;
	strcat(inner.dir, "/state");
	place_open(&inner);
	assert_int_equal(mode_of(&inner, "."), 0700);
	assert_int_equal(mode_of(&inner, "data.mdb"), 0600);
	place_remove(&inner);
	place_remove(&p);
}

static void test_nothing_to_read(void **state)
{
	struct store_options opt = place_options();
	struct place p;

	(void)state;
	place_make(&p);
	fails(store_open(&p.s, p.dir, STORE_READ, &opt), -ENOENT);
	says("nothing is there yet");
	place_remove(&p);
	fails(store_open(&p.s, p.dir, STORE_READ, &opt), -ENOENT);
}

static void test_second_writer(void **state)
{
	struct store_options opt = place_options();
	struct place *p = *state;
	struct store *other = NULL;

	fails(store_open(&other, p->dir, STORE_WRITE, &opt), -EBUSY);
	says("written by another process");
	assert_null(other);
	place_reopen(p);
}

static void test_foreign_owner(void **state)
{
	struct place p;

	(void)state;
	if (geteuid() != 0)
		skip();
	place_make(&p);
	assert_int_equal(chown(p.dir, 12345, (gid_t)-1), 0);
	fails(store_open(&p.s, p.dir, STORE_WRITE, NULL), -EPERM);
	says("belongs to uid 12345, not to 0: chown it or choose another --state-dir");
	assert_int_equal(chown(p.dir, 0, (gid_t)-1), 0);
	assert_int_equal(chmod(p.dir, 0777), 0);
	fails(store_open(&p.s, p.dir, STORE_WRITE, NULL), -EPERM);
	says("anyone");
	place_remove(&p);
}

static void test_no_directory(void **state)
{
	struct store *s = NULL;

	(void)state;
	fails(store_open(&s, "/nonexistent/deep/state", STORE_WRITE, NULL), -ENOENT);
	says("/nonexistent/deep/state");
	fails(store_open(&s, "/dev/null", STORE_WRITE, NULL), -ENOTDIR);
	assert_null(s);
}

/* Runs in a child of another user: 0 when everything was as it should be, else a step's number. */
static int other_user(const char *dir, gid_t gid)
{
	struct store_options opt = place_options();
	struct store *s = NULL;
	struct txn *t;
	struct span v;

	if (setgroups(0, NULL) || setgid(gid) || setuid(23456))
		return 1;
	opt.dir_gid = -1;
	if (store_open(&s, dir, STORE_WRITE, &opt) != -EPERM)
		return 2;
	if (store_open(&s, dir, STORE_READ, &opt))
		return 3;
	if (txn_begin(s, true, &t) != -EPERM)
		return 4;
	if (txn_begin(s, false, &t) || meta_get(t, "host_id", &v) || !span_is(v, "h1"))
		return 5;
	txn_abort(t);
	store_close(s);
	return 0;
}

static int run_as_other(const char *dir, gid_t gid)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(other_user(dir, gid));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_group_reads(void **state)
{
	struct store_options opt = place_options();
	struct place p;
	struct txn *t;

	(void)state;
	if (geteuid() != 0)
		skip();
	place_make(&p);
	opt.dir_gid = 34567;
	ok(store_open(&p.s, p.dir, STORE_WRITE, &opt));
	t = writing(&p);
	ok(meta_put(t, "host_id", S("h1")));
	ok(txn_commit(t));
	assert_int_equal(mode_of(&p, "."), 0750);
	assert_int_equal(mode_of(&p, "data.mdb"), 0640);
	assert_int_equal(mode_of(&p, "lock.mdb"), 0660);
	assert_int_equal(mode_of(&p, "writer.lock"), 0600);
	assert_int_equal(run_as_other(p.dir, 34567), 0);
	assert_int_equal(run_as_other(p.dir, 34568), 3); /* not in the group: cannot even open */
	/* The same with nobody writing, as after the sensor's end. */
	store_close(take(p.s));
	assert_int_equal(run_as_other(p.dir, 34567), 0);
	place_remove(&p);
}

static void test_sticky_error(void **state)
{
	struct place *p = *state;
	struct journal_entry e = {.seq = 7, .json = S("{}")};
	struct txn *t = writing(p);
	struct span v;

	ok(meta_put(t, "a", S("1")));
	fails(journal_append(t, &e), -EINVAL);
	fails(txn_error(t), -EINVAL);
	fails(meta_put(t, "b", S("2")), -EINVAL);
	err_set(-EIO, "something else failed meanwhile");
	fails(txn_commit(t), -EINVAL);
	says("cannot follow");
	t = reading(p);
	fails(meta_get(t, "a", &v), STORE_ABSENT);
	ok(txn_commit(t));
}

static void test_abort_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	struct span v;

	ok(meta_put(t, "a", S("1")));
	txn_abort(t);
	txn_abort(NULL);
	t = reading(p);
	fails(meta_get(t, "a", &v), STORE_ABSENT);
	txn_abort(t);
}

static void test_reader_keeps_its_view(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p), *r;
	struct span v;

	ok(meta_put(t, "a", S("1")));
	ok(txn_commit(t));
	r = reading(p);
	t = writing(p);
	ok(meta_put(t, "a", S("2")));
	ok(txn_commit(t));
	ok(meta_get(r, "a", &v));
	is_text(v, "1");
	txn_abort(r);
	r = reading(p);
	ok(meta_get(r, "a", &v));
	is_text(v, "2");
	txn_abort(r);
}

static void test_meta_names(void **state)
{
	static const char *const bad[] = {"", "format", ".next_target"};
	struct place *p = *state;

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct txn *t = writing(p);

		fails(meta_put(t, bad[i], S("x")), -EINVAL);
		txn_abort(t);
	}
}

static void test_stats(void **state)
{
	struct place *p = *state;
	struct journal_entry e = {.seq = 1, .target = 3, .json = S("{}")};
	struct store_stats st;
	struct txn *t = writing(p);

	ok(journal_append(t, &e));
	ok(txn_commit(t));
	ok(store_stats(p->s, &st));
	assert_int_equal(st.format, STORE_FORMAT);
	assert_int_equal(st.journal, 1);
	assert_int_equal(st.first_seq, 1);
	assert_int_equal(st.last_seq, 1);
	assert_int_equal(st.records, 0);
	assert_true(st.used > 0 && st.used < st.map_size);
	assert_int_equal(st.map_limit, (size_t)1 << 40);
}

/* A reader that was killed with a transaction open would keep its pages for ever. */
static void test_sweeps_dead_readers(void **state)
{
	struct place *p = *state;
	int pipe_fd[2], status;
	struct store_stats st;
	char c;
	pid_t pid;

	store_close(take(p->s));
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	if (pid == 0) {
		struct store_options opt = place_options();
		struct store *s;
		struct txn *t;

		if (store_open(&s, p->dir, STORE_READ, &opt) == 0 && txn_begin(s, false, &t) == 0 &&
			write(pipe_fd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipe_fd[0], &c, 1), 1);
	place_open(p);
	assert_int_equal(store_sweep_readers(p->s), 0);
	for (int i = 0; i < 3; i++) {
		struct txn *t = writing(p);

		ok(meta_put(t, "x", S("y")));
		ok(txn_commit(t));
	}
	ok(store_stats(p->s, &st));
	assert_true(st.reader_lag >= 3); /* what it holds on to is seen */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(store_sweep_readers(p->s), 1);
	ok(store_stats(p->s, &st));
	assert_int_equal(st.reader_lag, 0);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
/* What a reader may do with the only file that it may write. LMDB 0.9: the writer's mutex begins the
 * second cache line. */
static void hold_the_lock(const char *dir, int say)
{
	struct store_options opt = place_options();
	struct store *s = NULL;
	char path[300];
	char *at;
	int fd;

	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || store_open(&s, dir, STORE_READ, &opt) ||
		pthread_mutex_lock((pthread_mutex_t *)(void *)(at + 64)) || write(say, "1", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void read_only(const char *dir, int say)
{
	struct store_options opt = place_options();
	struct store *s = NULL;

	if (store_open(&s, dir, STORE_READ, &opt) || write(say, "1", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Opened beside such a reader: does the lock file become another one, and is that said? */
static void opened_beside(struct place *p, void (*reader)(const char *dir, int say), bool wanted)
{
	struct store_options opt = place_options();
	bool renewed = !wanted;
	char byte;
	int ends[2];
	pid_t child;

	store_close(take(p->s));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0)
		reader(p->dir, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	opt.renewed = &renewed;
	ok(store_open(&p->s, p->dir, STORE_WRITE, &opt));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	assert_int_equal(renewed, wanted);
}

static void test_lock_held_for_ever(void **state)
{
	opened_beside(*state, hold_the_lock, true);
}

/* A reader that keeps to the rules is none of this. */
static void test_lock_is_kept(void **state)
{
	opened_beside(*state, read_only, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_directory),
		cmocka_unit_test(test_nothing_to_read),
		WITH_STORE(test_second_writer),
		cmocka_unit_test(test_foreign_owner),
		cmocka_unit_test(test_no_directory),
		cmocka_unit_test(test_group_reads),
		WITH_STORE(test_sticky_error),
		WITH_STORE(test_abort_leaves_nothing),
		WITH_STORE(test_reader_keeps_its_view),
		WITH_STORE(test_meta_names),
		WITH_STORE(test_stats),
		WITH_STORE(test_sweeps_dead_readers),
		WITH_STORE(test_lock_held_for_ever),
		WITH_STORE(test_lock_is_kept),
	};

	return cmocka_run_group_tests_name("store/env", tests, NULL, NULL);
}
