/* kill -9 at any moment: what was committed is there, the chain has no hole, nothing is torn. */
#include "place.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include "store/journal.h"
#include "store/targets.h"

#define ROUNDS 50

/* The id of an entry hangs on the one before, as the events' chain does. */
static void chain(const uint8_t prev[SHA_LEN], uint64_t seq, uint8_t id[SHA_LEN])
{
	uint8_t both[SHA_LEN + sizeof(seq)];

	memcpy(both, prev, SHA_LEN);
	memcpy(both + SHA_LEN, &seq, sizeof(seq));
	sha_once(span_make(both, sizeof(both)), id);
}

/* A few entries, a change and a removal in one transaction. */
static int write_batch(struct store *s, unsigned rnd, uint64_t *ret_last)
{
	static const char text[1500];
	struct journal_head h;
	struct txn *t;
	bool more;
	int r = txn_begin(s, true, &t);

	if (r)
		return r;
	r = journal_head(t, &h);
	for (unsigned i = 0; r == 0 && i <= rnd % 5; i++) {
		struct journal_entry e = {.seq = h.last + 1, .target = 1 + rnd % 3};

		e.json = span_make(text, (rnd * (i + 1)) % sizeof(text));
		chain(h.last_id, e.seq, e.id);
		r = journal_append(t, &e);
		h.last = e.seq;
		memcpy(h.last_id, e.id, SHA_LEN);
	}
	if (r == 0 && rnd % 11 == 0)
		journal_trim(t, h.last > 40 ? h.last - 40 : 0, 100, &more);
	r = txn_commit(t);
	*ret_last = h.last;
	return r;
}

static void child(const char *dir, int out, unsigned rnd)
{
	struct store_options opt = {.map_size = 64 << 10, .dir_gid = -1};
	struct store *s;
	uint64_t last;

	if (store_open(&s, dir, STORE_WRITE, &opt))
		_exit(1);
	for (;;) {
		int r = write_batch(s, rnd = rnd * 1103515245u + 12345u, &last);

		if (r == -ENOSPC)
			r = store_grow(s, -1);
		else if (r == 0 && write(out, &last, sizeof(last)) != sizeof(last))
			_exit(2);
		if (r)
			_exit(3);
	}
}

/* The last number that the child told of, after it is gone. */
static uint64_t last_told(int fd)
{
	uint64_t last = 0, n;

	while (read(fd, &n, sizeof(n)) == sizeof(n))
		last = n;
	return last;
}

static uint64_t check(struct place *p)
{
	struct store_options opt = place_options();
	struct journal_head h;
	struct journal_entry e;
	struct store_stats st;
	uint8_t prev[SHA_LEN], id[SHA_LEN];
	uint64_t of_targets = 0, from;
	struct txn *t;

	ok(store_open(&p->s, p->dir, STORE_WRITE, &opt));
	ok(store_stats(p->s, &st));
	t = reading(p);
	ok(journal_head(t, &h));
	memcpy(prev, h.trimmed_id, SHA_LEN);
	for (uint64_t seq = h.first; seq && seq <= h.last; seq++) {
		ok(journal_get(t, seq, &e));
		chain(prev, seq, id);
		assert_memory_equal(e.id, id, SHA_LEN);
		memcpy(prev, id, SHA_LEN);
	}
	for (uint32_t target = 1; target <= 3; target++)
		for (from = 0; journal_next_of(t, target, from, &e) == 0; from = e.seq + 1)
			of_targets++;
	ok(txn_error(t));
	assert_int_equal(of_targets, st.journal);
	txn_abort(t);
	store_close(take(p->s));
	return h.last;
}

static void test_kill(void **state)
{
	struct place p;
	uint64_t told = 0, last = 0;
	unsigned rnd = (unsigned)getpid();

	(void)state;
	place_make(&p);
	for (int round = 0; round < ROUNDS; round++) {
		int fds[2], status;
		uint64_t n;
		pid_t pid;

		rnd = rnd * 1103515245u + 12345u;
		assert_int_equal(pipe(fds), 0);
		assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) > 0);
		pid = fork();
		if (pid == 0)
			child(p.dir, fds[1], rnd);
		close(fds[1]);
		usleep((rnd >> 8) % 60000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		n = last_told(fds[0]);
		close(fds[0]);
		told = n > told ? n : told;
		last = check(&p);
		assert_true(last >= told);
		assert_true(last - told <= 5); /* at most the batch that was not told of any more */
		told = last;
	}
	print_message("%llu entries over %d kills\n", (unsigned long long)last, ROUNDS);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};

	return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
