/*
 * containers/storage, which Podman (root and rootless), CRI-O and Buildah share. A graph root's
 * overlay-containers/containers.json gives id, names, image and the read-write layer; the layer is
 * overlay/LAYER/diff. What the container is called in its pod stands in a JSON text inside
 * "metadata". overlay/.has-mount-program says whether fuse-overlayfs mounts them. Labels are in Podman's database only; the bundle's annotations are taken for them.
 */
#include "box/ctx.h"

#define S(s) (int)(s).n, (const char *)(s).p

static const char *const spec_keys[] = {"annotations", "mounts", "root", NULL};

static const json_t *image_by_id(const json_t *images, struct span id)
{
	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);

		if (id.n && span_eq(json_text_at(image, "id"), id))
			return image;
	}
	return NULL;
}

static struct span first_of(const json_t *array)
{
	const json_t *s = json_array_get(array, 0);

	return json_is_string(s) ? span_make(json_string_value(s), json_string_length(s))
				 : (struct span){0};
}

static struct span note_of(const json_t *annotations, const char *key)
{
	return json_text_at(json_object_get(annotations, key), NULL);
}

static void json_drop(json_t **j)
{
	json_decref(*j);
}

/* "metadata" is text with JSON in it; a copy of each member, for the text goes with the file. */
static void tell_metadata(struct adapter_ctx *ctx, struct span text, struct known *k)
{
	CLEANUP(json_drop)
	json_t *m = text.n ? json_loadb((const char *)text.p, text.n, 0, NULL) : NULL;
	struct arena *mem = &ctx->mem;
	struct span pod = json_text_at(m, "pod-name");

	k->quiet = json_object_size(m) == 0; /* Buildah's */
	k->t.image = arena_dup(mem, json_text_at(m, "image-name"));
	if (!pod.n)
		return;
	k->runtime = adapter_crio.name;
	k->t.pod_name = arena_dup(mem, pod);
	k->t.pod_namespace = arena_dup(mem, json_text_at(m, "namespace"));
	k->t.pod_uid = arena_dup(mem, json_text_at(m, "uid"));
	k->t.name = dup_or(mem, json_text_at(m, "metadata-name"), k->t.name);
	k->hidden = json_is_true(json_object_get(m, "pod"));
}

static void tell_crio(struct adapter_ctx *ctx, const json_t *notes, struct known *k)
{
	struct span labels = note_of(notes, "io.kubernetes.cri-o.Labels");
	CLEANUP(json_drop)
	json_t *map = labels.n ? json_loadb((const char *)labels.p, labels.n, 0, NULL) : NULL;
	const json_t *pod_uid = json_object_get(map, "io.kubernetes.pod.uid");

	k->runtime = adapter_crio.name;
	k->hidden = k->hidden ||
		    span_is(note_of(notes, "io.kubernetes.cri-o.ContainerType"), "sandbox");
	k->t.name = dup_or(&ctx->mem,
		json_text_at(json_object_get(map, "io.kubernetes.container.name"), NULL),
		k->t.name);
	k->t.image = dup_or(&ctx->mem, note_of(notes, "io.kubernetes.cri-o.ImageName"), k->t.image);
	k->t.pod_name =
		dup_or(&ctx->mem, note_of(notes, "io.kubernetes.cri-o.KubeName"), k->t.pod_name);
	k->t.pod_namespace = dup_or(
		&ctx->mem, note_of(notes, "io.kubernetes.cri-o.Namespace"), k->t.pod_namespace);
	k->t.pod_uid = dup_or(&ctx->mem, json_text_at(pod_uid, NULL), k->t.pod_uid);
	k->t.labels = pairs_of_json(&ctx->mem, map);
}

/* Podman keeps the bundle in its graph root, CRI-O in the run root. */
static const json_t *bundle_of(struct adapter_ctx *ctx, struct span root, struct span id)
{
	static const char form[] = "%.*s/overlay-containers/%.*s/userdata/config.json";
	static const char run_form[] =
		"%.*s/containers/storage/overlay-containers/%.*s/userdata/config.json";
	const json_t *spec = ctx_json(ctx, ctx_path(ctx, form, S(root), S(id)), spec_keys);

	for (size_t i = 0; !spec && i < ctx->run.n; i++) {
		spec = ctx_json(ctx, ctx_path(ctx, form, S(ctx->run.v[i]), S(id)), spec_keys);
		if (!spec)
			spec = ctx_json(
				ctx, ctx_path(ctx, run_form, S(ctx->run.v[i]), S(id)), spec_keys);
	}
	return spec;
}

static void tell_bundle(struct adapter_ctx *ctx, const json_t *spec, struct known *k)
{
	const json_t *notes = json_at(spec, "annotations");

	oci_own(ctx, spec, &k->own);
	k->whole = spec; /* the last thing that is written before it is started */
	k->t.read_only = json_is_true(json_at(spec, "root.readonly"));
	if (note_of(notes, "io.kubernetes.cri-o.ContainerID").n)
		tell_crio(ctx, notes, k);
	else
		k->t.labels = pairs_of_json(&ctx->mem, notes);
}

/* What the containers of one graph root have in common. */
struct graph {
	struct span root;
	const json_t *images;
	bool users;
	enum { GRAPH_NATIVE, GRAPH_FUSE, GRAPH_TORN } how;
};

/* The engine writes the file anew at each start, and not at once: an empty one says nothing. */
static int how_mounted(struct adapter_ctx *ctx, struct span root)
{
	struct span path = ctx_path(ctx, "%.*s/overlay/.has-mount-program", S(root));
	struct span text = ctx_text(ctx, path);

	if (span_is(text, "true"))
		return GRAPH_FUSE;
	return span_is(text, "false") || !ctx_real(ctx, path).n ? GRAPH_NATIVE : GRAPH_TORN;
}

static void load_one(struct adapter_ctx *ctx, const struct graph *g, const json_t *c)
{
	struct span id = json_text_at(c, "id"), layer = json_text_at(c, "layer");
	struct span image_id = json_text_at(c, "image"), root = g->root;
	struct known *k;

	if (!is_path_part(id) || !is_path_part(layer))
		return;
	k = known_add(ctx, adapter_podman.name);
	k->root = root;
	k->fuse = g->how == GRAPH_FUSE;
	k->user_xattr = g->users;
	k->t.id = id;
	k->t.name = first_of(json_at(c, "names"));
	tell_metadata(ctx, json_text_at(c, "metadata"), k);
	if (!k->t.image.n)
		k->t.image = first_of(json_at(image_by_id(g->images, image_id), "names"));
	if (is_hex_id(image_id))
		k->t.image_digest = ctx_path(ctx, "sha256:%.*s", S(image_id));
	k->t.upper = ctx_path(ctx, "%.*s/overlay/%.*s/diff", S(root), S(layer));
	k->lower_file = ctx_path(ctx, "%.*s/overlay/%.*s/lower", S(root), S(layer));
	k->merged = ctx_path(ctx, "%.*s/overlay/%.*s/merged", S(root), S(layer));
	tell_bundle(ctx, bundle_of(ctx, root, id), k);
	k->quiet |= g->how == GRAPH_TORN; /* its mount tells */
}

static void load_root(struct adapter_ctx *ctx, struct span root)
{
	static const char *const lists[] = {"containers.json", "volatile-containers.json"};
	struct span dir = ctx_path(ctx, "%.*s/overlay-containers", S(root));
	struct graph g = {.root = root, .users = ctx_is_users(ctx, root)};

	g.images = ctx_json(ctx, ctx_path(ctx, "%.*s/overlay-images/images.json", S(root)), NULL);
	g.how = how_mounted(ctx, root);
	if (ctx_real(ctx, dir).n)
		ctx_watch(ctx, dir);
	for (size_t l = 0; l < COUNTOF(lists); l++) {
		const json_t *all = ctx_json(ctx, ctx_path(ctx, "%.*s/%s", S(dir), lists[l]), NULL);

		for (size_t i = 0; i < json_array_size(all); i++)
			load_one(ctx, &g, json_array_get(all, i));
	}
}

void storage_load(struct adapter_ctx *ctx)
{
	for (size_t i = 0; i < ctx->storage.n; i++)
		load_root(ctx, ctx->storage.v[i]);
}

static int tell(struct adapter_ctx *ctx, const char *runtime, struct box_list *list, struct box *b)
{
	struct known *k = known_of(ctx, runtime, b);

	return k ? known_tell(ctx, k, list, b) : ADAPTER_NOT_MINE;
}

static int describe_podman(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	return tell(ctx, adapter_podman.name, list, b);
}

static int enumerate_podman(struct adapter_ctx *ctx, struct box_list *list)
{
	return known_enumerate(ctx, adapter_podman.name, list);
}

static int describe_crio(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	return tell(ctx, adapter_crio.name, list, b);
}

static int enumerate_crio(struct adapter_ctx *ctx, struct box_list *list)
{
	return known_enumerate(ctx, adapter_crio.name, list);
}

const struct adapter adapter_podman = {"podman", describe_podman, enumerate_podman};
const struct adapter adapter_crio = {"cri-o", describe_crio, enumerate_crio};
