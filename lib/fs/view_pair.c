/* Two views side by side: what must be looked at, and what cannot differ. */
#include "fs/view.h"

static bool same_ref(const struct view *a, const struct node_ref *x, const struct view *b,
	const struct node_ref *y)
{
	return a->layer[x->layer].id == b->layer[y->layer].id && span_eq(x->dir.rel, y->dir.rel);
}

static bool has_upper(const struct view *v, const struct node *nd)
{
	return nd->n && v->layer[nd->ref[0].layer].upper;
}

bool view_aligned(const struct view *now, const struct node *now_dir, const struct view *base,
	const struct node *base_dir)
{
	size_t skip = has_upper(now, now_dir), i;

	if (now_dir->n - skip != base_dir->n)
		return false;
	for (i = 0; i < base_dir->n; i++)
		if (!same_ref(now, &now_dir->ref[skip + i], base, &base_dir->ref[i]))
			return false;
	return true;
}

static int list_refs(const struct view *v, const struct node *nd, size_t n, struct names *ret)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		const struct layer *l = &v->layer[nd->ref[i].layer];

		r = l->ops->list(l, nd->ref[i].dir, ret);
	}
	return r;
}

int view_names(const struct view *now, const struct node *now_dir, const struct view *base,
	const struct node *base_dir, struct names *ret)
{
	bool aligned = view_aligned(now, now_dir, base, base_dir);
	int r = list_refs(now, now_dir, aligned ? has_upper(now, now_dir) : now_dir->n, ret);

	if (r == 0 && !aligned)
		r = list_refs(base, base_dir, base_dir->n, ret);
	names_sort(ret);
	return r;
}

static bool same_place(const struct layer *a, struct layer_dir dir_a, struct span name_a,
	const struct layer *b, struct layer_dir dir_b, struct span name_b)
{
	return !a->upper && !b->upper && a->id == b->id && span_eq(dir_a.rel, dir_b.rel) &&
	       span_eq(name_a, name_b);
}

bool view_same_object(
	const struct view *now, const struct hit *a, const struct view *base, const struct hit *b)
{
	if (!a->found || !b->found || a->metacopy != b->metacopy)
		return false;
	if (!same_place(&now->layer[a->layer], a->dir, a->name, &base->layer[b->layer], b->dir,
		    b->name))
		return false;
	if (!a->metacopy || (!a->data_name.n && !b->data_name.n))
		return true;
	return same_place(&now->layer[a->data_layer], a->data_dir, a->data_name,
		&base->layer[b->data_layer], b->data_dir, b->data_name);
}
