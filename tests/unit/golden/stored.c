/* A stored snapshot's records with their paths, and the digest that an archive of the same would give. */
#include "../store/place.h"
#include "golden/stored.h"

static uint32_t fill(struct txn *t, uint32_t wrong)
{
	static const uint8_t identity[SHA_LEN] = "layer";
	struct record dir = {.type = FILE_DIR, .mode = 0755},
		      file = {.type = FILE_REG, .mode = 0644};
	uint32_t no;

	ok(snap_create(t, identity, S("/l"), S(""), S("image"), &no));
	ok(snap_put(t, no, 0, S(""), &dir, 1));
	ok(snap_put(t, no, 1, S("a"), &dir, 2));
	ok(snap_put(t, no, 1, S("b"), &file, 0));
	ok(snap_put(t, no, 1, S("c"), &dir, 3));
	ok(snap_put(t, no, 2, S("x"), &dir, wrong ? wrong : 4));
	ok(snap_put(t, no, 3, S("y"), &file, 0));
	ok(snap_put(t, no, 4, S("z"), &file, 0));
	return no;
}

static int name(void *ctx, struct span path, const struct record *rec)
{
	buf_add_span(ctx, path);
	buf_u8(ctx, rec->type == FILE_DIR ? '/' : ' ');
	return 0;
}

static void each_has_its_path(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	BUF struct buf text = {0};

	ok(stored_each(t, fill(t, 0), name, &text));
	assert_string_equal(buf_text(&text), "/a/b c/a/x/c/y a/x/z ");
	txn_abort(t);
}

static void no_circle_is_walked(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	BUF struct buf text = {0};

	fails(stored_each(t, fill(t, 2), name, &text), -EBADMSG);
	says("twice");
	txn_abort(t);
}

static void the_digest_is_that_of_the_same_entries(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	struct record dir = {.type = FILE_DIR, .mode = 0755},
		      file = {.type = FILE_REG, .mode = 0644};
	uint8_t one[SHA_LEN], other[SHA_LEN];
	CANON struct canon *c = NULL;

	ok(stored_canon(t, fill(t, 0), one));
	ok(canon_new(&c));
	ok(canon_add(c, S("c/y"), &file));
	ok(canon_add(c, S("a/x/z"), &file));
	ok(canon_add(c, S("b"), &file));
	ok(canon_add(c, S("c"), &dir));
	ok(canon_add(c, S("a/x"), &dir));
	ok(canon_add(c, S("a"), &dir));
	ok(canon_end(c, other));
	assert_memory_equal(one, other, SHA_LEN);
	txn_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_has_its_path, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(no_circle_is_walked, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(
			the_digest_is_that_of_the_same_entries, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
