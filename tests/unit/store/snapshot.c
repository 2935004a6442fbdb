/* Snapshots: round trips, order, root digest, deletion in slices and after a crash, size. */
#include "place.h"
#include "store/snapshot.h"

static struct record a_file(unsigned i)
{
	struct record r = {.type = FILE_REG,
		.mode = 0644,
		.uid = i % 3 ? 0 : 1000,
		.size = i * 37u,
		.mtime = 1700000000000000000 + (int64_t)i * 1000000007,
		.has_sha = true};

	sha_once(span_make(&i, sizeof(i)), r.sha);
	return r;
}

static const uint8_t identity[SHA_LEN] = "an identity", other[SHA_LEN] = "another";

static uint32_t create(struct txn *t, const uint8_t id[SHA_LEN])
{
	uint32_t no;

	ok(snap_create(t, id, S("/layers/a"), S("sha256:x"), S("image"), &no));
	return no;
}

static void put(struct txn *t, uint32_t no, uint32_t dir, const char *name, uint32_t sub)
{
	struct record r = a_file(dir);

	if (sub)
		r = (struct record){.type = FILE_DIR, .mode = 0755};
	ok(snap_put(t, no, dir, S(name), &r, sub));
}

/* / (1) with a, b/ (2), c; b with x and y */
static void put_tree(struct txn *t, uint32_t no)
{
	put(t, no, 0, "", SNAP_ROOT_DIR);
	put(t, no, 1, "a", 0);
	put(t, no, 1, "b", 2);
	put(t, no, 1, "c", 0);
	put(t, no, 2, "x", 0);
	put(t, no, 2, "y", 0);
}

static void list(struct txn *t, uint32_t no, uint32_t dir, struct buf *out)
{
	struct snap_cursor *c;
	struct record r;
	struct span name;
	uint32_t sub;
	int rc;

	ok(snap_list_open(t, no, dir, &c));
	while ((rc = snap_list_next(c, &name, &r, &sub)) == 0) {
		buf_add_span(out, name);
		buf_printf(out, ":%u ", sub);
	}
	fails(rc, STORE_ABSENT);
	snap_list_close(c);
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct record want = a_file(2), r;
	struct txn *t = writing(p);
	BUF struct buf text = {0};
	uint32_t sub, no = create(t, identity);

	put_tree(t, no);
	ok(txn_commit(t));
	t = reading(p);
	ok(snap_lookup(t, no, 1, S("b"), &r, &sub));
	assert_int_equal(r.type, FILE_DIR);
	assert_int_equal(sub, 2);
	ok(snap_lookup(t, no, 2, S("y"), &r, &sub));
	assert_int_equal(sub, 0);
	assert_int_equal(record_diff(&r, &want), 0);
	assert_int_equal(r.mtime, want.mtime);
	fails(snap_lookup(t, no, 1, S("nope"), &r, &sub), STORE_ABSENT);
	fails(snap_lookup(t, no + 1, 1, S("a"), &r, &sub), STORE_ABSENT);
	list(t, no, 1, &text);
	list(t, no, 2, &text);
	list(t, no, 3, &text);
	assert_string_equal(buf_text(&text), "a:0 b:2 c:0 x:0 y:0 ");
	txn_abort(t);
}

static void test_info(void **state)
{
	struct place *p = *state;
	struct snap_info s;
	struct txn *t = writing(p);
	uint32_t no = create(t, identity), at = 0;

	ok(snap_find(t, identity, &s));
	assert_int_equal(s.state, SNAP_PARTIAL);
	assert_int_equal(s.no, no);
	assert_true(s.created > 0);
	ok(snap_complete(t, no, other, 6, 1234));
	ok(txn_commit(t));
	t = reading(p);
	ok(snap_get(t, no, &s));
	assert_int_equal(s.state, SNAP_COMPLETE);
	assert_memory_equal(s.root, other, SHA_LEN);
	assert_memory_equal(s.identity, identity, SHA_LEN);
	assert_int_equal(s.n_records, 6);
	assert_int_equal(s.n_bytes, 1234);
	is_text(s.path, "/layers/a");
	is_text(s.digest, "sha256:x");
	is_text(s.kind, "image");
	fails(snap_find(t, other, &s), STORE_ABSENT);
	ok(snap_next(t, &at, &s));
	assert_int_equal(at, no);
	fails(snap_next(t, &at, &s), STORE_ABSENT);
	txn_abort(t);
	t = writing(p);
	fails(snap_create(t, identity, S(""), S(""), S(""), &at), -EEXIST);
	txn_abort(t);
}

static void test_root_digest(void **state)
{
	struct place *p = *state;
	struct sha *sha;
	struct txn *t = writing(p);
	uint8_t fed[SHA_LEN], root[SHA_LEN], second[SHA_LEN];
	uint32_t no = create(t, identity), no2 = create(t, other);
	struct record r = a_file(1);
	BUF struct buf enc = {0};

	ok(snap_put(t, no, 1, S("a"), &r, 0));
	ok(record_encode(&r, &enc));
	ok(sha_new(&sha));
	ok(sha_begin(sha));
	snap_digest_feed(sha, 1, S("a"), buf_span(&enc), 0);
	ok(sha_end(sha, fed));
	sha_free(sha);
	ok(snap_verify(t, no, root, NULL));
	assert_memory_equal(root, fed, SHA_LEN);
	ok(snap_put(t, no2, 1, S("a"), &r, 0));
	ok(snap_verify(t, no2, second, NULL));
	assert_memory_equal(root, second, SHA_LEN); /* the number does not count */
	ok(snap_put(t, no2, 1, S("b"), &r, 0));
	ok(snap_verify(t, no2, second, NULL));
	assert_memory_not_equal(root, second, SHA_LEN);
	txn_abort(t);
}

static void test_names(void **state)
{
	struct place *p = *state;
	char longest[256];
	struct record r = a_file(1);
	struct txn *t = writing(p);
	uint32_t sub, no = create(t, identity);

	memset(longest, 'n', sizeof(longest));
	ok(snap_put(t, no, 1, span_make(longest, 255), &r, 0));
	ok(snap_lookup(t, no, 1, span_make(longest, 255), &r, &sub));
	fails(snap_lookup(t, no, 1, span_make(longest, 256), &r, &sub), STORE_ABSENT);
	fails(snap_put(t, no, 1, span_make(longest, 256), &r, 0), -ENAMETOOLONG);
	fails(txn_commit(t), -ENAMETOOLONG);
}

/* A life that ended half-way leaves a partial snapshot; the next one starts anew. */
static void test_partial_is_replaced(void **state)
{
	struct place *p = *state;
	struct snap_info s;
	struct record r;
	struct store_stats st;
	bool more = true;
	struct txn *t = writing(p);
	uint32_t sub, no = create(t, identity), again;

	for (unsigned i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%08u", i);
		put(t, no, 1, name, 0);
	}
	ok(txn_commit(t));
	place_reopen(p);
	t = writing(p);
	again = create(t, identity);
	assert_int_not_equal(again, no);
	fails(snap_lookup(t, again, 1, S("00000000"), &r, &sub), STORE_ABSENT);
	ok(txn_commit(t));
	t = writing(p);
	ok(snap_find(t, identity, &s));
	assert_int_equal(s.no, again);
	ok(snap_get(t, no, &s));
	assert_int_equal(s.state, SNAP_DOOMED);
	while (more)
		ok(snap_sweep(t, 300, &more));
	fails(snap_get(t, no, &s), STORE_ABSENT);
	ok(txn_commit(t));
	ok(store_stats(p->s, &st));
	assert_int_equal(st.records, 0);
	assert_int_equal(st.layers, 1);
}

static void test_delete_in_slices(void **state)
{
	struct place *p = *state;
	struct snap_info s;
	struct record r;
	bool more = true;
	unsigned slices = 0;
	struct txn *t = writing(p);
	uint32_t sub, no = create(t, identity), keep = create(t, other);

	put_tree(t, no);
	put_tree(t, keep);
	ok(snap_complete(t, no, other, 6, 0));
	ok(txn_commit(t));
	for (; more; slices++) {
		t = writing(p);
		ok(snap_delete(t, no, 2, &more));
		fails(snap_find(t, identity, &s), STORE_ABSENT);
		fails(snap_get(t, no, &s), more ? 0 : STORE_ABSENT);
		ok(txn_commit(t));
	}
	assert_in_range(slices, 3, 4);
	t = reading(p);
	ok(snap_lookup(t, keep, 2, S("y"), &r, &sub));
	fails(snap_lookup(t, no, 2, S("y"), &r, &sub), STORE_ABSENT);
	txn_abort(t);
	t = writing(p);
	assert_true(create(t, identity) > keep); /* numbers are not reused */
	txn_abort(t);
}

static void fill(struct txn *t, uint32_t no, unsigned dir, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		struct record r = a_file(i);

		snprintf(name, sizeof(name), "file-%06u.so", i);
		ok(snap_put(t, no, dir, S(name), &r, 0));
	}
}

/* The goal: at most 160 bytes of LMDB a record, appended or between other snapshots. */
static void test_size(void **state)
{
	struct place *p = *state;
	struct store_stats before, after;
	struct store_options opt = {.map_size = 64 << 20, .dir_gid = -1, .no_sync = true};
	uint32_t a, b;
	struct txn *t;

	store_close(take(p->s));
	ok(store_open(&p->s, p->dir, STORE_WRITE, &opt));
	ok(store_stats(p->s, &before));
	t = writing(p);
	a = create(t, identity);
	b = create(t, other);
	ok(txn_commit(t));
	for (unsigned dir = 1; dir <= 25; dir++) { /* two at once, as two layers hashed together */
		t = writing(p);
		fill(t, a, dir, 1000);
		fill(t, b, dir, 1000);
		ok(txn_commit(t));
	}
	ok(store_stats(p->s, &after));
	print_message(
		"%llu bytes a record\n", (unsigned long long)(after.used - before.used) / 50000);
	assert_int_equal(after.records, 50000);
	assert_true((after.used - before.used) / 50000 <= 160);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_info),
		WITH_STORE(test_root_digest),
		WITH_STORE(test_names),
		WITH_STORE(test_partial_is_replaced),
		WITH_STORE(test_delete_in_slices),
		WITH_STORE(test_size),
	};

	return cmocka_run_group_tests_name("store/snapshot", tests, NULL, NULL);
}
