/* The journal: numbers without holes, the index, time, retention; gaps. */
#include "place.h"
#include "store/journal.h"

static void append(struct txn *t, uint64_t seq, uint32_t target, int64_t time)
{
	struct journal_entry e = {.seq = seq,
		.time = time,
		.type = EVENT_CHANGE,
		.severity = SEV_HIGH,
		.target = target,
		.path = S("/etc/passwd"),
		.json = S("{\"seq\":1}")};

	sha_once(span_make(&seq, sizeof(seq)), e.id);
	ok(journal_append(t, &e));
}

/* n entries, a second apart, about the targets 0, 1, 2, 0, ... */
static void fill(struct place *p, unsigned n)
{
	struct txn *t = writing(p);

	for (unsigned i = 1; i <= n; i++)
		append(t, i, i % 3, (int64_t)i * 1000);
	ok(txn_commit(t));
}

static void id_of(uint64_t seq, uint8_t id[SHA_LEN])
{
	sha_once(span_make(&seq, sizeof(seq)), id);
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct journal_entry e;
	uint8_t id[SHA_LEN];
	struct txn *t;

	fill(p, 1);
	id_of(1, id);
	t = reading(p);
	ok(journal_get(t, 1, &e));
	assert_int_equal(e.seq, 1);
	assert_int_equal(e.time, 1000);
	assert_int_equal(e.type, EVENT_CHANGE);
	assert_int_equal(e.severity, SEV_HIGH);
	assert_int_equal(e.target, 1);
	is_text(e.path, "/etc/passwd");
	is_text(e.json, "{\"seq\":1}");
	assert_memory_equal(e.id, id, SHA_LEN);
	fails(journal_get(t, 2, &e), STORE_ABSENT);
	txn_abort(t);
}

static void test_head(void **state)
{
	struct place *p = *state;
	struct journal_head h;
	uint8_t id[SHA_LEN], zeros[SHA_LEN] = {0};
	struct txn *t = reading(p);

	ok(journal_head(t, &h));
	assert_int_equal(h.first, 0);
	assert_int_equal(h.last, 0);
	assert_memory_equal(h.last_id, zeros, SHA_LEN);
	txn_abort(t);
	fill(p, 10);
	id_of(10, id);
	t = reading(p);
	ok(journal_head(t, &h));
	assert_int_equal(h.first, 1);
	assert_int_equal(h.last, 10);
	assert_memory_equal(h.last_id, id, SHA_LEN);
	assert_memory_equal(h.trimmed_id, zeros, SHA_LEN);
	txn_abort(t);
}

static void test_no_holes(void **state)
{
	static const uint64_t bad[] = {0, 5, 7, 1000};
	struct place *p = *state;

	fill(p, 5);
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct journal_entry e = {.seq = bad[i], .json = S("{}")};
		struct txn *t = writing(p);

		fails(journal_append(t, &e), -EINVAL);
		txn_abort(t);
	}
}

static void test_steps(void **state)
{
	struct place *p = *state;
	struct journal_entry e;
	uint64_t from = 0;
	unsigned n = 0;
	struct txn *t;

	fill(p, 30);
	t = reading(p);
	for (; journal_next(t, from, &e) == 0; from = e.seq + 1)
		assert_int_equal(e.seq, ++n);
	assert_int_equal(n, 30);
	n = 0;
	for (from = 0; journal_next_of(t, 2, from, &e) == 0; from = e.seq + 1, n++)
		assert_int_equal(e.seq % 3, 2);
	assert_int_equal(n, 10);
	fails(journal_next_of(t, 3, 0, &e), STORE_ABSENT);
	fails(journal_next_of(t, 0, 0, &e), STORE_ABSENT);
	fails(journal_next(t, UINT64_MAX, &e), STORE_ABSENT);
	txn_abort(t);
}

static void test_seek_time(void **state)
{
	struct place *p = *state;
	uint64_t seq;
	struct txn *t = reading(p);

	ok(journal_seek_time(t, 5, &seq));
	assert_int_equal(seq, 1);
	txn_abort(t);
	fill(p, 100);
	t = reading(p);
	for (int64_t ms = 0; ms <= 101; ms++) {
		ok(journal_seek_time(t, ms * 1000, &seq));
		assert_int_equal(seq, ms < 1 ? 1 : ms);
	}
	ok(journal_seek_time(t, 50001, &seq));
	assert_int_equal(seq, 51);
	ok(journal_seek_time(t, INT64_MAX, &seq));
	assert_int_equal(seq, 101);
	txn_abort(t);
}

static void test_trim(void **state)
{
	struct place *p = *state;
	struct journal_head h;
	struct journal_entry e;
	struct store_stats st;
	uint8_t id[SHA_LEN];
	bool more = true;
	unsigned slices = 0;

	fill(p, 100);
	for (; more; slices++) {
		struct txn *t = writing(p);

		ok(journal_trim(t, 61, 25, &more));
		ok(txn_commit(t));
	}
	assert_int_equal(slices, 3);
	id_of(60, id);
	struct txn *t = reading(p);
	ok(journal_head(t, &h));
	assert_int_equal(h.first, 61);
	assert_int_equal(h.last, 100);
	assert_memory_equal(h.trimmed_id, id, SHA_LEN);
	ok(journal_next_of(t, 1, 0, &e));
	assert_int_equal(e.seq, 61);
	ok(journal_next_of(t, 2, 0, &e));
	assert_int_equal(e.seq, 62);
	txn_abort(t);
	t = writing(p);
	ok(journal_trim(t, UINT64_MAX, 1000, &more)); /* the last one stays */
	assert_false(more);
	ok(journal_head(t, &h));
	assert_int_equal(h.first, 100);
	append(t, 101, 1, 101000);
	ok(txn_commit(t));
	ok(store_stats(p->s, &st));
	assert_int_equal(st.journal, 2);
}

static void test_gaps(void **state)
{
	struct place *p = *state;
	struct gap g = {
		.id = 9, .target = 4, .cause = GAP_OVERFLOW, .count = 3, .detail = S("lost 3")};
	struct gap got;
	uint64_t id = 0;
	struct txn *t = writing(p);

	ok(gap_put(t, &g));
	g.id = 300;
	ok(gap_put(t, &g));
	ok(gap_get(t, 9, &got));
	assert_int_equal(got.id, 9);
	assert_int_equal(got.cause, GAP_OVERFLOW);
	is_text(got.detail, "lost 3");
	ok(gap_next(t, &id, &got));
	assert_int_equal(id, 9);
	ok(gap_next(t, &id, &got));
	assert_int_equal(got.id, 300);
	fails(gap_next(t, &id, &got), STORE_ABSENT);
	ok(gap_delete(t, 9));
	fails(gap_delete(t, 9), STORE_ABSENT);
	fails(gap_get(t, 9, &got), STORE_ABSENT);
	ok(txn_commit(t));
}

static void keep(struct txn *t, uint32_t target, const char *path, const char *value)
{
	BUF struct buf v = {0};

	buf_add_text(&v, value);
	ok(tally_put(t, target, span_of(path), &v));
}

static void test_tally(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	char path[900] = "/";
	struct span got, where;
	uint32_t target;
	unsigned n = 0;

	memset(path + 1, 'x', sizeof(path) - 2);
	keep(t, 0, "", "all");
	keep(t, 7, "", "seven");
	keep(t, 7, "/a", "a of seven");
	keep(t, 7, path, "long");
	keep(t, 7, "/a", "a of seven again");
	ok(tally_get(t, 0, S(""), &got));
	is_text(got, "all");
	ok(tally_get(t, 7, S("/a"), &got));
	is_text(got, "a of seven again");
	ok(tally_get(t, 7, span_of(path), &got));
	is_text(got, "long");
	fails(tally_get(t, 8, S(""), &got), STORE_ABSENT);
	fails(tally_get(t, 7, S("/b"), &got), STORE_ABSENT);
	for (; tally_first(t, &target, &where, &got) == 0; n++) {
		BUF struct buf copy = {0};

		assert_true(where.n == 0 || where.n == 2 || span_is(where, path));
		buf_add_span(&copy, where);
		ok(tally_delete(t, target, buf_span(&copy)));
	}
	assert_int_equal(n, 4);
	fails(tally_delete(t, 7, S("/a")), STORE_ABSENT);
	ok(txn_commit(t));
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_tally),
		WITH_STORE(test_head),
		WITH_STORE(test_no_holes),
		WITH_STORE(test_steps),
		WITH_STORE(test_seek_time),
		WITH_STORE(test_trim),
		WITH_STORE(test_gaps),
	};

	return cmocka_run_group_tests_name("store/journal", tests, NULL, NULL);
}
