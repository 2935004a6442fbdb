/* Targets: numbers, ids, what a word resolves to, state, deletion. */
#include "place.h"
#include "store/targets.h"

#define ID_A "aaaa1111bbbb2222cccc"
#define ID_B "aaaa9999bbbb2222cccc"
#define ID_C "cccc"

static uint32_t put(
	struct txn *t, const char *id, const char *name, enum target_state st, int64_t removed)
{
	struct target x = {.id = S(id), .name = S(name), .state = st, .removed = removed};

	ok(targets_put(t, &x));
	return x.no;
}

static void resolves(struct txn *t, const char *word, uint32_t no)
{
	struct target x;

	ok(targets_resolve(t, S(word), NULL, &x, NULL));
	assert_int_equal(x.no, no);
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct target x = {.id = S(ID_A), .name = S("web"), .image = S("nginx"), .pid = 42}, got;
	uint32_t at = 0;
	struct txn *t = writing(p);

	ok(targets_put(t, &x));
	assert_int_equal(x.no, 1);
	x.name = S("web2");
	ok(targets_put(t, &x));
	assert_int_equal(put(t, ID_B, "db", STATE_RUNNING, 0), 2);
	ok(txn_commit(t));
	t = reading(p);
	ok(targets_get(t, 1, &got));
	assert_int_equal(got.no, 1);
	is_text(got.name, "web2");
	is_text(got.image, "nginx");
	assert_int_equal(got.pid, 42);
	fails(targets_get(t, 3, &got), STORE_ABSENT);
	ok(targets_next(t, &at, &got));
	assert_int_equal(at, 1);
	ok(targets_next(t, &at, &got));
	assert_int_equal(got.no, 2);
	fails(targets_next(t, &at, &got), STORE_ABSENT);
	txn_abort(t);
}

static void refused(struct place *p, struct target *x, int code)
{
	struct txn *t = writing(p);

	fails(targets_put(t, x), code);
	txn_abort(t);
}

static void test_refuses(void **state)
{
	char longest[256] = "";
	struct target none = {.id = S("")}, nul = {.id = span_make("a\0b", 3)};
	struct target gone = {.id = S("x"), .no = 77}, big = {.id = span_make(longest, 256)};

	memset(longest, 'x', sizeof(longest));
	refused(*state, &none, -EINVAL);
	refused(*state, &nul, -EINVAL);
	refused(*state, &big, -EINVAL);
	refused(*state, &gone, -ENOENT);
}

static void test_resolve(void **state)
{
	struct place *p = *state;
	struct target x;
	struct txn *t = writing(p);
	uint32_t a = put(t, ID_A, "web", STATE_RUNNING, 0),
		 b = put(t, ID_B, "db", STATE_STOPPED, 0);
	uint32_t c = put(t, ID_C, "aaaa", STATE_RUNNING, 0),
		 d = put(t, "cccc7", "x", STATE_RUNNING, 0);
	BUF struct buf list = {0};

	resolves(t, "web", a);
	resolves(t, "db", b);
	resolves(t, ID_B, b);
	resolves(t, "aaaa9", b);
	resolves(t, "aaaa", c); /* a name before a prefix */
	resolves(t, ID_C, c);	/* a full id before a prefix */
	resolves(t, "cccc7", d);
	fails(targets_resolve(t, S("zz"), NULL, &x, &list), STORE_ABSENT);
	fails(targets_resolve(t, S(""), NULL, &x, &list), STORE_ABSENT);
	fails(targets_resolve(t, span_make("a\0", 2), NULL, &x, &list), STORE_ABSENT);
	fails(targets_resolve(t, S("aaa"), NULL, &x, &list), TARGETS_AMBIGUOUS);
	assert_string_equal(
		buf_text(&list), "web (aaaa1111bbbb)\ndb (aaaa9999bbbb)\naaaa (cccc)\n");
	buf_reset(&list);
	fails(targets_resolve(t, S("c"), NULL, &x, &list), TARGETS_AMBIGUOUS);
	assert_string_equal(buf_text(&list), "aaaa (cccc)\nx (cccc7)\n");
	ok(txn_error(t));
	txn_abort(t);
}

static bool is_no_db(const void *ctx, const struct target *one)
{
	return !span_is(one->name, ctx);
}

static void test_prefix(void **state)
{
	struct place *p = *state;
	struct targets_asker no_db = {is_no_db, "db-2"};
	struct target x;
	struct txn *t = writing(p);
	uint32_t a = put(t, "1a", "web-front", STATE_RUNNING, 0),
		 b = put(t, "2b", "db", STATE_RUNNING, 0),
		 c = put(t, "3c", "db-2", STATE_STOPPED, 0);
	uint32_t old = put(t, "4d", "cache", STATE_REMOVED, 500);
	BUF struct buf list = {0};

	resolves(t, "w", a);
	resolves(t, "db", b); /* a whole name before a prefix */
	resolves(t, "db-", c);
	resolves(t, "cach", old);
	resolves(t, "3", c);
	fails(targets_resolve(t, S("d"), NULL, &x, &list), TARGETS_AMBIGUOUS);
	assert_string_equal(buf_text(&list), "db (2b)\ndb-2 (3c)\n");
	ok(targets_resolve(t, S("d"), &no_db, &x, NULL)); /* what is not seen is not in the way */
	assert_int_equal(x.no, b);
	fails(targets_resolve(t, S("3c"), &no_db, &x, NULL), STORE_ABSENT);
	put(t, "5e", "cache", STATE_REMOVED, 100);
	resolves(t, "cach", old); /* one name, nobody alive: the one removed last */
	put(t, "6f", "cab", STATE_REMOVED, 900);
	buf_reset(&list);
	fails(targets_resolve(t, S("ca"), NULL, &x, &list), TARGETS_AMBIGUOUS);
	put(t, "7a", "cat", STATE_RUNNING, 0);
	ok(targets_resolve(t, S("ca"), NULL, &x, NULL)); /* the only one alive */
	is_text(x.name, "cat");
	txn_abort(t);
}

static void test_name_of_removed(void **state)
{
	struct place *p = *state;
	struct target x;
	struct txn *t = writing(p);
	uint32_t older, newer, live;
	BUF struct buf list = {0};

	newer = put(t, "e1", "web", STATE_REMOVED, 900);
	older = put(t, "e2", "web", STATE_REMOVED, 500);
	assert_true(older > newer);
	resolves(t, "web", newer);
	live = put(t, "e3", "web", STATE_STOPPED, 0);
	put(t, "e4", "web", STATE_REMOVED, 1000);
	resolves(t, "web", live);
	put(t, "e5", "web", STATE_RUNNING, 0); /* the same name under another runtime */
	fails(targets_resolve(t, S("web"), NULL, &x, &list), TARGETS_AMBIGUOUS);
	assert_string_equal(buf_text(&list), "web (e3)\nweb (e5)\n");
	txn_abort(t);
}

static void test_id_comes_back(void **state)
{
	struct place *p = *state;
	struct target x;
	struct txn *t = writing(p);
	uint32_t first = put(t, "lxc-web", "one", STATE_REMOVED, 10);
	uint32_t second = put(t, "lxc-web", "two", STATE_RUNNING, 0);

	put(t, "lxc-web2", "three", STATE_RUNNING, 0);
	ok(targets_by_id(t, S("lxc-web"), &x));
	assert_int_equal(x.no, second);
	resolves(t, "lxc-web", second);
	resolves(t, "one", first);
	fails(targets_by_id(t, S("lxc"), &x), STORE_ABSENT);
	/* an id that changes leaves no trace in the index */
	ok(targets_get(t, second, &x));
	x.id = S("new-id");
	ok(targets_put(t, &x));
	ok(targets_by_id(t, S("lxc-web"), &x));
	assert_int_equal(x.no, first);
	resolves(t, "new", second);
	txn_abort(t);
}

static void test_state(void **state)
{
	struct place *p = *state;
	struct target_state_rec s, got;
	struct change c = {.kind = 'A', .path = S("/x"), .severity = SEV_HIGH};
	struct txn *t = writing(p);
	uint8_t empty_id[SHA_LEN];
	uint32_t no = put(t, ID_A, "web", STATE_RUNNING, 0);
	struct record r = {.type = FILE_REG, .size = 3};
	BUF struct buf rec = {0};

	ok(record_encode(&r, &rec));
	c.now = buf_span(&rec);
	ok(targets_state_get(t, no, &s));
	assert_int_equal(s.generation, 0);
	memcpy(empty_id, s.drift_id, SHA_LEN);
	s.generation = 4;
	s.baselined = true;
	s.last_sweep = 55;
	s.n_added = 1000; /* not the caller's to say */
	ok(drift_put(t, no, &c));
	ok(targets_state_put(t, no, &s));
	ok(targets_state_get(t, no, &got));
	assert_int_equal(got.generation, 4);
	assert_true(got.baselined);
	assert_int_equal(got.last_sweep, 55);
	assert_int_equal(got.n_added, 1);
	assert_int_equal(got.worst, SEV_HIGH);
	assert_memory_not_equal(got.drift_id, empty_id, SHA_LEN);
	ok(drift_delete(t, no, S("/x")));
	ok(targets_state_get(t, no, &got));
	assert_memory_equal(got.drift_id, empty_id, SHA_LEN);
	assert_int_equal(got.generation, 4);
	txn_abort(t);
}

static void put_rows(struct txn *t, uint32_t no)
{
	struct record r = {.type = FILE_REG, .size = 3};
	BUF struct buf rec = {0};
	char path[16];

	ok(record_encode(&r, &rec));
	for (int i = 0; i < 10; i++) {
		struct change c = {.kind = 'A', .now = buf_span(&rec)};
		struct accepted a = {.generation = 2};
		struct seen s = {.ino = (uint64_t)i};

		snprintf(path, sizeof(path), "/p%d", i);
		c.path = a.path = S(path);
		ok(drift_put(t, no, &c));
		ok(accepted_put(t, no, &a));
		ok(seen_put(t, no, &s));
	}
	ok(generation_put(t, no, &(struct generation){.no = 2}));
}

static int no_change(void *ctx, const struct change *c)
{
	(void)ctx;
	fail_msg("%.*s is still there", (int)c->path.n, c->path.p);
	return 1;
}

static void test_delete(void **state)
{
	struct place *p = *state;
	struct store_stats st;
	struct target x;
	struct accepted a;
	struct generation g;
	struct target_state_rec s;
	bool more = true;
	unsigned slices = 0;
	struct txn *t = writing(p);
	uint32_t no = put(t, ID_A, "web", STATE_REMOVED, 5),
		 keep = put(t, ID_B, "db", STATE_RUNNING, 0);

	put_rows(t, no);
	put_rows(t, keep);
	ok(txn_commit(t));
	for (; more; slices++) {
		t = writing(p);
		ok(targets_delete(t, no, 4, &more));
		ok(txn_commit(t));
	}
	assert_in_range(slices, 8, 10);
	t = writing(p);
	fails(targets_get(t, no, &x), STORE_ABSENT);
	fails(targets_by_id(t, S(ID_A), &x), STORE_ABSENT);
	fails(accepted_get(t, no, S("/p1"), UINT32_MAX, &a), STORE_ABSENT);
	fails(generation_get(t, no, 2, &g), STORE_ABSENT);
	ok(drift_each(t, no, S(""), no_change, NULL));
	ok(targets_state_get(t, keep, &s));
	assert_int_equal(s.n_added, 10);
	ok(accepted_get(t, keep, S("/p1"), UINT32_MAX, &a));
	assert_true(put(t, ID_A, "web", STATE_RUNNING, 0) > keep);
	ok(txn_commit(t));
	ok(store_stats(p->s, &st));
	assert_int_equal(st.drift, 10);
	assert_int_equal(st.seen, 10);
	assert_int_equal(st.targets, 2);
}

/* "per further replica at most 4 KiB": a target without drift, and its hash cache left out. */
static void test_size(void **state)
{
	static char lowers[600];
	struct place *p = *state;
	struct store_stats before, after;
	struct target_state_rec s = {.generation = 1, .baselined = true};
	char id[65];
	struct txn *t;

	memset(lowers, 'l', sizeof(lowers));
	ok(store_stats(p->s, &before));
	t = writing(p);
	for (unsigned i = 0; i < 200; i++) {
		struct target x = {.upper = S("/var/lib/docker/overlay2/0123456789abcdef/diff")};

		snprintf(id, sizeof(id), "%064x", i * 2654435761u);
		x.id = x.name = S(id);
		x.labels = span_make(lowers, 0);
		x.image = span_make(lowers, sizeof(lowers)); /* stands for its list of layers */
		ok(targets_put(t, &x));
		ok(targets_state_put(t, x.no, &s));
	}
	ok(txn_commit(t));
	ok(store_stats(p->s, &after));
	print_message(
		"%llu bytes a replica\n", (unsigned long long)(after.used - before.used) / 200);
	assert_true((after.used - before.used) / 200 <= 4096);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_refuses),
		WITH_STORE(test_resolve),
		WITH_STORE(test_prefix),
		WITH_STORE(test_name_of_removed),
		WITH_STORE(test_id_comes_back),
		WITH_STORE(test_state),
		WITH_STORE(test_delete),
		WITH_STORE(test_size),
	};

	return cmocka_run_group_tests_name("store/targets", tests, NULL, NULL);
}
