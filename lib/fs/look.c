/*
 * The object is pinned by an O_PATH fd before anything is asked about it, so that stat, link,
 * xattrs and flags are those of one object even while names are swapped under us. Only what
 * is then known to be a regular file or a directory is opened for real, through that same fd.
 */
#include "fs/look.h"
#include "base/err.h"
#include "fs/beneath.h"
#include "fs/look_xattrs.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOK_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

void look_free(struct look *l)
{
	buf_free(&l->mem);
	*l = (struct look){0};
}

static enum file_type type_of(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return FILE_REG;
	case S_IFDIR:
		return FILE_DIR;
	case S_IFLNK:
		return FILE_LINK;
	case S_IFCHR:
		return FILE_CHR;
	case S_IFBLK:
		return FILE_BLK;
	case S_IFIFO:
		return FILE_FIFO;
	default:
		return FILE_SOCK;
	}
}

/* Some file systems take any 64-bit second: beyond the year 2262 all times are the last one. */
static int64_t wall_of(struct statx_timestamp t)
{
	int64_t ns;

	if (__builtin_mul_overflow(t.tv_sec, INT64_C(1000000000), &ns) ||
		__builtin_add_overflow(ns, (int64_t)t.tv_nsec, &ns))
		return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static void fill_stat(const struct statx *sx, struct look *l)
{
	struct record *rec = &l->rec;

	rec->type = type_of(sx->stx_mode);
	rec->mode = sx->stx_mode & 07777;
	rec->uid = sx->stx_uid;
	rec->gid = sx->stx_gid;
	rec->size = rec->type == FILE_REG ? sx->stx_size : 0;
	rec->mtime = wall_of(sx->stx_mtime);
	if (rec->type == FILE_CHR || rec->type == FILE_BLK) {
		rec->rdev_major = sx->stx_rdev_major;
		rec->rdev_minor = sx->stx_rdev_minor;
	}
	rec->flags = (sx->stx_attributes & STATX_ATTR_IMMUTABLE ? FLAG_IMMUTABLE : 0) |
		     (sx->stx_attributes & STATX_ATTR_APPEND ? FLAG_APPEND : 0);
	l->dev = makedev(sx->stx_dev_major, sx->stx_dev_minor);
	l->ino = sx->stx_ino;
	l->nlink = sx->stx_nlink;
	l->ctime = wall_of(sx->stx_ctime);
	l->btime = sx->stx_mask & STATX_BTIME ? wall_of(sx->stx_btime) : 0;
	l->mount_root = sx->stx_attributes & sx->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT;
}

/* statx tells two of the four flags; the file system itself tells all where it has them. */
static void fill_flags(int fd, struct record *rec)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	rec->flags = (flags & FS_IMMUTABLE_FL ? FLAG_IMMUTABLE : 0) |
		     (flags & FS_APPEND_FL ? FLAG_APPEND : 0) |
		     (flags & FS_NOATIME_FL ? FLAG_NOATIME : 0) |
		     (flags & FS_SYNC_FL ? FLAG_SYNC : 0);
}

static int fill_link(int fd, struct look *l)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));

	if (n < 0)
		return err_sys("readlink");
	buf_add(&l->mem, target, (size_t)n);
	return buf_err(&l->mem);
}

/* `readable`: fd is open for reading already, else it is a pin that must be opened through. */
static int fill_xattrs(
	int fd, bool readable, enum look_marks marks, struct look *l, struct xattrs_found *found)
{
	bool can_open = l->rec.type == FILE_REG || l->rec.type == FILE_DIR;
	FD int opened = can_open && !readable ? beneath_reopen(fd, O_RDONLY) : -1;
	int real = readable ? fd : opened;
	struct xattrs_at at = {.fd = real};
	char path[BENEATH_PROC_PATH];

	if (real >= 0) {
		fill_flags(real, &l->rec);
	} else {
		beneath_proc_path(fd, path);
		at.path = path;
	}
	return xattrs_read(&at, marks, &l->mem, found);
}

/* Which marks mean something depends on what the object is. */
static uint32_t marks_that_count(const struct record *rec, enum look_marks marks, uint32_t ovl)
{
	if (marks == MARKS_NONE)
		return 0;
	switch (rec->type) {
	case FILE_CHR:
		return rec->rdev_major == 0 && rec->rdev_minor == 0 ? OVL_WHITEOUT : 0;
	case FILE_DIR:
		return ovl & (OVL_OPAQUE | OVL_XWHITEOUTS);
	case FILE_REG:
		return ovl & (OVL_METACOPY | (rec->size == 0 ? (uint32_t)OVL_WHITEOUT : 0));
	default:
		return 0;
	}
}

static struct span part_span(const struct look *l, struct part part)
{
	return part.n ? span_make(l->mem.p + part.off, part.n) : (struct span){0};
}

static int fill(int fd, bool readable, enum look_marks marks, struct look *l)
{
	struct xattrs_found found;
	struct part link = {0};
	struct statx sx;
	int r;

	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, LOOK_MASK, &sx) < 0)
		return err_sys("statx");
	fill_stat(&sx, l);
	if (l->rec.type == FILE_LINK && (r = fill_link(fd, l)))
		return r;
	link.n = l->mem.n;
	if ((r = fill_xattrs(fd, readable, marks, l, &found)))
		return r;
	l->rec.link = part_span(l, link);
	l->rec.flags |= found.flags;
	l->rec.xattrs = part_span(l, found.list);
	l->rec.redirect = part_span(l, found.redirect);
	l->rec.ovl = marks_that_count(&l->rec, marks, found.ovl);
	l->origin = part_span(l, found.origin);
	l->xattr_failed = found.failed;
	return 0;
}

/* Names that no directory can hold, or that lead elsewhere. */
static bool no_name(struct span name)
{
	return name.n > NAME_MAX || span_is(name, ".") || span_is(name, "..") ||
	       memchr(name.p, '/', name.n) || memchr(name.p, 0, name.n);
}

int look_at(int dir_fd, struct span name, enum look_marks marks, struct look *ret)
{
	struct buf mem = ret->mem;
	char text[NAME_MAX + 1];
	FD int fd = -1;
	int r;

	buf_reset(&mem);
	*ret = (struct look){.mem = mem};
	if (!name.n)
		return fill(dir_fd, false, marks, ret);
	if (no_name(name))
		return LOOK_ABSENT;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	fd = openat(dir_fd, text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
		return LOOK_ABSENT;
	r = fd < 0 ? err_sys("open") : fill(fd, false, marks, ret);
	return r < 0 ? err_wrap(r, "look at %s", text) : 0;
}

/* O_NOATIME is for owners and CAP_FOWNER, which the service does not have: see beneath_reopen_read(). */
static int open_quietly(int dir_fd, const char *name)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir_fd, name, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? openat(dir_fd, name, flags) : fd;
}

int look_open(int dir_fd, struct span name, enum look_marks marks, struct look *ret, int *ret_fd)
{
	struct buf mem = ret->mem;
	char text[NAME_MAX + 1];
	FD int fd = -1;
	int r;

	buf_reset(&mem);
	*ret = (struct look){.mem = mem};
	if (!name.n || no_name(name))
		return LOOK_ABSENT;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	fd = open_quietly(dir_fd, text);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ||
			      errno == ELOOP || errno == ENXIO))
		return LOOK_ABSENT;
	r = fd < 0 ? err_sys("open") : fill(fd, true, marks, ret);
	if (r < 0)
		return err_wrap(r, "look at %s", text);
	*ret_fd = take_fd(&fd);
	return 0;
}

bool look_same_stat(const struct look *a, const struct look *b)
{
	return a->rec.size == b->rec.size && a->rec.mtime == b->rec.mtime && a->ctime == b->ctime &&
	       a->ino == b->ino && a->dev == b->dev;
}
