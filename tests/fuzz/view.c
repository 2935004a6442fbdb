/*
 * Layers made of the input's bytes, four to an object. Every lookup ends, a whole path says what
 * its steps say, and leaving out what is aligned loses nothing.
 */
#include "tests/unit/fs/memlayer.h"

enum { LAYERS = 4, DEPTH = 4 };
static const char *const names[] = {"a", "b", "c", "d"};
static const char *const redirects[] = {
	"", "", "a", "b", "/a", "/b/c", "/a/b/c", "/d/", "..", "/a/../b", "x/y", "/"};

struct world {
	struct mem_layer mem[LAYERS];
	struct layer layer[LAYERS];
	struct view now, base;
};

static void plant(struct world *w, const uint8_t p[4])
{
	static const enum file_type types[] = {FILE_DIR, FILE_DIR, FILE_REG, FILE_CHR};
	struct mem_layer *m = &w->mem[p[0] % LAYERS];
	enum file_type type = types[p[1] % 4];
	struct record rec = {
		.type = type,
		.ovl = p[1] >> 4,
		.size = type == FILE_REG ? p[3] : 0,
		.redirect = span_of(redirects[p[2] % COUNTOF(redirects)]),
	};
	uint32_t dir = 1 + (p[0] >> 2) % m->last_dir;
	struct layer_entry e;
	struct layer l = {.ctx = m};
	struct span name = span_of(names[(p[1] >> 2) % 4]);

	if (mem_lookup(&l, (struct layer_dir){.no = dir}, name, &e) == LOOK_ABSENT && m->n < 64)
		mem_layer_add(m, dir, name, &rec);
}

static void build(struct world *w, const uint8_t *p, size_t n)
{
	struct record root = {.type = FILE_DIR};
	uint32_t i;

	*w = (struct world){.now = {.layer = w->layer, .n = LAYERS},
		.base = {.layer = w->layer + 1, .n = LAYERS - 1}};
	for (i = 0; i < LAYERS; i++) {
		mem_layer_add(&w->mem[i], 0, (struct span){0}, &root);
		w->layer[i] = (struct layer){.ops = &mem_layer_ops,
			.ctx = &w->mem[i],
			.root_fd = -1,
			.upper = i == 0,
			.data_only = i == LAYERS - 1 && n & 1,
			.id = i};
	}
	for (; n >= 4; p += 4, n -= 4)
		plant(w, p);
}

static bool same(const struct hit *a, const struct hit *b)
{
	return a->found == b->found &&
	       (!a->found ||
		       (a->layer == b->layer && span_eq(a->dir.rel, b->dir.rel) &&
			       span_eq(a->name, b->name) && a->node.n == b->node.n &&
			       a->metacopy == b->metacopy && span_eq(a->data_name, b->data_name)));
}

static void walk(struct world *w, const struct node *now, const struct node *base,
	const struct buf *above, int depth)
{
	NAMES struct names few = {0};
	size_t i, k;

	must(view_names(&w->now, now, &w->base, base, &few) == 0);
	for (i = 0; i < COUNTOF(names); i++) {
		HIT struct hit a = {0}, b = {0}, whole = {0};
		BUF struct buf path = {0};
		int r = view_lookup(&w->now, now, span_of(names[i]), &a);
		int rb = view_lookup(&w->base, base, span_of(names[i]), &b);

		buf_printf(&path, "%s/%s", buf_text(above), names[i]);
		must(view_resolve(&w->now, buf_span(&path), &whole) ==
			(now->n ? r : VIEW_NO_PARENT));
		must(r != 0 || same(&a, &whole));
		for (k = 0; k < few.n && !span_is(names_at(&few, k), names[i]); k++)
			;
		if (k == few.n && r == 0 && rb == 0)
			must(a.found == b.found &&
				(!a.found || view_same_object(&w->now, &a, &w->base, &b)));
		if (r == 0 && rb == 0 && depth < DEPTH && (a.node.n || b.node.n) && a.found)
			walk(w, &a.node, &b.node, &path, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct world w;
	HIT struct hit now = {0}, base = {0};
	BUF struct buf top = {0};
	size_t i;

	build(&w, p, n);
	must(view_root(&w.now, &now) == 0 && view_root(&w.base, &base) == 0);
	walk(&w, &now.node, &base.node, &top, 0);
	for (i = 0; i < LAYERS; i++)
		mem_layer_free(&w.mem[i]);
	return 0;
}
