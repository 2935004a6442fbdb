/*
 * systemd-nspawn. A registered machine has RUN/systemd/machines/NAME with KEY=value lines (ROOT,
 * LEADER); trees at rest lie in /var/lib/machines. No ids: the finder makes one from the path.
 */
#include "box/ctx.h"

#define S(s) (int)(s).n, (const char *)(s).p

static struct span value_of(struct span text, const char *key)
{
	size_t n = strlen(key);

	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		struct span line = span_make(text.p, end ? (size_t)(end - text.p) : text.n);
		size_t used = line.n + (end ? 1 : 0);

		if (line.n > n && line.p[n] == '=' && memcmp(line.p, key, n) == 0)
			return span_make(line.p + n + 1, line.n - n - 1);
		text = span_make(text.p + used, text.n - used);
	}
	return (struct span){0};
}

static bool is_known(const struct adapter_ctx *ctx, struct span tree)
{
	for (size_t i = 0; i < ctx->n_known; i++)
		if (span_eq(ctx->known[i].t.upper, tree))
			return true;
	return false;
}

static void add(struct adapter_ctx *ctx, struct span name, struct span tree, struct span root)
{
	struct known *k;

	tree = tree.n && tree.p[0] == '/' ? ctx_real(ctx, tree) : (struct span){0};
	if (tree.n <= 1 || is_known(ctx, tree))
		return;
	k = known_add(ctx, adapter_nspawn.name);
	k->root = root;
	k->t.name = name;
	k->t.upper = tree;
}

/* "host" and ".host" are there too; their ROOT is "/". Virtual machines have no tree here. */
static void load_registered(struct adapter_ctx *ctx, struct span run)
{
	struct span dir = ctx_path(ctx, "%.*s/systemd/machines", S(run));
	CLEANUP(paths_free) struct paths names = {0};

	ctx_names(ctx, dir, &names);
	if (ctx_real(ctx, dir).n)
		ctx_watch(ctx, dir);
	for (size_t i = 0; i < names.n; i++) {
		struct span text = ctx_text(ctx, ctx_path(ctx, "%.*s/%.*s", S(dir), S(names.v[i])));
		struct span class = value_of(text, "CLASS");

		if (!class.n || span_is(class, "container"))
			add(ctx, names.v[i], value_of(text, "ROOT"), dir);
	}
}

void nspawn_load(struct adapter_ctx *ctx)
{
	struct span dir = span_of(ctx->machines_path);
	CLEANUP(paths_free) struct paths names = {0};

	for (size_t i = 0; i < ctx->run.n; i++)
		load_registered(ctx, ctx->run.v[i]);
	ctx_names(ctx, dir, &names);
	if (ctx_real(ctx, dir).n)
		ctx_watch(ctx, dir);
	for (size_t i = 0; i < names.n; i++)
		if (ctx_real(ctx, ctx_path(ctx, "%.*s/%.*s/etc", S(dir), S(names.v[i]))).n)
			add(ctx, names.v[i], ctx_path(ctx, "%.*s/%.*s", S(dir), S(names.v[i])),
				dir);
}

static int describe(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	struct known *k = known_of(ctx, adapter_nspawn.name, b);

	return k ? known_tell(ctx, k, list, b) : ADAPTER_NOT_MINE;
}

static int enumerate(struct adapter_ctx *ctx, struct box_list *list)
{
	return known_enumerate(ctx, adapter_nspawn.name, list);
}

const struct adapter adapter_nspawn = {"nspawn", describe, enumerate};
