#include "base/fd.h"
#include "base/err.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_write_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return err_sys("write");
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fd_read_all(int fd, size_t limit, struct buf *out)
{
	size_t got = 0;

	for (;;) {
		ssize_t r;

		if (buf_reserve(out, 16384))
			return buf_err(out);
		r = read(fd, out->p + out->n, 16384);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("read");
		if (r == 0)
			break;
		out->n += (size_t)r;
		got += (size_t)r;
		if (got > limit)
			return err_set(-EFBIG, "more than %zu bytes", limit);
	}
	out->p[out->n] = 0;
	return 0;
}

int fd_open_regular(
	int dirfd, const char *name, int flags, const char *path, struct stat *ret_st, int *ret_fd)
{
	FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(-EINVAL, "%s: not a regular file", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int read_regular(int dirfd, const char *path, int flags, size_t limit, struct buf *out)
{
	FD int fd = -1;
	struct stat st;
	int r = fd_open_regular(dirfd, path, flags, path, &st, &fd);

	if (r < 0)
		return r;
	r = fd_read_all(fd, limit, out);
	return r < 0 ? err_wrap(r, "%s", path) : 0;
}

int fd_read_file(int dirfd, const char *path, size_t limit, struct buf *out)
{
	return read_regular(dirfd, path, 0, limit, out);
}

int fd_read_plain(int dirfd, const char *path, size_t limit, struct buf *out)
{
	return read_regular(dirfd, path, O_NOFOLLOW, limit, out);
}

int fd_write_file(const char *path, struct span data, unsigned mode)
{
	BUF struct buf tmp = {0};
	FD int fd = -1;
	int r;

	buf_printf(&tmp, "%s.tmp", path);
	if ((r = buf_err(&tmp)))
		return r;
	unlink(buf_text(&tmp));
	fd = open(buf_text(&tmp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return err_sys("%s", path);
	r = fd_write_all(fd, data.p, data.n);
	if (r == 0 && fsync(fd) < 0)
		r = err_sys("fsync");
	if (r == 0 && rename(buf_text(&tmp), path) < 0)
		r = err_sys("rename");
	if (r < 0)
		unlink(buf_text(&tmp));
	return r < 0 ? err_wrap(r, "%s", path) : 0;
}

/* Where it leads, if anything is there. */
static int find_saved(const char *path, char **ret, struct stat *st)
{
	char *real = realpath(path, NULL);

	if (!real && errno != ENOENT)
		return err_sys("%s", path);
	*ret = real ? real : strdup(path);
	st->st_mode = 0;
	if (!real)
		return *ret ? 0 : err_set(-ENOMEM, "out of memory");
	if (stat(real, st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(st->st_mode))
		return err_set(-EINVAL,
			"%s: not a regular file: name another, or - for standard output", path);
	return 0;
}

static int keep_owner(int fd, const struct stat *was, unsigned mode)
{
	mode_t mask = umask(0);

	umask(mask);
	/* Whose it was, if it may be; else it is whose who writes it. */
	if (was->st_mode && fchown(fd, was->st_uid, was->st_gid) < 0 && errno != EPERM)
		return err_sys("chown");
	mode = was->st_mode ? was->st_mode & 0777 : mode & ~mask;
	return fchmod(fd, mode) < 0 ? err_sys("chmod") : 0;
}

int fd_save_file(const char *path, struct span data, unsigned mode)
{
	FREE char *real = NULL;
	BUF struct buf tmp = {0};
	struct stat was;
	FD int fd = -1;
	int r = find_saved(path, &real, &was);

	if (r < 0)
		return r;
	buf_printf(&tmp, "%s.XXXXXX", real);
	if ((r = buf_err(&tmp)))
		return r;
	fd = mkostemp((char *)tmp.p, O_CLOEXEC);
	if (fd < 0)
		return err_sys("%s", path);
	r = fd_write_all(fd, data.p, data.n);
	if (r == 0)
		r = keep_owner(fd, &was, mode);
	if (r == 0 && fsync(fd) < 0)
		r = err_sys("fsync");
	if (r == 0 && rename(buf_text(&tmp), real) < 0)
		r = err_sys("rename");
	if (r < 0)
		unlink(buf_text(&tmp));
	return r < 0 ? err_wrap(r, "%s", path) : 0;
}
