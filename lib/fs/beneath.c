/*
 * The kernel does the whole resolution in one call, so there is no moment between a check and a
 * use. Long paths are cut into pieces the kernel takes; each piece starts at the fd of the one
 * before, so a directory moved away meanwhile takes us along but never out by a link or a mount.
 */
#include "fs/beneath.h"
#include "base/err.h"
#include "base/sys.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOLVE_SAFE                                                                               \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#define STEP_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

size_t beneath_depth(struct span rel)
{
	size_t n = rel.n > 0 && !(rel.n == 1 && rel.p[0] == '/');

	for (size_t i = 1; i < rel.n; i++)
		n += rel.p[i] == '/'; /* one at the beginning is of a path from "/" */
	return n;
}

bool beneath_too_deep(struct span rel)
{
	return rel.n > BENEATH_LONGEST || beneath_depth(rel) > BENEATH_DEEPEST;
}

/* What an open's errno means to the caller; the sentence is made for real failures only. */
static int verdict(struct span rel)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
		return BENEATH_ABSENT;
	if (errno == ELOOP || errno == EXDEV)
		return BENEATH_REFUSED;
	return err_sys("open %.*s", (int)(rel.n < 300 ? rel.n : 300), (const char *)rel.p);
}

/* "." and ".." have no place in a path that was put together from names; NUL would cut it short. */
static bool well_formed(struct span rel)
{
	size_t from = 0, i;

	if (rel.n && (rel.p[0] == '/' || memchr(rel.p, 0, rel.n)))
		return false;
	for (i = 0; i <= rel.n; i++) {
		if (i < rel.n && rel.p[i] != '/')
			continue;
		if (i - from == 1 && rel.p[from] == '.')
			return false;
		if (i - from == 2 && rel.p[from] == '.' && rel.p[from + 1] == '.')
			return false;
		from = i + 1;
	}
	return true;
}

/* The piece of `rel` to do next: all of it, or up to the last '/' that fits. */
static struct span next_piece(struct span *rel)
{
	struct span piece = *rel;
	size_t cut;

	if (rel->n < PATH_MAX) {
		rel->n = 0;
		return piece;
	}
	for (cut = PATH_MAX - 1; cut && rel->p[cut] != '/'; cut--)
		;
	piece.n = cut;
	*rel = cut ? span_make(rel->p + cut + 1, rel->n - cut - 1) : span_make(rel->p, 0);
	return piece;
}

static int open_piece(int dir_fd, struct span piece, int flags)
{
	char path[PATH_MAX];

	if (piece.n)
		memcpy(path, piece.p, piece.n);
	path[piece.n] = 0;
	return sys_openat2(dir_fd, piece.n ? path : ".", (uint64_t)flags, 0, RESOLVE_SAFE);
}

/* What tells two mounts apart: the mount's id, or the device where the kernel has no ids. */
struct place {
	uint64_t mnt, dev;
	mode_t mode;
};

static int place_of(int fd, struct place *ret)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &sx) < 0)
		return -1;
	ret->mode = sx.stx_mode;
	ret->mnt = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : 0;
	ret->dev = ret->mnt ? 0 : (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor;
	return 0;
}

/* Opens one component without following it and without leaving `home`. -1 and errno. */
static int walk_one(int dir_fd, struct span name, const struct place *home, int flags, bool link_ok)
{
	char text[NAME_MAX + 1];
	FD int fd = -1;
	struct place at;

	if (name.n > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (name.n)
		memcpy(text, name.p, name.n);
	text[name.n] = 0;
	fd = openat(dir_fd, name.n ? text : ".", flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || place_of(fd, &at) < 0)
		return -1;
	if (at.mnt != home->mnt || at.dev != home->dev)
		errno = EXDEV;
	else if (S_ISLNK(at.mode) && !link_ok)
		errno = ELOOP;
	else
		return take_fd(&fd);
	return -1;
}

/* The last component: looked at by O_PATH first, so that no device is opened by mistake. */
static int walk_last(int dir_fd, struct span name, const struct place *home, int flags)
{
	bool link_ok = (flags & (O_PATH | O_NOFOLLOW)) == (O_PATH | O_NOFOLLOW);
	FD int fd = walk_one(dir_fd, name, home, O_PATH | (flags & O_DIRECTORY), link_ok);

	if (fd < 0 || flags & O_PATH)
		return take_fd(&fd);
	return walk_one(dir_fd, name, home, flags, false);
}

int beneath_walk(int root_fd, struct span rel, int flags, int *ret_fd)
{
	FD int at = openat(root_fd, ".", STEP_FLAGS);
	struct span rest = rel;
	struct place home;
	const uint8_t *slash;

	if (!well_formed(rel))
		return BENEATH_REFUSED;
	if (at < 0 || place_of(at, &home) < 0)
		return verdict(rel);
	while (rest.n && (slash = memchr(rest.p, '/', rest.n))) {
		struct span name = span_make(rest.p, (size_t)(slash - rest.p));
		int fd = walk_one(at, name, &home, O_PATH, false);

		if (fd < 0)
			return verdict(rel);
		fd_close(&at);
		at = fd;
		rest = span_make(slash + 1, rest.n - name.n - 1);
	}
	*ret_fd = walk_last(at, rest, &home, flags);
	return *ret_fd < 0 ? verdict(rel) : 0;
}

int beneath_open(int root_fd, struct span rel, int flags, int *ret_fd)
{
	FD int at = -1;
	struct span rest = rel;

	if (!well_formed(rel)) {
		errno = ELOOP;
		return BENEATH_REFUSED;
	}
	for (;;) {
		struct span before = rest, piece = next_piece(&rest);
		int fd;

		if (before.n && !piece.n)
			return BENEATH_ABSENT; /* a name longer than any can be */
		fd = open_piece(
			at < 0 ? root_fd : at, piece, rest.n ? STEP_FLAGS : flags | O_CLOEXEC);
		if (fd < 0 && errno == ENOSYS)
			return beneath_walk(root_fd, rel, flags, ret_fd);
		if (fd < 0)
			return verdict(rel);
		fd_close(&at);
		at = fd;
		if (!rest.n)
			break;
	}
	*ret_fd = take_fd(&at);
	return 0;
}

int beneath_parent(int root_fd, struct span rel, int *ret_fd, struct span *ret_name)
{
	const uint8_t *slash = rel.n ? memrchr(rel.p, '/', rel.n) : NULL;
	size_t dir_n = slash ? (size_t)(slash - rel.p) : 0;

	*ret_name = slash ? span_make(slash + 1, rel.n - dir_n - 1) : rel;
	return beneath_open(root_fd, span_make(rel.p, dir_n), STEP_FLAGS, ret_fd);
}

void beneath_proc_path(int fd, char ret[BENEATH_PROC_PATH])
{
	snprintf(ret, BENEATH_PROC_PATH, "/proc/self/fd/%d", fd);
}

int beneath_reopen(int fd, int flags)
{
	char path[BENEATH_PROC_PATH];

	beneath_proc_path(fd, path);
	return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* O_NOATIME is for owners and CAP_FOWNER; to others a refreshed atime is the lesser evil. */
int beneath_reopen_read(int fd)
{
	int r = beneath_reopen(fd, O_RDONLY | O_NOATIME);

	return r < 0 && errno == EPERM ? beneath_reopen(fd, O_RDONLY) : r;
}

int beneath_open_dir(int dir_fd)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;
	int r = openat(dir_fd, ".", flags | O_NOATIME);

	return r < 0 && errno == EPERM ? openat(dir_fd, ".", flags) : r;
}
