#include "base/fd.h"
#include "base/err.h"
#include <fcntl.h>
#include <stdio.h>
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

int fd_read_file(int dirfd, const char *path, size_t limit, struct buf *out)
{
	FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EINVAL, "%s: not a regular file", path);
	r = fd_read_all(fd, limit, out);
	return r < 0 ? err_wrap(r, "%s", path) : 0;
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
		return err_sys("%s", buf_text(&tmp));
	r = fd_write_all(fd, data.p, data.n);
	if (r == 0 && fsync(fd) < 0)
		r = err_sys("fsync");
	if (r == 0 && rename(buf_text(&tmp), path) < 0)
		r = err_sys("rename");
	if (r < 0)
		unlink(buf_text(&tmp));
	return r < 0 ? err_wrap(r, "%s", path) : 0;
}
