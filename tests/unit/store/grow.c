/* A map that is too small: it grows under readers, ends at its limit, and can be emptied there. */
#include "place.h"
#include <pthread.h>
#include <sys/wait.h>
#include "store/journal.h"

static void append(struct txn *t, uint64_t seq, size_t size)
{
	static const char filler[4096];
	struct journal_entry e = {
		.seq = seq, .time = (int64_t)seq, .target = 1, .json = span_make(filler, size)};

	sha_once(span_make(&seq, sizeof(seq)), e.id);
	journal_append(t, &e);
}

/* One batch: as the ledger does it, again after each growth. Returns how often the map grew, or a
 * failure. */
static int batch(struct place *p, uint64_t first, unsigned n, size_t size)
{
	int grown = 0, r;

	for (;; grown++) {
		struct txn *t = writing(p);

		for (unsigned i = 0; i < n; i++)
			append(t, first + i, size);
		r = txn_commit(t);
		if (r == 0)
			return grown;
		fails(r, -ENOSPC);
		r = store_grow(p->s, -1);
		if (r)
			return r;
	}
}

static void open_small(struct place *p, size_t limit)
{
	struct store_options opt = {
		.map_size = 64 << 10, .map_limit = limit, .dir_gid = -1, .no_sync = true};

	place_make(p);
	ok(store_open(&p->s, p->dir, STORE_WRITE, &opt));
}

/* Every entry is there, in order, with its id. Returns how many. */
static uint64_t check_all(struct place *p)
{
	struct journal_head h;
	struct journal_entry e;
	uint8_t id[SHA_LEN];
	uint64_t seq;
	struct txn *t = reading(p);

	ok(journal_head(t, &h));
	for (seq = h.first; seq && seq <= h.last; seq++) {
		ok(journal_get(t, seq, &e));
		sha_once(span_make(&seq, sizeof(seq)), id);
		assert_memory_equal(e.id, id, SHA_LEN);
	}
	txn_abort(t);
	return h.last;
}

struct reader {
	struct place *p;
	int stop;
	unsigned rounds, wrong;
	char why[200]; /* the last thing that was wrong */
};

static void is_wrong(struct reader *r, int code, uint64_t last, uint64_t seen)
{
	r->wrong++;
	snprintf(r->why, sizeof(r->why), "round %u: %d: %s; last %llu, before %llu", r->rounds,
		code, code < 0 ? err_why() : "", (unsigned long long)seen,
		(unsigned long long)last);
}

static void *read_on(void *arg)
{
	struct reader *r = arg;
	uint64_t last = 0;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		struct journal_head h = {0};
		struct journal_entry e;
		struct txn *t = NULL;
		int code = txn_begin(r->p->s, false, &t);

		if (code == 0)
			code = journal_head(t, &h);
		if (code == 0 && h.last)
			code = journal_get(t, h.first, &e);
		if (code == 0 && h.last)
			code = journal_get(t, h.last, &e);
		if (code || h.last < last || (h.last && (e.seq != h.last || e.json.n != 500)))
			is_wrong(r, code, last, h.last);
		last = h.last;
		txn_abort(t);
		r->rounds++;
	}
	return NULL;
}

static void test_grows_under_readers(void **state)
{
	struct place p;
	pthread_t th[3];
	struct reader r[COUNTOF(th)] = {0};
	struct store_stats st;
	int grown = 0;

	(void)state;
	open_small(&p, 0);
	for (size_t i = 0; i < COUNTOF(th); i++) {
		r[i].p = &p;
		assert_int_equal(pthread_create(&th[i], NULL, read_on, &r[i]), 0);
	}
	for (unsigned b = 0; b < 100; b++) {
		int n = batch(&p, b * 100 + 1, 100, 500);

		assert_true(n >= 0);
		grown += n;
	}
	for (size_t i = 0; i < COUNTOF(th); i++) {
		__atomic_store_n(&r[i].stop, 1, __ATOMIC_RELAXED);
		pthread_join(th[i], NULL);
		if (r[i].wrong)
			fail_msg("%u times: %s", r[i].wrong, r[i].why);
		assert_true(r[i].rounds > 0);
	}
	assert_true(grown >= 6);
	assert_int_equal(check_all(&p), 10000);
	ok(store_stats(p.s, &st));
	assert_true(st.map_size >= st.used);
	/* Opened again with the small size, the store's own counts. */
	place_reopen(&p);
	assert_int_equal(check_all(&p), 10000);
	place_remove(&p);
}

/* Another process reads while the writer grows: it takes the new size over by itself. */
static void test_other_process_adopts(void **state)
{
	struct place p;
	int to[2], from[2], status;
	char c = 'x';
	pid_t pid;

	(void)state;
	place_make(&p);
	assert_int_equal(pipe(to) | pipe(from), 0);
	pid = fork(); /* before the store is open here */
	if (pid == 0) {
		struct store_options opt = place_options();
		struct store *s = NULL;
		struct journal_head h = {0};
		struct txn *t;
		int bad = read(to[0], &c, 1) != 1 || store_open(&s, p.dir, STORE_READ, &opt);

		bad |= write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 1;
		bad = bad || txn_begin(s, false, &t) || journal_head(t, &h);
		_exit(bad ? 1 : h.last == 2000 ? 0 : 2);
	}
	struct store_options opt = {.map_size = 64 << 10, .dir_gid = -1, .no_sync = true};

	ok(store_open(&p.s, p.dir, STORE_WRITE, &opt));
	assert_int_equal(write(to[1], &c, 1), 1);
	assert_int_equal(read(from[0], &c, 1), 1);
	assert_true(batch(&p, 1, 2000, 500) > 0);
	assert_int_equal(write(to[1], &c, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(to[0]), close(to[1]), close(from[0]), close(from[1]);
	place_remove(&p);
}

static uint64_t fill_up(struct place *p, unsigned n, size_t size)
{
	uint64_t next = check_all(p) + 1;
	int r;

	while ((r = batch(p, next, n, size)) >= 0)
		next += n;
	fails(r, -ENOSPC);
	return next - 1;
}

/* Removes all but the last entry, in slices, growing where it may. */
static void empty(struct place *p, unsigned slice)
{
	bool more = true;

	while (more) {
		struct txn *t = writing(p);
		int r;

		journal_trim(t, UINT64_MAX, slice, &more);
		r = txn_commit(t);
		if (r == -ENOSPC) {
			ok(store_grow(p->s, -1));
			more = true;
		} else {
			ok(r);
		}
	}
}

/* Whoever has a reader to end first is told so in time. */
static void test_does_not_wait(void **state)
{
	struct place p;
	struct txn *t;

	(void)state;
	open_small(&p, 1 << 20);
	t = reading(&p);
	fails(store_grow(p.s, 10), STORE_BUSY);
	txn_abort(t);
	ok(store_grow(p.s, 10));
	place_remove(&p);
}

static void test_limit(void **state)
{
	struct place p;
	struct store_stats st;
	uint64_t last;

	(void)state;
	open_small(&p, 1 << 20);
	last = fill_up(&p, 10, 700);
	says("full");
	assert_true(last > 500);
	assert_int_equal(check_all(&p), last);
	last = fill_up(&p, 1, 1); /* to the very last page */
	for (int round = 0; round < 3; round++) {
		assert_int_equal(check_all(&p), last);
		empty(&p, 100);
		assert_int_equal(check_all(&p), last);
		ok(store_stats(p.s, &st));
		assert_int_equal(st.journal, 1);
		last = fill_up(&p, 7, 900);
		last = fill_up(&p, 1, 1);
		ok(store_stats(p.s, &st));
		assert_true(st.journal > 300);
		assert_true(st.used <= (1 << 20) + 64 * 4096);
	}
	assert_int_equal(check_all(&p), last);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_under_readers),
		cmocka_unit_test(test_other_process_adopts),
		cmocka_unit_test(test_does_not_wait),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("store/grow", tests, NULL, NULL);
}
