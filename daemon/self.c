#include "daemon/self.h"
#include "base/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE " (deleted)"

uint64_t self_memory(void)
{
	BUF struct buf text = {.p = NULL};
	unsigned long long size, pages;

	if (fd_read_file(AT_FDCWD, "/proc/self/statm", 4096, &text) < 0 ||
		sscanf(buf_text(&text), "%llu %llu", &size, &pages) != 2)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int self_number(const char *key, int base, uint64_t *ret)
{
	BUF struct buf text = {.p = NULL};
	size_t n = strlen(key);
	const char *line;

	if (fd_read_file(AT_FDCWD, "/proc/self/status", 1u << 20, &text) < 0)
		return -ENOENT;
	for (line = buf_text(&text); line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':') {
			*ret = strtoull(line + n + 1, NULL, base);
			return 0;
		}
	}
	return -ENOENT;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int self_open_files(void)
{
	CLEANUP(close_dir) DIR *d = opendir("/proc/self/fd");
	int n = -1; /* the directory's own */

	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	return n;
}

bool self_is_replaced(struct buf *path)
{
	char target[4096];
	ssize_t n = readlink("/proc/self/exe", target, sizeof(target));
	size_t gone = sizeof(GONE) - 1;
	struct stat running, there;

	if (n <= 0 || (size_t)n == sizeof(target))
		return false;
	if ((size_t)n > gone && memcmp(target + n - gone, GONE, gone) == 0) {
		buf_add(path, target, (size_t)n - gone);
		return true;
	}
	buf_add(path, target, (size_t)n);
	return stat("/proc/self/exe", &running) == 0 && stat(buf_text(path), &there) == 0 &&
	       (running.st_ino != there.st_ino || running.st_dev != there.st_dev);
}

bool self_cgroup(struct buf *ret)
{
	BUF struct buf text = {.p = NULL};
	const char *line;

	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text) < 0)
		return false;
	line = strstr(buf_text(&text), "0::");
	if (!line)
		return false;
	buf_add(ret, line + 3, strcspn(line + 3, "\n"));
	return true;
}

void self_unit(struct buf *ret)
{
	BUF struct buf group = {.p = NULL};
	const char *unit, *end;

	if (!self_cgroup(&group) || !(unit = strstr(buf_text(&group), "/boltseal")))
		return;
	unit++;
	end = strstr(unit, ".service");
	if (end && !memchr(unit, '/', (size_t)(end - unit)))
		buf_add(ret, unit, (size_t)(end - unit) + 8);
}
