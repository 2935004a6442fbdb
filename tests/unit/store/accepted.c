/* What was accepted, by generation; the generations themselves. */
#include "place.h"
#include "store/targets.h"

#define NO 3u

static void put(struct txn *t, struct span path, uint32_t generation, const char *rec)
{
	struct accepted a = {.path = path,
		.generation = generation,
		.expires = 99,
		.aspects = 1u << ASPECT_MOUNT,
		.rec = S(rec),
		.image = S("image"),
		.mount = S("tmpfs")};

	ok(accepted_put(t, NO, &a));
}

static void gets(struct txn *t, struct span path, uint32_t generation, const char *rec)
{
	struct accepted a;
	int r = accepted_get(t, NO, path, generation, &a);

	if (!rec) {
		fails(r, STORE_ABSENT);
		return;
	}
	ok(r);
	is_text(a.rec, rec);
	assert_true(span_eq(a.path, path));
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct accepted a;
	struct txn *t = writing(p);

	put(t, S("/a"), 4, "rec");
	ok(txn_commit(t));
	t = reading(p);
	ok(accepted_get(t, NO, S("/a"), 4, &a));
	is_text(a.path, "/a");
	is_text(a.rec, "rec");
	is_text(a.image, "image");
	is_text(a.mount, "tmpfs");
	assert_int_equal(a.generation, 4);
	assert_int_equal(a.expires, 99);
	assert_int_equal(a.aspects, 1u << ASPECT_MOUNT);
	txn_abort(t);
}

static void test_generations_of_a_path(void **state)
{
	static char text[2000];
	struct place *p = *state;
	static const size_t lengths[] = {2, 500, 501, 502, 503, 2000};
	struct txn *t = writing(p);

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < COUNTOF(lengths); i++)
		for (uint32_t g = 2; g <= 10; g += 4)
			put(t, span_make(text, lengths[i]), g, g == 2 ? "2" : g == 6 ? "6" : "");
	for (size_t i = 0; i < COUNTOF(lengths); i++) {
		struct span path = span_make(text, lengths[i]);

		gets(t, path, 1, NULL);
		gets(t, path, 2, "2");
		gets(t, path, 5, "2");
		gets(t, path, 6, "6");
		gets(t, path, UINT32_MAX, ""); /* absence was accepted */
	}
	gets(t, span_make(text, 3), 6, NULL);
	gets(t, S(""), 6, NULL);
	ok(txn_error(t));
	txn_abort(t);
}

static int collect(void *ctx, const struct accepted *a)
{
	buf_printf(ctx, "%.*s@%u ", (int)a->path.n, a->path.p, a->generation);
	return 0;
}

static void test_each(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	BUF struct buf out = {0};

	put(t, S("/b"), 2, "r");
	put(t, S("/a/x"), 3, "r");
	put(t, S("/a"), 2, "r");
	put(t, S("/a"), 5, "r");
	put(t, S("/a-"), 4, "r");
	ok(accepted_each(t, NO, UINT32_MAX, collect, &out));
	assert_string_equal(buf_text(&out), "/a@5 /a-@4 /a/x@3 /b@2 ");
	buf_reset(&out);
	ok(accepted_each(t, NO, 3, collect, &out));
	assert_string_equal(buf_text(&out), "/a@2 /a/x@3 /b@2 ");
	buf_reset(&out);
	ok(accepted_each(t, NO, 1, collect, &out));
	ok(accepted_each(t, NO + 1, 9, collect, &out));
	assert_string_equal(buf_text(&out), "");
	txn_abort(t);
}

/* A look at a part of the tree asks for what was accepted there; long paths share the beginnings of their keys. */
static void test_below(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	BUF struct buf out = {0}, dir = {0}, other = {0}, want = {0};

	put(t, S("/a"), 2, "r");
	put(t, S("/a"), 5, "r");
	put(t, S("/a-"), 4, "r");
	put(t, S("/a/x"), 3, "r");
	put(t, S("/ab/y"), 3, "r");
	ok(accepted_below(t, NO, S("/a"), collect, &out));
	assert_string_equal(buf_text(&out), "/a@5 /a/x@3 ");
	buf_reset(&out);
	ok(accepted_below(t, NO, S("/a/"), collect, &out));
	ok(accepted_below(t, NO, S("/none"), collect, &out));
	ok(accepted_below(t, NO + 1, S("/"), collect, &out));
	assert_string_equal(buf_text(&out), "/a@5 /a/x@3 ");
	buf_reset(&out);
	ok(accepted_below(t, NO, S("/"), collect, &out));
	assert_string_equal(buf_text(&out), "/a@5 /a-@4 /a/x@3 /ab/y@3 ");
	buf_reset(&out);
	for (size_t i = 0; i < 600; i++) {
		buf_u8(&dir, i % 100 ? 'd' : '/');
		buf_u8(&other, i == 599 ? 'e' : i % 100 ? 'd' : '/');
	}
	put(t, buf_span(&other), 2, "r");
	put(t, buf_span(&dir), 2, "r");
	buf_printf(&want, "%s@2 %s/f@2 ", buf_text(&dir), buf_text(&dir));
	buf_add_text(&dir, "/f");
	put(t, buf_span(&dir), 2, "r");
	ok(accepted_below(t, NO, span_make(dir.p, 600), collect, &out));
	assert_int_equal(out.n, want.n);
	txn_abort(t);
}

static void test_generation(void **state)
{
	struct place *p = *state;
	struct generation g = {.no = 2,
		.time = 5,
		.expires = 6,
		.uid = 1000,
		.n_paths = 3,
		.reason = S("the update of Monday"),
		.drift_id = "d",
		.root = "r"};
	struct generation got;
	struct txn *t = writing(p);

	ok(generation_put(t, NO, &g));
	ok(generation_get(t, NO, 2, &got));
	assert_int_equal(got.no, 2);
	assert_int_equal(got.time, 5);
	assert_int_equal(got.expires, 6);
	assert_int_equal(got.uid, 1000);
	assert_int_equal(got.n_paths, 3);
	is_text(got.reason, "the update of Monday");
	assert_memory_equal(got.drift_id, g.drift_id, SHA_LEN);
	assert_memory_equal(got.root, g.root, SHA_LEN);
	fails(generation_get(t, NO, 3, &got), STORE_ABSENT);
	txn_abort(t);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_generations_of_a_path),
		WITH_STORE(test_each),
		WITH_STORE(test_below),
		WITH_STORE(test_generation),
	};

	return cmocka_run_group_tests_name("store/accepted", tests, NULL, NULL);
}
