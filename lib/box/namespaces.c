/*
 * Every mount namespace, once. The kernel's list names those that no process lives in, /proc names
 * the processes; one without the other is taken as it is.
 */
#include "box/mounts_how.h"
#include "base/err.h"

void namespaces_free(struct namespaces *n)
{
	free(n->v);
	*n = (struct namespaces){0};
}

/* The table grows by doubling at powers of two: no field for the room. */
struct mnt_ns *namespaces_add(struct namespaces *n, uint64_t inode)
{
	if ((n->n & (n->n - 1)) == 0) {
		struct mnt_ns *v = reallocarray(n->v, n->n ? n->n * 2 : 1, sizeof(*v));

		must(v);
		n->v = v;
	}
	n->v[n->n] = (struct mnt_ns){.inode = inode};
	return &n->v[n->n++];
}

static int by_inode(const void *x, const void *y)
{
	const struct mnt_ns *a = x, *b = y;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

static void merge(struct mnt_ns *into, const struct mnt_ns *from)
{
	if (from->id)
		into->id = from->id;
	if (from->pid && (!into->pid || from->pid < into->pid))
		into->pid = from->pid;
}

static void unite(struct namespaces *n)
{
	size_t kept = 0;

	if (n->n)
		qsort(n->v, n->n, sizeof(*n->v), by_inode);
	for (size_t i = 0; i < n->n; i++) {
		if (kept && n->v[kept - 1].inode == n->v[i].inode)
			merge(&n->v[kept - 1], &n->v[i]);
		else
			n->v[kept++] = n->v[i];
	}
	n->n = kept;
}

int namespaces_read(enum mounts_how how, struct namespaces *ret)
{
	int r;

	if (how == MOUNTS_AUTO)
		how = mounts_statmount_works() ? MOUNTS_STATMOUNT : MOUNTS_PROC;
	ret->how = how;
	r = how == MOUNTS_STATMOUNT ? namespaces_statmount(ret) : 0;
	if (r == 0)
		r = namespaces_proc(ret);
	unite(ret);
	return r;
}
