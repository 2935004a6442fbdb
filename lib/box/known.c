/* Rows of what runtimes' files tell, matched with what the kernel shows. */
#include "box/ctx.h"
#include "base/buf.h"
#include <sys/stat.h>

struct known *known_add(struct adapter_ctx *ctx, const char *runtime)
{
	if (ctx->n_known == ctx->cap_known) {
		size_t cap = ctx->cap_known ? ctx->cap_known * 2 : 32;
		struct known *v = reallocarray(ctx->known, cap, sizeof(*v));

		must(v);
		ctx->known = v;
		ctx->cap_known = cap;
	}
	ctx->known[ctx->n_known] = (struct known){.runtime = runtime};
	return &ctx->known[ctx->n_known++];
}

static bool is_of(const struct known *k, const struct box *b, const struct oci *o)
{
	if (k->t.upper.n && span_eq(k->t.upper, b->t.upper))
		return true;
	if (k->merged.n && span_eq(k->merged, b->merged))
		return true;
	/* By id only where its layout does not tell the upper directory: ids can be copied. */
	return o && span_eq(k->t.id, o->id) && (!k->t.upper.n || !b->t.upper.n || b->t.fuse);
}

struct known *known_of(struct adapter_ctx *ctx, const char *runtime, const struct box *b)
{
	const struct oci *o = oci_of(ctx, b);

	for (size_t i = 0; i < ctx->n_known; i++)
		if (strcmp(ctx->known[i].runtime, runtime) == 0 && is_of(&ctx->known[i], b, o))
			return &ctx->known[i];
	return NULL;
}

void box_own(struct box *b, const struct paths *own)
{
	static const char *const always[] = {"/proc", "/sys", "/dev", "/run/secrets",
		"/run/.containerenv", "/run/systemd", "/run/host"};
	static const char *const files[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

	for (size_t i = 0; i < b->n_mount; i++) {
		struct box_mount *m = &b->mount[i];

		m->own = m->own || (own && paths_have(own, m->point));
		for (size_t j = 0; j < COUNTOF(always); j++)
			m->own = m->own || path_within(m->point, span_of(always[j]));
		for (size_t j = 0; own && j < COUNTOF(files); j++)
			m->own = m->own || span_is(m->point, files[j]);
	}
}

struct span dup_or(struct arena *mem, struct span s, struct span otherwise)
{
	return s.n ? arena_dup(mem, s) : otherwise;
}

struct span pairs_of_json(struct arena *mem, const json_t *object)
{
	BUF struct buf out = {0};
	const char *key;
	json_t *value;

	/* The iterator of jansson does not take const, and changes nothing. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		if (!json_is_string(value))
			continue;
		buf_bytes(&out, span_of(key));
		buf_bytes(&out, span_make(json_string_value(value), json_string_length(value)));
	}
	return arena_dup(mem, buf_span(&out));
}

static struct span next_lower(struct span *rest)
{
	const uint8_t *colon = memchr(rest->p, ':', rest->n);
	struct span s = span_make(rest->p, colon ? (size_t)(colon - rest->p) : rest->n);
	size_t used = s.n + (colon ? 1 : 0);

	*rest = span_make(rest->p + used, rest->n - used);
	return s;
}

struct span lowers_of_text(struct adapter_ctx *ctx, struct span text, struct span base,
	struct span within, struct arena *mem)
{
	BUF struct buf out = {0};

	while (text.n) {
		struct span s = next_lower(&text), real;

		if (!s.n)
			continue;
		if (s.p[0] != '/')
			s = ctx_path(ctx, "%.*s/%.*s", (int)base.n, (const char *)base.p, (int)s.n,
				(const char *)s.p);
		real = ctx_real(ctx, s);
		if (real.n && path_within(real, within))
			buf_bytes(&out, real);
		else
			ctx_note(ctx, "layer %.*s: %s", (int)s.n, (const char *)s.p,
				real.n ? "it leads out of the storage" : "it is not there");
	}
	return arena_dup(mem, buf_span(&out));
}

static void dup_target(struct arena *mem, const struct target *from, struct target *to)
{
	to->id = dup_or(mem, from->id, to->id);
	to->name = dup_or(mem, from->name, to->name);
	to->image = dup_or(mem, from->image, to->image);
	to->image_digest = dup_or(mem, from->image_digest, to->image_digest);
	to->pod_name = dup_or(mem, from->pod_name, to->pod_name);
	to->pod_namespace = dup_or(mem, from->pod_namespace, to->pod_namespace);
	to->pod_uid = dup_or(mem, from->pod_uid, to->pod_uid);
	to->labels = dup_or(mem, from->labels, to->labels);
	to->upper = to->upper.n ? to->upper : dup_or(mem, from->upper, to->upper);
	to->read_only = to->read_only || from->read_only;
}

/* fuse-overlayfs tells its directories to nobody: the layout does. */
static bool lacks_lowers(const struct known *k, const struct box *b)
{
	return k->lower_file.n && !b->t.lowers.n && (b->from_files_only || b->t.fuse);
}

bool ctx_is_users(struct adapter_ctx *ctx, struct span root)
{
	struct stat st;

	return stat((const char *)arena_dup(&ctx->mem, root).p, &st) < 0 || st.st_uid != 0;
}

/* A data root that is not root's may lead anywhere by its links: its layers stay within it. */
static struct span confines(struct adapter_ctx *ctx, const struct known *k)
{
	return ctx_is_users(ctx, k->root) ? arena_dup(&ctx->mem, k->root) : span_of("/");
}

int known_tell(struct adapter_ctx *ctx, struct known *k, struct box_list *list, struct box *b)
{
	const struct oci *o = oci_of(ctx, b);

	k->claimed = true;
	if (k->hidden)
		return ADAPTER_SKIP;
	dup_target(&list->mem, &k->t, &b->t);
	b->t.runtime = span_of(k->runtime);
	b->partial = !k->whole;
	if (b->from_files_only) {
		b->t.fuse = k->fuse;
		b->t.user_xattr = k->user_xattr && !k->fuse;
	}
	if (lacks_lowers(k, b)) {
		struct span base = k->lower_file; /* …/overlay2/ID/lower: two up */

		for (int up = 0; up < 2; up++)
			base.n = (size_t)((const uint8_t *)memrchr(base.p, '/', base.n) - base.p);
		b->t.lowers = lowers_of_text(
			ctx, ctx_text(ctx, k->lower_file), base, confines(ctx, k), &list->mem);
	}
	if (o)
		oci_own(ctx, o->spec, &k->own);
	box_own(b, &k->own);
	return ADAPTER_MINE;
}

int known_enumerate(struct adapter_ctx *ctx, const char *runtime, struct box_list *list)
{
	for (size_t i = 0; i < ctx->n_known; i++) {
		struct known *k = &ctx->known[i];
		struct stat st;
		struct box *b;

		if (k->claimed || k->hidden || k->quiet || strcmp(k->runtime, runtime) != 0)
			continue;
		if (!k->t.upper.n || lstat((const char *)k->t.upper.p, &st) < 0 ||
			!S_ISDIR(st.st_mode))
			continue; /* just removed, or in a store that only its mount tells */
		b = box_add(list);
		b->from_files_only = true;
		b->t.fs_type = span_of(k->lower_file.n ? "overlay" : "");
		known_tell(ctx, k, list, b);
	}
	return 0;
}
