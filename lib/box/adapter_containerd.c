/*
 * containerd (Kubernetes CRI, nerdctl, ctr), and OCI runtimes that no adapter before knows. The
 * bundle's annotations name pod, container and image, and containerd's database what they do not; Docker's own containers (namespace moby)
 * are the Docker adapter's.
 */
#include "box/containerd.h"
#include "box/ctx.h"

#define CRI "io.kubernetes.cri."

static struct span note_of(const struct oci *o, const char *key)
{
	return json_text_at(json_object_get(json_at(o->spec, "annotations"), key), NULL);
}

static void tell_common(
	struct adapter_ctx *ctx, const struct oci *o, struct box_list *list, struct box *b)
{
	CLEANUP(paths_free) struct paths own = {0};

	b->t.id = arena_dup(&list->mem, o->id);
	b->t.labels = pairs_of_json(&list->mem, json_at(o->spec, "annotations"));
	b->t.read_only = b->t.read_only || json_is_true(json_at(o->spec, "root.readonly"));
	oci_own(ctx, o->spec, &own);
	box_own(b, &own);
}

/* What its own database says: the image's name where nobody else tells it, and which image that is. */
static void tell_image(struct box_list *list, const struct oci *o, struct box *b)
{
	CLEANUP(containerd_box_free) struct containerd_box own;

	containerd_box_find(b->t.upper, o->space, o->id, &own);
	if (!b->t.image.n)
		b->t.image = arena_dup(&list->mem, buf_span(&own.image));
	if (own.config.n)
		b->t.image_digest = arena_printf(&list->mem, "sha256:%s", buf_text(&own.config));
}

static int describe(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	const struct oci *o = oci_of(ctx, b);
	struct arena *mem = &list->mem;

	if (!o || !o->containerd)
		return ADAPTER_NOT_MINE;
	if (span_is(note_of(o, CRI "container-type"), "sandbox"))
		return ADAPTER_SKIP;
	tell_common(ctx, o, list, b);
	b->t.runtime = span_of("containerd");
	b->t.name = arena_dup(mem, note_of(o, CRI "container-name"));
	b->t.name = b->t.name.n ? b->t.name : arena_dup(mem, note_of(o, "nerdctl/name"));
	b->t.name = b->t.name.n || is_hex_id(o->id) ? b->t.name : b->t.id;
	b->t.image = arena_dup(mem, note_of(o, CRI "image-name"));
	tell_image(list, o, b);
	b->t.pod_name = arena_dup(mem, note_of(o, CRI "sandbox-name"));
	b->t.pod_namespace = arena_dup(mem, note_of(o, CRI "sandbox-namespace"));
	b->t.pod_uid = arena_dup(mem, note_of(o, CRI "sandbox-uid"));
	return ADAPTER_MINE;
}

static int describe_oci(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	const struct oci *o = oci_of(ctx, b);

	if (!o)
		return ADAPTER_NOT_MINE;
	tell_common(ctx, o, list, b);
	b->t.name = !is_hex_id(o->id) ? b->t.id : (struct span){0};
	return ADAPTER_MINE;
}

const struct adapter adapter_containerd = {"containerd", describe, NULL};
const struct adapter adapter_oci = {"unknown", describe_oci, NULL};
