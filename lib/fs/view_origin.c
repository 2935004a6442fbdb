/*
 * overlay.origin is the file handle of what an upper object was copied from, with a header of 21
 * bytes before it: version, 0xfb, length of all, flags, handle type, 16 bytes of the fs's UUID.
 */
#include "base/err.h"
#include "fs/beneath.h"
#include "fs/view.h"
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 21, MAGIC = 0xfb, FLAG_BIG_ENDIAN = 1, FLAG_ANY_ENDIAN = 2 };

/* Handle types by their kernel numbers. */
enum {
	INO32_GEN = 1,
	INO32_GEN_PARENT = 2,
	INO64_GEN = 0x81,
	INO64_GEN_PARENT = 0x82,
	BTRFS_ALONE = 0x4d,
	BTRFS_PARENT = 0x4e,
	BTRFS_PARENT_ROOT = 0x4f,
};

bool view_origin_handle(struct span origin, uint8_t *ret_type, struct span *ret_fid)
{
	bool big = BYTE_ORDER == BIG_ENDIAN;
	const uint8_t *p = origin.p;

	if (origin.n <= HEADER || p[0] != 0 || p[1] != MAGIC || p[2] > origin.n || p[2] <= HEADER)
		return false;
	if (p[3] & ~(FLAG_BIG_ENDIAN | FLAG_ANY_ENDIAN | 4) ||
		(!(p[3] & FLAG_ANY_ENDIAN) && (p[3] & FLAG_BIG_ENDIAN) != big))
		return false;
	*ret_type = p[4];
	*ret_fid = span_make(p + HEADER, p[2] - (size_t)HEADER);
	return ret_fid->n <= MAX_HANDLE_SZ;
}

static uint32_t u32_at(struct span s, size_t i)
{
	uint32_t v;

	memcpy(&v, s.p + i * sizeof(v), sizeof(v));
	return v;
}

int view_origin_ino(struct span origin, uint64_t *ret_ino)
{
	struct span fid;
	uint8_t type;

	if (!view_origin_handle(origin, &type, &fid) || fid.n < 8)
		return LOOK_ABSENT;
	switch (type) {
	case INO32_GEN:
		/* tmpfs takes this number for a form of its own: generation, then 64 bits. */
		*ret_ino = fid.n == 12 ? u32_at(fid, 1) | (uint64_t)u32_at(fid, 2) << 32
				       : u32_at(fid, 0);
		return 0;
	case INO32_GEN_PARENT:
		*ret_ino = u32_at(fid, 0);
		return 0;
	case INO64_GEN:
	case INO64_GEN_PARENT:
	case BTRFS_ALONE:
	case BTRFS_PARENT:
	case BTRFS_PARENT_ROOT:
		memcpy(ret_ino, fid.p, sizeof(*ret_ino));
		return 0;
	default:
		return LOOK_ABSENT;
	}
}

/* What the handle names, O_PATH. The root is opened for real: handles need a mount's file. */
static int open_handle(int root_fd, uint8_t type, struct span fid, int *ret_fd)
{
	union {
		struct file_handle h;
		uint8_t bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h = {.handle_bytes = (unsigned)fid.n, .handle_type = type}};
	FD int mount = beneath_open_dir(root_fd);

	if (mount < 0)
		return err_sys("open a layer's root");
	memcpy(u.bytes + sizeof(struct file_handle), fid.p, fid.n);
	*ret_fd = open_by_handle_at(mount, &u.h, O_PATH | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	if (errno == ESTALE || errno == ENOENT || errno == EINVAL || errno == EOPNOTSUPP)
		return LOOK_ABSENT;
	return err_sys("open an origin by its handle");
}

static ssize_t path_of(int fd, char ret[PATH_MAX])
{
	char link[BENEATH_PROC_PATH];

	beneath_proc_path(fd, link);
	return readlink(link, ret, PATH_MAX);
}

/* The part of the object's path that is below the root's; empty when it is not below. */
static struct span part_below(int root_fd, int fd, char path[PATH_MAX])
{
	char top[PATH_MAX];
	ssize_t n_top = path_of(root_fd, top), n = path_of(fd, path);
	struct span whole = span_make(path, n > 0 ? (size_t)n : 0);
	struct span root = span_make(top, n_top > 0 ? (size_t)n_top : 0);

	if (n_top <= 0 || n <= 0 || n == PATH_MAX || whole.n <= root.n || !path_within(whole, root))
		return (struct span){0};
	root.n = root.n == 1 ? 1 : root.n + 1; /* with the '/' */
	return span_make(whole.p + root.n, whole.n - root.n);
}

/* A file's handle may come without a place, or with one from before a rename: only what is found
 * again there counts. */
static bool is_there(int root_fd, struct span rel, int fd)
{
	FD int again = -1;
	struct stat a, b;

	if (beneath_open(root_fd, rel, O_PATH | O_NOFOLLOW, &again) != 0)
		return false;
	return fstat(fd, &a) == 0 && fstat(again, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int view_origin_path(const struct layer *lower, struct span origin, struct buf *out)
{
	char path[PATH_MAX];
	FD int fd = -1;
	struct span fid, rel;
	uint8_t type;
	int r;

	if (lower->root_fd < 0 || !view_origin_handle(origin, &type, &fid))
		return LOOK_ABSENT;
	r = open_handle(lower->root_fd, type, fid, &fd);
	if (r)
		return r;
	rel = part_below(lower->root_fd, fd, path);
	if (!rel.n || !is_there(lower->root_fd, rel, fd))
		return LOOK_ABSENT;
	buf_u8(out, '/');
	buf_add_span(out, rel);
	return buf_err(out);
}
