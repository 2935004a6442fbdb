#include "daemon/sensor/layer_odd.h"
#include "daemon/sensor/shown.h"

/* Does the container see it, be it as one of several directories that are merged? */
static bool is_seen(const struct hit *now, uint32_t layer)
{
	bool seen = now->found && now->layer == layer;

	for (size_t i = 0; now->found && !seen && i < now->node.n; i++)
		seen = now->node.ref[i].layer == layer;
	return seen;
}

/* What was empty as it was stored has nothing that could be hidden. */
static bool hides(const struct layer *stored, const struct layer_entry *e)
{
	NAMES struct names names = {0};

	if (e->rec.type != FILE_DIR)
		return true;
	return stored->ops->list(stored, (struct layer_dir){.no = e->sub_dir}, &names) < 0 ||
	       names.n > 0;
}

static uint32_t odd_in(
	const struct layer *disk, const struct layer *stored, struct span below, struct span name)
{
	struct layer_entry a = {0}, b = {0};
	struct layer_dir dir;
	uint32_t odd = 0;

	if (stored->root_fd >= 0)
		return 0; /* not stored yet: first seen as it is */
	if (layer_dir_of(stored, below, &dir) == 0 &&
		stored->ops->lookup(stored, dir, name, &b) == 0 &&
		disk->ops->lookup(disk, (struct layer_dir){.rel = below}, name, &a) == 0) {
		if (record_marks_differ(&a.rec, &b.rec) || !span_eq(a.rec.redirect, b.rec.redirect))
			odd |= 1u << ASPECT_XATTR;
		if (name.n && a.look.mount_root && hides(stored, &b))
			odd |= 1u << ASPECT_MOUNT;
	}
	look_free(&a.look);
	return odd;
}

bool layer_odd(const struct kept *k, const struct views *v, struct span path, struct span name,
	const struct hit *now, bool same, struct layer_odd *ret)
{
	size_t up = path.n - name.n;
	struct span below = span_make(path.p + 1, up > 1 ? up - 2 : 0);

	for (size_t i = 0; i < k->n_lower; i++) {
		if (!is_seen(now, (uint32_t)i + 1))
			continue;
		ret->layer = k->lower[i]->path;
		ret->aspects = odd_in(&v->now.layer[i + 1], &v->base.layer[i], below, name);
		if (ret->aspects)
			return true;
	}
	ret->layer = same && now->found && now->layer ? k->lower[now->layer - 1]->path : NULL;
	ret->aspects = 0;
	return ret->layer && mounted_other(k, now->layer - 1, now, path);
}

const char *layer_odd_words(uint32_t aspects)
{
	return aspects & 1u << ASPECT_MOUNT ? "a mount lies over it: containers have what is below"
	       : aspects & 1u << ASPECT_XATTR
		       ? "marks that steer what an overlay shows are others"
		       : "a container that runs has another there than lies in the layer";
}
