#include "daemon/sensor/shown.h"
#include "base/err.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

enum { OVERLAY_MAGIC = 0x794c7630 };

/* ---- the overlay, as the container has it ---- */

int mounted_open(const struct kept *k, struct stat *ret)
{
	unsigned pid = atomic_load(&k->pid);
	struct stat upper;
	struct statfs fs;
	char path[40];
	FD int fd = -1;

	if (!pid || !k->overlay || k->marks == MARKS_FUSE)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/root/.", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || (uint64_t)fs.f_type != OVERLAY_MAGIC ||
		fstat(fd, ret) < 0 || fstat(k->upper_fd, &upper) < 0 || upper.st_ino != ret->st_ino)
		return -1;
	return take_fd(&fd);
}

bool mounted_on_one_fs(const struct kept *k)
{
	struct stat upper, st;

	if (fstat(k->upper_fd, &upper) < 0)
		return false;
	for (size_t i = 0; i < k->n_lower; i++)
		if (fstat(k->lower[i]->root_fd, &st) < 0 || st.st_dev != upper.st_dev)
			return false;
	return true;
}

/* ---- one name ---- */

/* 0; 1: nothing is there; -1: it cannot be told, or a mount is there. */
static int stat_below(int root_fd, struct span rel, dev_t dev, struct statx *ret)
{
	FD int fd = -1;
	int r = beneath_open(root_fd, rel, O_PATH | O_NOFOLLOW, &fd);

	if (r)
		return r == BENEATH_ABSENT ? 1 : -1;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret) < 0 ||
		makedev(ret->stx_dev_major, ret->stx_dev_minor) != dev ||
		ret->stx_attributes & ret->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return -1;
	return 0;
}

int mounted_compare(int overlay, dev_t overlay_dev, const struct lower *l, struct span rel)
{
	struct statx seen, is;
	struct stat root;
	int r;

	if (fstat(l->root_fd, &root) < 0 || stat_below(l->root_fd, rel, root.st_dev, &is) != 0 ||
		!(S_ISREG(is.stx_mode) || S_ISDIR(is.stx_mode) || S_ISLNK(is.stx_mode)))
		return MOUNTED_UNSURE;
	r = stat_below(overlay, rel, overlay_dev, &seen);
	if (r < 0)
		return MOUNTED_UNSURE;
	return r == 0 && seen.stx_ino == is.stx_ino ? MOUNTED_SAME : MOUNTED_OTHER;
}

bool mounted_is_plain(const struct kept *k, size_t i, const struct hit *h, struct span rel)
{
	size_t n = h->dir.rel.n ? h->dir.rel.n + 1 : 0;

	if (!h->found || h->layer != i + 1 || h->metacopy || h->entry.rec.ovl ||
		h->entry.look.mount_root || rel.n != n + h->name.n)
		return false;
	if (h->entry.rec.type != FILE_DIR && h->entry.look.nlink > 1 && k->index_fd >= 0)
		return false;
	return span_eq(h->dir.rel, span_make(rel.p, h->dir.rel.n)) &&
	       span_eq(h->name, span_make(rel.p + n, h->name.n));
}

bool mounted_other(const struct kept *k, size_t i, const struct hit *now, struct span path)
{
	struct span rel = span_make(path.p + 1, path.n - 1);
	struct stat root, again;
	FD int fd = -1, alive = -1;

	if (!rel.n || !mounted_is_plain(k, i, now, rel) || !mounted_on_one_fs(k))
		return false;
	fd = mounted_open(k, &root);
	if (fd < 0 || mounted_compare(fd, root.st_dev, k->lower[i], rel) != MOUNTED_OTHER)
		return false;
	/* A container that ends lets go of its layers, and others may take them away. */
	alive = mounted_open(k, &again);
	return alive >= 0 && again.st_dev == root.st_dev;
}
