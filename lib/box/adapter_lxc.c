/*
 * LXC, and Incus and LXD above it. The root is a plain directory: LXCPATH/NAME/rootfs, or what
 * lxc.rootfs.path says. There are no ids; the finder makes one from the path.
 */
#include "box/ctx.h"

#define S(s) (int)(s).n, (const char *)(s).p

static struct span trimmed(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_make(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

static struct span next_line(struct span *rest)
{
	const uint8_t *end = memchr(rest->p, '\n', rest->n);
	struct span line = span_make(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	size_t used = line.n + (end ? 1 : 0);

	*rest = span_make(rest->p + used, rest->n - used);
	return line;
}

/* The last "KEY = value" of a configuration, as liblxc takes it. */
static struct span value_of(struct span text, const char *key)
{
	struct span found = {0};

	while (text.n) {
		struct span line = trimmed(next_line(&text));
		const uint8_t *eq = line.n ? memchr(line.p, '=', line.n) : NULL;
		size_t n = eq ? (size_t)(eq - line.p) : 0;

		if (eq && span_is(trimmed(span_make(line.p, n)), key))
			found = trimmed(span_make(eq + 1, line.n - n - 1));
	}
	return found;
}

/* "dir:/path", "/path", or "overlay:/lower:/upper" - the last part is the tree. */
static struct span tree_of(struct span rootfs)
{
	const uint8_t *at = NULL;

	if (!rootfs.n || rootfs.p[0] == '/')
		return rootfs;
	if (span_starts(rootfs, span_of("dir:")) || span_starts(rootfs, span_of("overlay:")) ||
		span_starts(rootfs, span_of("overlayfs:")))
		at = memrchr(rootfs.p, ':', rootfs.n);
	return at ? span_make(at + 1, rootfs.n - (size_t)(at + 1 - rootfs.p)) : (struct span){0};
}

static void add(struct adapter_ctx *ctx, struct span name, struct span tree, struct span root)
{
	struct known *k;

	if (!tree.n || tree.p[0] != '/')
		return;
	tree = ctx_real(ctx, tree);
	if (!tree.n)
		return;
	k = known_add(ctx, adapter_lxc.name);
	k->root = root;
	k->t.name = name;
	k->t.upper = tree;
}

static void load_lxc(struct adapter_ctx *ctx, struct span dir)
{
	CLEANUP(paths_free) struct paths names = {0};

	ctx_names(ctx, dir, &names);
	if (ctx_real(ctx, dir).n)
		ctx_watch(ctx, dir);
	for (size_t i = 0; i < names.n; i++) {
		struct span text =
			ctx_text(ctx, ctx_path(ctx, "%.*s/%.*s/config", S(dir), S(names.v[i])));

		if (text.n)
			add(ctx, names.v[i], tree_of(value_of(text, "lxc.rootfs.path")), dir);
	}
}

/* STORE/storage-pools/POOL/containers/NAME/rootfs */
static void load_incus(struct adapter_ctx *ctx, const char *store)
{
	CLEANUP(paths_free) struct paths pools = {0};

	ctx_names(ctx, ctx_path(ctx, "%s/storage-pools", store), &pools);
	for (size_t i = 0; i < pools.n; i++) {
		CLEANUP(paths_free) struct paths names = {0};
		struct span dir =
			ctx_path(ctx, "%s/storage-pools/%.*s/containers", store, S(pools.v[i]));

		ctx_names(ctx, dir, &names);
		if (ctx_real(ctx, dir).n)
			ctx_watch(ctx, dir);
		for (size_t j = 0; j < names.n; j++)
			add(ctx, names.v[j],
				ctx_path(ctx, "%.*s/%.*s/rootfs", S(dir), S(names.v[j])), dir);
	}
}

void lxc_load(struct adapter_ctx *ctx)
{
	load_lxc(ctx, span_of(ctx->lxc_path));
	load_incus(ctx, "/var/lib/incus");
	load_incus(ctx, "/var/lib/lxd");
}

static int describe(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	struct known *k = known_of(ctx, adapter_lxc.name, b);

	return k ? known_tell(ctx, k, list, b) : ADAPTER_NOT_MINE;
}

static int enumerate(struct adapter_ctx *ctx, struct box_list *list)
{
	return known_enumerate(ctx, adapter_lxc.name, list);
}

const struct adapter adapter_lxc = {"lxc", describe, enumerate};
