/* One look's ground: paths resolved once, files from the cache, notes, things to watch. */
#include "box/ctx.h"
#include "base/err.h"
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <uthash.h>

enum { NAMES_MAX = 1 << 16 };

struct real {
	UT_hash_handle hh;
	struct span is;
	uint8_t from[];
};

void paths_free(struct paths *p)
{
	free(p->v);
	*p = (struct paths){0};
}

bool paths_have(const struct paths *p, struct span path)
{
	for (size_t i = 0; i < p->n; i++)
		if (span_eq(p->v[i], path))
			return true;
	return false;
}

static void push(struct paths *p, struct span path)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 8;
		struct span *v = reallocarray(p->v, cap, sizeof(*v));

		must(v);
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = path;
}

void paths_add(struct paths *p, struct arena *mem, struct span path)
{
	if (path.n && !paths_have(p, path))
		push(p, arena_dup(mem, path));
}

void ctx_fini(struct adapter_ctx *ctx)
{
	struct real *it, *next;

	for (size_t i = 0; i < ctx->n_known; i++)
		paths_free(&ctx->known[i].own);
	free(ctx->known);
	free(ctx->oci);
	paths_free(&ctx->docker);
	paths_free(&ctx->storage);
	paths_free(&ctx->run);
	paths_free(&ctx->watch);
	HASH_ITER(hh, ctx->reals, it, next) {
		HASH_DEL(ctx->reals, it);
		free(it);
	}
	arena_free(&ctx->mem);
	*ctx = (struct adapter_ctx){0};
}

void ctx_load(struct adapter_ctx *ctx)
{
	docker_load(ctx);
	storage_load(ctx);
	lxc_load(ctx);
	nspawn_load(ctx);
	oci_load(ctx);
}

/* A span from the arena is followed by a NUL; a path from elsewhere is not. */
static const char *c_path(struct adapter_ctx *ctx, struct span path)
{
	return (const char *)arena_dup(&ctx->mem, path).p;
}

const json_t *ctx_json(struct adapter_ctx *ctx, struct span path, const char *const *keep)
{
	return files_json(ctx->files, c_path(ctx, path), keep, ctx->notes);
}

struct span ctx_text(struct adapter_ctx *ctx, struct span path)
{
	return files_text(ctx->files, c_path(ctx, path), ctx->notes);
}

bool is_path_part(struct span s)
{
	return s.n > 0 && s.n < 256 && s.p[0] != '.' && !memchr(s.p, '/', s.n) &&
	       !memchr(s.p, 0, s.n);
}

bool is_hex_id(struct span s)
{
	if (s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

void ctx_names(struct adapter_ctx *ctx, struct span dir, struct paths *ret)
{
	CLEANUP(closedir_p) DIR *d = opendir(c_path(ctx, dir));
	const struct dirent *e;

	if (!d && errno != ENOENT && errno != ENOTDIR)
		ctx_note(ctx, "%.*s: %s", (int)dir.n, (const char *)dir.p, strerror(errno));
	while (d && ret->n < NAMES_MAX && (e = readdir(d)))
		if (is_path_part(span_of(e->d_name)))
			push(ret, arena_dup(&ctx->mem, span_of(e->d_name)));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
}

struct span ctx_real(struct adapter_ctx *ctx, struct span path)
{
	struct real *it;
	char real[PATH_MAX];

	if (!path.n || memchr(path.p, 0, path.n))
		return (struct span){0};
	HASH_FIND(hh, ctx->reals, path.p, path.n, it);
	if (it)
		return it->is;
	it = calloc(1, sizeof(*it) + path.n);
	must(it);
	memcpy(it->from, path.p, path.n);
	HASH_ADD(hh, ctx->reals, from[0], path.n, it);
	if (realpath(c_path(ctx, path), real))
		it->is = arena_dup(&ctx->mem, span_of(real));
	return it->is;
}

void ctx_watch(struct adapter_ctx *ctx, struct span path)
{
	push(&ctx->watch, arena_dup(&ctx->mem, path));
}

void ctx_note(struct adapter_ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(ctx->notes, fmt, ap);
	va_end(ap);
	buf_add_text(ctx->notes, "\n");
}

struct span ctx_path(struct adapter_ctx *ctx, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(path))
		return (struct span){0};
	return arena_dup(&ctx->mem, span_make(path, (size_t)n));
}
