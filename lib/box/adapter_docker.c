/*
 * Docker. DATA-ROOT/containers/ID/config.v2.json names the container, and for the classic stores
 * DATA-ROOT/image/DRIVER/layerdb/mounts/ID/mount-id names its read-write directory. With the
 * containerd image store (driver "overlayfs") there is no mount-id: such a container is known by
 * its mount at DATA-ROOT/rootfs/SNAPSHOTTER/ID only.
 */
#include "box/ctx.h"

static const char *const config_keys[] = {"ID", "Name", "Image", "Driver", "State.Dead",
	"State.RemovalInProgress", "Config.Image", "Config.Labels", "MountPoints", NULL};
static const char *const host_keys[] = {"ReadonlyRootfs", "Tmpfs", NULL};

/* Where a driver keeps a container's tree, after DATA-ROOT/ and with the mount id for %s. */
struct layout {
	const char *driver, *before, *after;
	bool layered, fuse;
};
static const struct layout layouts[] = {
	{"overlay2", "overlay2", "/diff", true, false},
	{"fuse-overlayfs", "fuse-overlayfs", "/diff", true, true},
	{"vfs", "vfs/dir", "", false, false},
	{"btrfs", "btrfs/subvolumes", "", false, false},
};
#define S(s) (int)(s).n, (const char *)(s).p

static void own_keys(struct adapter_ctx *ctx, const json_t *object, struct paths *own)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		paths_add(own, &ctx->mem, span_of(key));
}

static void place(struct adapter_ctx *ctx, struct span root, struct span driver, struct known *k)
{
	for (size_t i = 0; i < COUNTOF(layouts); i++) {
		const struct layout *l = &layouts[i];
		struct span mount_id;

		if (!span_is(driver, l->driver))
			continue;
		mount_id = ctx_text(ctx, ctx_path(ctx, "%.*s/image/%s/layerdb/mounts/%.*s/mount-id",
						 S(root), l->driver, S(k->t.id)));
		if (!is_path_part(mount_id))
			return; /* being made or removed just now */
		k->t.upper =
			ctx_path(ctx, "%.*s/%s/%.*s%s", S(root), l->before, S(mount_id), l->after);
		k->fuse = l->fuse;
		k->user_xattr = l->layered && ctx_is_users(ctx, root);
		if (l->layered)
			k->lower_file = ctx_path(
				ctx, "%.*s/%s/%.*s/lower", S(root), l->before, S(mount_id));
		return;
	}
	k->merged = ctx_path(ctx, "%.*s/rootfs/%.*s/%.*s", S(root), S(driver), S(k->t.id));
}

/* cri-dockerd tells the pod by labels; its pause container is called POD. */
static void pod_of(const json_t *labels, struct known *k)
{
	k->t.pod_name = json_text_at(json_object_get(labels, "io.kubernetes.pod.name"), NULL);
	k->t.pod_namespace =
		json_text_at(json_object_get(labels, "io.kubernetes.pod.namespace"), NULL);
	k->t.pod_uid = json_text_at(json_object_get(labels, "io.kubernetes.pod.uid"), NULL);
	k->hidden =
		span_is(json_text_at(json_object_get(labels, "io.kubernetes.docker.type"), NULL),
			"podsandbox");
}

static void load_one(struct adapter_ctx *ctx, struct span root, struct span id)
{
	struct span dir = ctx_path(ctx, "%.*s/containers/%.*s", S(root), S(id));
	const json_t *config =
		ctx_json(ctx, ctx_path(ctx, "%.*s/config.v2.json", S(dir)), config_keys);
	const json_t *host =
		ctx_json(ctx, ctx_path(ctx, "%.*s/hostconfig.json", S(dir)), host_keys);
	struct span name = json_text_at(config, "Name");
	struct known *k = known_add(ctx, adapter_docker.name);

	ctx_watch(ctx, dir); /* a rename rewrites config.v2.json */
	k->root = root;
	k->whole = json_text_at(config, "Config.Image").n > 0;
	k->t.id = id;
	k->t.name = name.n && name.p[0] == '/' ? span_make(name.p + 1, name.n - 1) : name;
	k->t.image = json_text_at(config, "Config.Image");
	k->t.image_digest = json_text_at(config, "Image");
	k->t.labels = pairs_of_json(&ctx->mem, json_at(config, "Config.Labels"));
	k->t.read_only = json_is_true(json_at(host, "ReadonlyRootfs"));
	k->quiet = json_is_true(json_at(config, "State.Dead")) ||
		   json_is_true(json_at(config, "State.RemovalInProgress"));
	pod_of(json_at(config, "Config.Labels"), k);
	own_keys(ctx, json_at(config, "MountPoints"), &k->own);
	own_keys(ctx, json_at(host, "Tmpfs"), &k->own);
	place(ctx, root, config ? json_text_at(config, "Driver") : span_of("overlay2"), k);
}

void docker_load(struct adapter_ctx *ctx)
{
	for (size_t i = 0; i < ctx->docker.n; i++) {
		struct span dir = ctx_path(ctx, "%.*s/containers", S(ctx->docker.v[i]));
		CLEANUP(paths_free) struct paths ids = {0};

		ctx_names(ctx, dir, &ids);
		if (ctx_real(ctx, dir).n)
			ctx_watch(ctx, dir);
		for (size_t j = 0; j < ids.n; j++)
			if (is_hex_id(ids.v[j]))
				load_one(ctx, ctx->docker.v[i], ids.v[j]);
	}
}

static int describe(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	struct known *k = known_of(ctx, adapter_docker.name, b);

	return k ? known_tell(ctx, k, list, b) : ADAPTER_NOT_MINE;
}

static int enumerate(struct adapter_ctx *ctx, struct box_list *list)
{
	return known_enumerate(ctx, adapter_docker.name, list);
}

const struct adapter adapter_docker = {"docker", describe, enumerate};
