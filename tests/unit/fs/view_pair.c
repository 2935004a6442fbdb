/* What can be left out when two views are compared, and what cannot. */
#include "tests/unit/fs/room.h"
#include "tests/unit/fs/memlayer.h"

struct fixture {
	struct mem_layer mem[3];
	struct layer layer[3];
	struct view now, base;
	struct hit a, b;
};

static void fixture_open(struct fixture *f)
{
	struct record root = {.type = FILE_DIR};
	uint32_t i;

	*f = (struct fixture){
		.now = {.layer = f->layer, .n = 3}, .base = {.layer = f->layer + 1, .n = 2}};
	for (i = 0; i < 3; i++) {
		mem_layer_add(&f->mem[i], 0, (struct span){0}, &root);
		f->layer[i] = (struct layer){.ops = &mem_layer_ops,
			.ctx = &f->mem[i],
			.root_fd = -1,
			.upper = i == 0,
			.id = i};
	}
}

static void fixture_close(struct fixture *f)
{
	size_t i;

	hit_free(&f->a);
	hit_free(&f->b);
	for (i = 0; i < 3; i++)
		mem_layer_free(&f->mem[i]);
}
#define FIXTURE CLEANUP(fixture_close)

static uint32_t add(struct fixture *f, int layer, uint32_t dir, const char *name,
	enum file_type type, uint32_t ovl, const char *redirect)
{
	struct record rec = {.type = type, .ovl = ovl, .redirect = span_of(redirect)};

	return mem_layer_add(&f->mem[layer], dir, span_of(name), &rec);
}

/* The names to look at below `path`, joined; "!" before them when not aligned. */
static const char *names(struct fixture *f, const char *path)
{
	static char text[256];
	NAMES struct names ns = {0};
	size_t i;

	view_resolve(&f->now, span_of(path), &f->a);
	view_resolve(&f->base, span_of(path), &f->b);
	strcpy(text, view_aligned(&f->now, &f->a.node, &f->base, &f->b.node) ? "" : "!");
	assert_int_equal(view_names(&f->now, &f->a.node, &f->base, &f->b.node, &ns), 0);
	for (i = 0; i < ns.n; i++)
		strncat(text, (const char *)names_at(&ns, i).p, names_at(&ns, i).n);
	return text;
}

static void pruning(void **state UNUSED)
{
	FIXTURE struct fixture f;
	uint32_t d;

	fixture_open(&f);
	d = add(&f, 1, 1, "d", FILE_DIR, 0, NULL);
	add(&f, 1, d, "a", FILE_REG, 0, NULL);
	d = add(&f, 2, 1, "d", FILE_DIR, 0, NULL);
	add(&f, 2, d, "b", FILE_REG, 0, NULL);
	assert_string_equal(names(&f, "/"), "");
	assert_string_equal(names(&f, "/d"), "");
	d = add(&f, 0, 1, "d", FILE_DIR, 0, NULL);
	add(&f, 0, d, "c", FILE_REG, 0, NULL);
	assert_string_equal(names(&f, "/"), "d");
	assert_string_equal(names(&f, "/d"), "c");
	assert_string_equal(names(&f, "/none"), "");
}

static void opaque_and_redirect_are_not_aligned(void **state UNUSED)
{
	FIXTURE struct fixture f;
	uint32_t d;

	fixture_open(&f);
	d = add(&f, 2, 1, "d", FILE_DIR, 0, NULL);
	add(&f, 2, d, "b", FILE_REG, 0, NULL);
	d = add(&f, 2, 1, "e", FILE_DIR, 0, NULL);
	add(&f, 2, d, "z", FILE_REG, 0, NULL);
	d = add(&f, 0, 1, "d", FILE_DIR, OVL_OPAQUE, NULL);
	add(&f, 0, d, "c", FILE_REG, 0, NULL);
	add(&f, 0, 1, "e", FILE_DIR, 0, "d");
	add(&f, 0, 1, "n", FILE_DIR, 0, "d");
	assert_string_equal(names(&f, "/d"), "!bc");
	assert_string_equal(names(&f, "/e"), "!bz");
	assert_string_equal(names(&f, "/n"), "!b");
}

static void a_deleted_directory_shows_all_of_the_baseline(void **state UNUSED)
{
	FIXTURE struct fixture f;
	uint32_t d;

	fixture_open(&f);
	d = add(&f, 2, 1, "d", FILE_DIR, 0, NULL);
	add(&f, 2, d, "b", FILE_REG, 0, NULL);
	add(&f, 0, 1, "d", FILE_CHR, OVL_WHITEOUT, NULL);
	assert_string_equal(names(&f, "/d"), "!b");
}

static void same_object(void **state UNUSED)
{
	FIXTURE struct fixture f;

	fixture_open(&f);
	add(&f, 1, 1, "f", FILE_REG, 0, NULL);
	add(&f, 2, 1, "f", FILE_REG, 0, NULL);
	add(&f, 2, 1, "g", FILE_REG, 0, NULL);
	names(&f, "/f");
	assert_true(view_same_object(&f.now, &f.a, &f.base, &f.b));
	view_resolve(&f.base, span_of("/g"), &f.b);
	assert_false(view_same_object(&f.now, &f.a, &f.base, &f.b));
	add(&f, 0, 1, "f", FILE_REG, 0, NULL);
	names(&f, "/f");
	assert_false(view_same_object(&f.now, &f.a, &f.base, &f.b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pruning),
		cmocka_unit_test(opaque_and_redirect_are_not_aligned),
		cmocka_unit_test(a_deleted_directory_shows_all_of_the_baseline),
		cmocka_unit_test(same_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
