/* The rules of lookup on layers made by hand; view_kernel.c holds them against the kernel. */
#include "tests/unit/fs/room.h"
#include "tests/unit/fs/memlayer.h"

enum { N = 4 };
struct fixture {
	struct mem_layer mem[N];
	struct layer layer[N];
	struct view v;
};

/* The first is the upper one; "/" is in all. */
static void fixture_open(struct fixture *f, uint32_t n, uint32_t n_data)
{
	struct record root = {.type = FILE_DIR, .mode = 0755};
	uint32_t i;

	*f = (struct fixture){.v = {.layer = f->layer, .n = n}};
	for (i = 0; i < n; i++) {
		mem_layer_add(&f->mem[i], 0, (struct span){0}, &root);
		f->layer[i] = (struct layer){.ops = &mem_layer_ops,
			.ctx = &f->mem[i],
			.root_fd = -1,
			.upper = i == 0,
			.data_only = i + n_data >= n,
			.id = 100 + i};
	}
}

static void fixture_close(struct fixture *f)
{
	size_t i;

	for (i = 0; i < N; i++)
		mem_layer_free(&f->mem[i]);
}
#define FIXTURE CLEANUP(fixture_close)

static uint32_t add(struct fixture *f, int layer, uint32_t dir, const char *name,
	enum file_type type, uint32_t ovl, const char *redirect, uint64_t size)
{
	struct record rec = {.type = type, .mode = 0644, .ovl = ovl, .size = size};

	if (redirect)
		rec.redirect = span_of(redirect);
	return mem_layer_add(&f->mem[layer], dir, span_of(name), &rec);
}

/* The layer that decides; -1 nothing there, -2 no parent. */
static int which(struct fixture *f, const char *path)
{
	HIT struct hit h = {0};
	int r = view_resolve(&f->v, span_of(path), &h);

	assert_true(r >= 0);
	return r == VIEW_NO_PARENT ? -2 : h.found ? (int)h.layer : -1;
}

static void the_topmost_decides(void **state UNUSED)
{
	FIXTURE struct fixture f;

	fixture_open(&f, 3, 0);
	add(&f, 2, 1, "low", FILE_REG, 0, NULL, 1);
	add(&f, 2, 1, "both", FILE_REG, 0, NULL, 1);
	add(&f, 1, 1, "both", FILE_REG, 0, NULL, 2);
	add(&f, 0, 1, "up", FILE_REG, 0, NULL, 3);
	assert_int_equal(which(&f, "/"), 0);
	assert_int_equal(which(&f, "/low"), 2);
	assert_int_equal(which(&f, "/both"), 1);
	assert_int_equal(which(&f, "//up/"), 0);
	assert_int_equal(which(&f, "/none"), -1);
	assert_int_equal(which(&f, "/none/x"), -2);
	assert_int_equal(which(&f, "/low/x"), -2);
	assert_int_equal(which(&f, "/.."), -1);
}

static void whiteouts_and_opaque(void **state UNUSED)
{
	FIXTURE struct fixture f;
	uint32_t d0, d1, d2;

	fixture_open(&f, 3, 0);
	d2 = add(&f, 2, 1, "d", FILE_DIR, 0, NULL, 0);
	d1 = add(&f, 1, 1, "d", FILE_DIR, OVL_OPAQUE, NULL, 0);
	d0 = add(&f, 0, 1, "d", FILE_DIR, OVL_XWHITEOUTS, NULL, 0);
	add(&f, 2, d2, "hidden", FILE_REG, 0, NULL, 0);
	add(&f, 1, d1, "seen", FILE_REG, 0, NULL, 0);
	add(&f, 1, d1, "gone", FILE_REG, 0, NULL, 0);
	add(&f, 0, d0, "gone", FILE_CHR, OVL_WHITEOUT, NULL, 0);
	add(&f, 1, d1, "xgone", FILE_REG, 0, NULL, 0);
	add(&f, 0, d0, "xgone", FILE_REG, OVL_WHITEOUT, NULL, 0);
	assert_int_equal(which(&f, "/d"), 0);
	assert_int_equal(which(&f, "/d/hidden"), -1);
	assert_int_equal(which(&f, "/d/seen"), 1);
	assert_int_equal(which(&f, "/d/gone"), -1);
	assert_int_equal(which(&f, "/d/xgone"), -1);
	/* A file between two directories hides the lower one. */
	add(&f, 0, 1, "m", FILE_DIR, 0, NULL, 0);
	add(&f, 1, 1, "m", FILE_REG, 0, NULL, 0);
	d2 = add(&f, 2, 1, "m", FILE_DIR, 0, NULL, 0);
	add(&f, 2, d2, "x", FILE_REG, 0, NULL, 0);
	assert_int_equal(which(&f, "/m/x"), -1);
}

static void redirects(void **state UNUSED)
{
	FIXTURE struct fixture f;
	uint32_t d, e;

	fixture_open(&f, 3, 0);
	d = add(&f, 1, 1, "old", FILE_DIR, 0, NULL, 0);
	add(&f, 1, d, "x", FILE_REG, 0, NULL, 0);
	e = add(&f, 2, 1, "old", FILE_DIR, 0, NULL, 0);
	e = add(&f, 2, e, "deep", FILE_DIR, 0, NULL, 0);
	add(&f, 2, e, "y", FILE_REG, 0, NULL, 0);
	add(&f, 0, 1, "new", FILE_DIR, 0, "old", 0);
	d = add(&f, 0, 1, "far", FILE_DIR, OVL_OPAQUE, NULL, 0);
	add(&f, 0, d, "moved", FILE_DIR, 0, "/old/deep", 0);
	add(&f, 0, 1, "bad", FILE_DIR, 0, "a/b", 0);
	assert_int_equal(which(&f, "/new/x"), 1);
	assert_int_equal(which(&f, "/new/deep/y"), 2);
	assert_int_equal(which(&f, "/far/moved/y"), 2);
}

static void refused_redirects(void **state UNUSED)
{
	static const char *const bad[] = {"a/b", "/", "/a//b", "/a/", "..", "/a/..", "."};
	size_t i;

	for (i = 0; i < COUNTOF(bad); i++) {
		FIXTURE struct fixture f;
		HIT struct hit h = {0};

		fixture_open(&f, 2, 0);
		add(&f, 0, 1, "d", FILE_DIR, 0, bad[i], 0);
		assert_int_equal(view_resolve(&f.v, span_of("/d"), &h), -EBADMSG);
	}
}

static void metacopy_finds_its_data(void **state UNUSED)
{
	FIXTURE struct fixture f;
	HIT struct hit h = {0};
	uint32_t d;

	fixture_open(&f, 4, 1);
	add(&f, 0, 1, "m", FILE_REG, OVL_METACOPY, "/m2", 7);
	add(&f, 1, 1, "m2", FILE_REG, OVL_METACOPY, NULL, 7);
	add(&f, 2, 1, "m2", FILE_REG, 0, NULL, 7);
	add(&f, 2, 1, "c", FILE_REG, OVL_METACOPY, "/aa/obj", 9);
	add(&f, 2, 1, "lost", FILE_REG, OVL_METACOPY, "/aa/none", 9);
	d = add(&f, 3, 1, "aa", FILE_DIR, 0, NULL, 0);
	add(&f, 3, d, "obj", FILE_REG, 0, NULL, 9);
	assert_int_equal(view_resolve(&f.v, span_of("/m"), &h), 0);
	assert_true(h.metacopy && h.layer == 0 && h.data_layer == 2);
	assert_true(span_is(h.data_name, "m2") && span_is(h.name, "m"));
	assert_int_equal(h.data.rec.size, 7);
	assert_int_equal(view_resolve(&f.v, span_of("/c"), &h), 0);
	assert_true(h.metacopy && h.layer == 2 && h.data_layer == 3);
	assert_true(span_is(h.data_dir.rel, "aa") && span_is(h.data_name, "obj"));
	assert_int_equal(view_resolve(&f.v, span_of("/lost"), &h), 0);
	assert_true(h.found && h.metacopy && !h.data_name.n);
	assert_int_equal(view_resolve(&f.v, span_of("/aa"), &h), 0);
	assert_false(h.found); /* data-only layers show no names */
}

static void a_hit_is_used_again(void **state UNUSED)
{
	FIXTURE struct fixture f;
	HIT struct hit h = {0}, root = {0};
	NODE struct node copy = {0};
	uint32_t d;

	fixture_open(&f, 2, 0);
	d = add(&f, 1, 1, "d", FILE_DIR, 0, NULL, 0);
	add(&f, 1, d, "x", FILE_REG, 0, NULL, 0);
	assert_int_equal(view_root(&f.v, &root), 0);
	assert_int_equal(root.node.n, 2);
	assert_int_equal(view_lookup(&f.v, &root.node, span_of("d"), &h), 0);
	assert_int_equal(h.node.n, 1);
	assert_int_equal(node_copy(&h.node, &copy), 0);
	assert_int_equal(view_lookup(&f.v, &copy, span_of("x"), &h), 0);
	assert_true(h.found && !h.node.n && span_is(h.dir.rel, "d"));
	assert_int_equal(view_lookup(&f.v, &copy, span_of(""), &h), 0);
	assert_false(h.found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_topmost_decides),
		cmocka_unit_test(whiteouts_and_opaque),
		cmocka_unit_test(redirects),
		cmocka_unit_test(refused_redirects),
		cmocka_unit_test(metacopy_finds_its_data),
		cmocka_unit_test(a_hit_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
