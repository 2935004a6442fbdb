/* room.h - a scratch directory per test and little helpers to fill it; for the tests of lib/fs. */
#pragma once

#include "base/fd.h"
#include "base/err.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct room {
	char path[64];
	int fd; /* O_PATH */
};

static inline int room_remove_one(int dir_fd, const char *name);

/* Removes what is below `fd` by descent, so that depth and length do not matter. */
static inline void room_empty(int fd)
{
	char name[NAME_MAX + 1];
	struct entry {
		uint64_t ino;
		int64_t off;
		uint16_t len;
		uint8_t type;
		char name[];
	} * de;
	char page[4096] __attribute__((aligned(8)));
	FD int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n, at;
	bool again = true;

	while (again) {
		again = false;
		lseek(dir, 0, SEEK_SET);
		while ((n = getdents64(dir, page, sizeof(page))) > 0)
			for (at = 0; at < n; at += de->len) {
				de = (void *)(page + at);
				snprintf(name, sizeof(name), "%s", de->name);
				if (strcmp(name, ".") && strcmp(name, ".."))
					again |= room_remove_one(dir, name) == 0;
			}
	}
}

static inline int room_remove_one(int dir_fd, const char *name)
{
	FD int sub = -1;

	if (unlinkat(dir_fd, name, 0) == 0)
		return 0;
	sub = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return -1;
	room_empty(sub);
	return unlinkat(dir_fd, name, AT_REMOVEDIR);
}

/* A failed or skipped test jumps away: what it left open is removed when the program ends. */
static struct {
	pid_t owner;
	size_t n;
	char path[64][64];
} room_left;

static inline void room_sweep(void)
{
	size_t i;

	for (i = 0; i < room_left.n && getpid() == room_left.owner; i++) {
		FD int fd = open(room_left.path[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		room_empty(fd);
		rmdir(room_left.path[i]);
	}
}

static inline void room_note(const char *path)
{
	size_t i;

	if (!room_left.owner) {
		room_left.owner = getpid();
		atexit(room_sweep);
	}
	for (i = 0; i < room_left.n && room_left.path[i][0]; i++)
		;
	if (i == COUNTOF(room_left.path))
		return;
	snprintf(room_left.path[i], sizeof(room_left.path[i]), "%s", path);
	room_left.n = i < room_left.n ? room_left.n : i + 1;
}

static inline void room_forget(const char *path)
{
	size_t i;

	for (i = 0; i < room_left.n; i++)
		if (strcmp(room_left.path[i], path) == 0)
			room_left.path[i][0] = 0;
}

static inline struct room room_open(void)
{
	struct room r;
	const char *tmp = getenv("TMPDIR");

	snprintf(r.path, sizeof(r.path), "%.40s/fs-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(r.path));
	room_note(r.path);
	r.fd = open(r.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(r.fd >= 0);
	return r;
}

static inline void room_close(struct room *r)
{
	room_empty(r->fd);
	fd_close(&r->fd);
	assert_int_equal(rmdir(r->path), 0);
	room_forget(r->path);
}
#define ROOM CLEANUP(room_close)

static inline void room_file(const struct room *r, const char *name, const void *p, size_t n)
{
	FD int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, p, n), 0);
}

static inline void room_text(const struct room *r, const char *name, const char *text)
{
	room_file(r, name, text, strlen(text));
}

static inline void room_dir(const struct room *r, const char *name)
{
	assert_int_equal(mkdirat(r->fd, name, 0755), 0);
}

static inline const char *room_path(const struct room *r, const char *name)
{
	static _Thread_local char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", r->path, name);
	return path;
}

/* Sets an xattr on a link itself too; skips the test where the file system or the user cannot. */
static inline void room_xattr(
	const struct room *r, const char *name, const char *key, const void *p, size_t n)
{
	if (lsetxattr(room_path(r, name), key, p, n, 0) == 0)
		return;
	print_message("SKIP: setting %s is refused here: errno %d\n", key, errno);
	skip();
}

static inline void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("SKIP: needs root\n");
	skip();
}
