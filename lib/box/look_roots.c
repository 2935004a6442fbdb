/* Where runtimes keep their data: told, usual, of users, and learnt from what runs. */
#include "box/look.h"
#include <glob.h>

enum { LEARNT_MAX = 64 };

/* ROOT/overlay2/ID/diff -> ROOT; empty when the path has not that form. */
static struct span root_by_layout(struct span upper, const char *store, const char *leaf)
{
	struct span at = upper, part;
	const uint8_t *slash;

	for (int i = *leaf ? 0 : 1; i < 3; i++) {
		slash = at.n ? memrchr(at.p, '/', at.n) : NULL;
		if (!slash)
			return (struct span){0};
		part = span_make(slash + 1, at.n - (size_t)(slash + 1 - at.p));
		if ((i == 0 && !span_is(part, leaf)) || (i == 1 && !is_hex_id(part)) ||
			(i == 2 && !span_is(part, store)))
			return (struct span){0};
		at.n = (size_t)(slash - at.p);
	}
	return at;
}

static void learn(struct look *l, struct paths *into, struct span root)
{
	if (root.n && into->n < LEARNT_MAX)
		paths_add(into, &l->f->mem, root);
}

static void add_real(struct look *l, struct paths *into, struct span path)
{
	paths_add(into, &l->ctx.mem, ctx_real(&l->ctx, path));
}

static void add_glob(struct look *l, struct paths *into, const char *pattern)
{
	glob_t g = {0};

	if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			add_real(l, into, span_of(g.gl_pathv[i]));
	globfree(&g);
}

void look_roots(struct look *l)
{
	struct adapter_ctx *ctx = &l->ctx;
	struct finder *f = l->f;

	for (size_t i = 0; i < l->list->n; i++) {
		struct span upper = l->list->v[i].t.upper;

		learn(l, &f->docker, root_by_layout(upper, "overlay2", "diff"));
		learn(l, &f->storage, root_by_layout(upper, "overlay", "diff"));
	}
	for (size_t i = 0; i < f->docker.n; i++)
		add_real(l, &ctx->docker, f->docker.v[i]);
	for (size_t i = 0; i < f->storage.n; i++)
		add_real(l, &ctx->storage, f->storage.v[i]);
	for (size_t i = 0; i < f->run.n; i++)
		add_real(l, &ctx->run, f->run.v[i]);
	add_glob(l, &ctx->docker, "/home/*/.local/share/docker");
	add_glob(l, &ctx->storage, "/home/*/.local/share/containers/storage");
	add_glob(l, &ctx->run, "/run/user/[0-9]*");
}
