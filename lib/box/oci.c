/*
 * What OCI runtimes leave on disk: runc's state.json (crun's is called status) and the bundle's
 * config.json. They give the id and the first process of any container, whoever made it.
 */
#include "box/ctx.h"
#include "base/text.h"
#include "box/proc.h"

#define S(s) (int)(s).n, (const char *)(s).p

static const char *const state_keys[] = {"id", "init_process_pid", "init_process_start",
	"config.rootfs", "config.labels", "pid", "process-start-time", "bundle", "rootfs", NULL};
static const char *const spec_keys[] = {"annotations", "mounts", "root", NULL};

/* Below a run root: where state directories lie, one directory a container. `spaces`: there is a
 * directory of containerd's namespaces between. */
struct place {
	const char *dir;
	bool spaces, bundle;
};
static const struct place places[] = {
	{"runc", false, false},
	{"crun", false, false},
	{"youki", false, false},
	{"containerd/runc", true, false},
	{"docker/runtime-runc", true, false},
	{"runtime-runc", true, false},
	{"docker/runtime-crun", true, false},
	{"io.containerd.runtime.v2.task", true, true},
	{"containerd/io.containerd.runtime.v2.task", true, true},
	{"containerd/daemon/io.containerd.runtime.v2.task", true, true},
	{"docker/containerd/daemon/io.containerd.runtime.v2.task", true, true},
};

static struct oci *add(struct adapter_ctx *ctx)
{
	if (ctx->n_oci == ctx->cap_oci) {
		size_t cap = ctx->cap_oci ? ctx->cap_oci * 2 : 32;
		struct oci *v = reallocarray(ctx->oci, cap, sizeof(*v));

		must(v);
		ctx->oci = v;
		ctx->cap_oci = cap;
	}
	ctx->oci[ctx->n_oci] = (struct oci){0};
	return &ctx->oci[ctx->n_oci++];
}

/* "bundle=/path" among the labels of runc's state. */
static struct span bundle_label(const json_t *labels)
{
	static const char key[] = "bundle=";

	for (size_t i = 0; i < json_array_size(labels); i++) {
		struct span s = json_text_at(json_array_get(labels, i), NULL);

		if (span_starts(s, span_of(key)))
			return span_make(s.p + sizeof(key) - 1, s.n - (sizeof(key) - 1));
	}
	return (struct span){0};
}

/* The first process, if it is still the one that was meant: pids come round. */
static int live_pid(const json_t *state, const char *pid_key, const char *start_key)
{
	json_int_t pid = json_integer_value(json_at(state, pid_key));
	json_int_t start = json_integer_value(json_at(state, start_key));

	if (pid <= 0 || pid > INT32_MAX)
		return 0;
	if (start > 0 && proc_start((int)pid) != (uint64_t)start)
		return 0;
	return (int)pid;
}

static bool load_runc(struct adapter_ctx *ctx, struct span dir, struct oci *o)
{
	const json_t *s = ctx_json(ctx, ctx_path(ctx, "%.*s/state.json", S(dir)), state_keys);

	if (!s)
		return false;
	o->pid = live_pid(s, "init_process_pid", "init_process_start");
	o->rootfs = json_text_at(s, "config.rootfs");
	o->bundle = bundle_label(json_at(s, "config.labels"));
	return true;
}

static bool load_crun(struct adapter_ctx *ctx, struct span dir, struct oci *o)
{
	const json_t *s = ctx_json(ctx, ctx_path(ctx, "%.*s/status", S(dir)), state_keys);

	if (!s)
		return false;
	o->pid = live_pid(s, "pid", "process-start-time");
	o->rootfs = json_text_at(s, "rootfs");
	o->bundle = json_text_at(s, "bundle");
	return true;
}

static bool load_bundle(struct adapter_ctx *ctx, struct span dir, struct oci *o)
{
	struct span pid = ctx_text(ctx, ctx_path(ctx, "%.*s/init.pid", S(dir)));
	uint64_t v = 0;

	o->bundle = dir;
	o->rootfs = ctx_path(ctx, "%.*s/rootfs", S(dir));
	if (pid.n && text_u64(pid, 1, INT32_MAX, &v) == 0)
		o->pid = (int)v;
	return true;
}

static void load_one(struct adapter_ctx *ctx, const struct place *p, struct span parent,
	struct span space, struct span id)
{
	struct span dir = ctx_path(ctx, "%.*s/%.*s", S(parent), S(id));
	struct oci o = {.id = id, .space = space, .containerd = p->bundle};

	if (!(p->bundle ? load_bundle(ctx, dir, &o)
			: load_runc(ctx, dir, &o) || load_crun(ctx, dir, &o)))
		return;
	o.mnt_ns = o.pid ? proc_mnt_ns(o.pid) : 0;
	if (o.bundle.n)
		o.spec = ctx_json(ctx, ctx_path(ctx, "%.*s/config.json", S(o.bundle)), spec_keys);
	*add(ctx) = o;
}

static void load_dir(
	struct adapter_ctx *ctx, const struct place *p, struct span dir, struct span space)
{
	CLEANUP(paths_free) struct paths ids = {0};
	size_t before = ctx->n_oci;

	ctx_names(ctx, dir, &ids);
	for (size_t i = 0; i < ids.n; i++)
		load_one(ctx, p, dir, space, ids.v[i]);
	if (*p->dir || ctx->n_oci > before) /* a run root itself changes for many reasons */
		ctx_watch(ctx, dir);
}

static void load_place(struct adapter_ctx *ctx, const struct place *p, struct span run)
{
	struct span dir = ctx_path(ctx, "%.*s/%s", S(run), p->dir);
	CLEANUP(paths_free) struct paths spaces = {0};

	if (!ctx_real(ctx, dir).n)
		return;
	if (!p->spaces) {
		load_dir(ctx, p, dir, (struct span){0});
		return;
	}
	ctx_names(ctx, dir, &spaces);
	for (size_t i = 0; i < spaces.n; i++)
		load_dir(ctx, p, ctx_path(ctx, "%.*s/%.*s", S(dir), S(spaces.v[i])), spaces.v[i]);
}

void oci_load(struct adapter_ctx *ctx)
{
	/* A run root may be the state directory itself, as in runc --root DIR. */
	static const struct place itself = {"", false, false};

	for (size_t i = 0; i < ctx->run.n; i++) {
		for (size_t j = 0; j < COUNTOF(places); j++)
			load_place(ctx, &places[j], ctx->run.v[i]);
		if (!span_is(ctx->run.v[i], "/run"))
			load_dir(ctx, &itself, ctx->run.v[i], (struct span){0});
	}
}

const struct oci *oci_of(const struct adapter_ctx *ctx, const struct box *b)
{
	const struct oci *found = NULL;

	for (size_t i = 0; i < ctx->n_oci; i++) {
		const struct oci *o = &ctx->oci[i];
		bool same = b->t.mnt_ns ? o->mnt_ns == b->t.mnt_ns
					: b->merged.n && span_eq(o->rootfs, b->merged);

		if (same && o->containerd)
			return o; /* the bundle tells more than the state */
		if (same && !found)
			found = o;
	}
	return found;
}

void oci_own(struct adapter_ctx *ctx, const json_t *spec, struct paths *own)
{
	const json_t *mounts = json_at(spec, "mounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		struct span at = json_text_at(json_array_get(mounts, i), "destination");

		while (at.n > 1 && at.p[at.n - 1] == '/')
			at.n--;
		paths_add(own, &ctx->mem, at);
	}
}
