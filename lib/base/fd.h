/* fd.h - file descriptors: closing by scope, whole reads and writes. */
#pragma once

#include "base/buf.h"

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}
void fd_close(int *fd); /* closes when >= 0, leaves -1; errno is kept */
#define FD CLEANUP(fd_close)

int fd_write_all(int fd, const void *p, size_t n);
/* Reads at most `limit` bytes to the end of the file. -EFBIG with a sentence when there is more. */
int fd_read_all(int fd, size_t limit, struct buf *out);
/* Opens (O_CLOEXEC|O_NOCTTY|O_NONBLOCK and `flags`) what must be a regular file, and says what it is; whatever lies there
 * instead holds up nobody. `path`: how errors call it. */
struct stat;
int fd_open_regular(
	int dirfd, const char *name, int flags, const char *path, struct stat *ret_st, int *ret_fd);
/* Opens (O_CLOEXEC|O_NOCTTY|O_NONBLOCK), insists on a regular file (proc and sys files are), reads. */
int fd_read_file(int dirfd, const char *path, size_t limit, struct buf *out);
/* The same of a path whose last name is not followed where it is a link. */
int fd_read_plain(int dirfd, const char *path, size_t limit, struct buf *out);
/* Writes `path`.tmp, fsyncs, renames: the file is whole or as it was. */
int fd_write_file(const char *path, struct span data, unsigned mode);
/* The same for a name that a person gave: a link is followed, what is there and is no regular file is refused
 * (-EINVAL), and the file beside it on the way has a name that nobody else has. A new file has `mode` less the
 * umask; one that is there keeps its mode, and its owner where this user may give it away. */
int fd_save_file(const char *path, struct span data, unsigned mode);
