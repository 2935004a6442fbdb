/* Paths of one mount namespace in the words of another: device and place on it are the same. */
#include "box/host.h"
#include "base/fd.h"
#include "box/mounts_how.h"
#include "box/proc.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_OWNER_UID _IO(0xb7, 0x4) /* <linux/nsfs.h> */
#define S(s) (int)(s).n, (const char *)(s).p
enum { CMDLINE_MAX = 1 << 20, STAT_MAX = 4096 };

bool host_is_virtual(struct span fs_type)
{
	static const char *const kinds[] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts",
		"mqueue", "devtmpfs", "securityfs", "debugfs", "tracefs", "bpf", "pstore",
		"configfs", "nsfs", "hugetlbfs", "binfmt_misc", "autofs", "fusectl", "efivarfs"};

	for (size_t i = 0; i < COUNTOF(kinds); i++)
		if (span_is(fs_type, kinds[i]))
			return true;
	return false;
}

/* `dir` + what `path` has below `above`. */
static struct span moved(struct span dir, struct span path, struct span above, struct arena *mem)
{
	size_t skip = above.n == 1 ? 0 : above.n; /* "/" */
	struct span rest = span_make(path.p + skip, path.n - skip);

	if (rest.n == 1 && rest.p[0] == '/')
		rest.n = 0;
	if (dir.n == 1 && rest.n)
		dir.n = 0;
	return arena_printf(mem, "%.*s%.*s", S(dir), S(rest));
}

struct span host_path(const struct mounts *host, uint32_t major, uint32_t minor, struct span root,
	struct arena *mem)
{
	struct span best = {0};
	size_t best_root = SIZE_MAX;

	for (size_t i = 0; i < host->n; i++) {
		const struct mount *m = &host->v[i];
		struct span path;
		struct stat st;

		if (m->dev_major != major || m->dev_minor != minor || m->root.n >= best_root ||
			!path_within(root, m->root))
			continue;
		path = moved(m->point, root, m->root, mem);
		if (lstat((const char *)path.p, &st) < 0)
			continue; /* another mount covers it */
		best = path;
		best_root = m->root.n;
	}
	return best;
}

struct span host_path_via(
	const struct mounts *host, const struct mounts *via, struct span path, struct arena *mem)
{
	const struct mount *at = NULL;

	for (size_t i = 0; i < via->n; i++)
		if (path_within(path, via->v[i].point) && (!at || via->v[i].point.n >= at->point.n))
			at = &via->v[i];
	if (!at)
		return (struct span){0};
	return host_path(
		host, at->dev_major, at->dev_minor, moved(at->root, path, at->point, mem), mem);
}

int host_parent(int pid)
{
	BUF struct buf text = {0};
	char path[48];
	const char *at;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (pid <= 0 || fd_read_file(AT_FDCWD, path, STAT_MAX, &text) < 0)
		return 0;
	at = strrchr(buf_text(&text), ')');
	return at && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

static uint64_t pid_ns(int pid)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

int host_init_of(int pid)
{
	uint64_t ours = pid_ns(getpid()), mnt;
	BUF struct buf text = {0};
	char path[64], *at;

	if (pid <= 0 || pid_ns(pid) != ours)
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if (fd_read_file(AT_FDCWD, path, CMDLINE_MAX, &text) < 0 || !text.n)
		return pid;
	mnt = proc_mnt_ns(pid);
	for (at = (char *)text.p; *at;) {
		int child = (int)strtol(at, &at, 10);

		if (child <= 0)
			break;
		if (pid_ns(child) != ours && proc_mnt_ns(child) == mnt)
			return child;
		at += strspn(at, " ");
	}
	return pid;
}

uint32_t host_userns_owner(int pid)
{
	char path[48];
	FD int fd = -1;
	uid_t owner;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && ioctl(fd, NS_OWNER_UID, &owner) == 0 ? owner : 0;
}

/* "fuse-overlayfs", "-o", "lowerdir=…,upperdir=…", "/mount/point" */
static bool read_server(int pid, struct buf *cmdline, const char **ret_options, const char **ret_at)
{
	static const char name[] = "fuse-overlayfs";
	char path[48];
	const char *arg, *end, *base;

	*ret_options = *ret_at = NULL;
	buf_reset(cmdline);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (fd_read_file(AT_FDCWD, path, CMDLINE_MAX, cmdline) < 0)
		return false;
	arg = buf_text(cmdline);
	end = arg + cmdline->n;
	base = strrchr(arg, '/');
	if (strcmp(base ? base + 1 : arg, name) != 0)
		return false;
	for (arg += strlen(arg) + 1; arg < end; arg += strlen(arg) + 1) {
		if (strstr(arg, "upperdir="))
			*ret_options = arg;
		*ret_at = arg;
	}
	return *ret_options && *ret_at != *ret_options;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* How sure is it that this server serves the device? */
enum { SERVES_NOT, SERVES_PIVOTED, SERVES_AT_POINT, SERVES_SURELY };

/* fdinfo of its /dev/fuse tells the connection, which is the device's minor number; older kernels
 * do not. */
static int by_connection(int pid, uint32_t major, uint32_t minor)
{
	char dir[48], path[96], *at;
	const struct dirent *e;

	snprintf(dir, sizeof(dir), "/proc/%d/fdinfo", pid);
	CLEANUP(closedir_p) DIR *d = opendir(dir);
	while (d && (e = readdir(d))) {
		BUF struct buf text = {0};
		unsigned connection;

		snprintf(path, sizeof(path), "%s/%.20s", dir, e->d_name);
		if (fd_read_file(AT_FDCWD, path, STAT_MAX, &text) < 0 ||
			!(at = strstr(buf_text(&text), "fuse_connection:")) ||
			sscanf(at, "fuse_connection: %u", &connection) != 1)
			continue;
		return major == 0 && connection == minor ? SERVES_SURELY : SERVES_NOT;
	}
	return -1;
}

/* Its own table has the device at the point it was told to mount at; or, after a pivot_root(2) in
 * its namespace, at "/". */
static int serves(int pid, enum mounts_how how, const char *at, uint32_t major, uint32_t minor)
{
	MOUNTS struct mounts m = {0};
	int r = by_connection(pid, major, minor);

	if (r >= 0)
		return r;
	if (mounts_of_pid(pid, how, &m) < 0)
		return SERVES_NOT;
	r = SERVES_NOT;
	for (size_t i = 0; i < m.n; i++) {
		if (m.v[i].dev_major != major || m.v[i].dev_minor != minor)
			continue;
		if (span_is(m.v[i].point, at))
			return SERVES_AT_POINT;
		if (span_is(m.v[i].point, "/"))
			r = SERVES_PIVOTED;
	}
	return r;
}

void host_fuse_options(uint32_t major, uint32_t minor, enum mounts_how how, struct buf *out)
{
	CLEANUP(closedir_p) DIR *proc = opendir("/proc");
	BUF struct buf cmdline = {0};
	const struct dirent *e;
	const char *options, *at;
	int best = SERVES_NOT;

	while (proc && best < SERVES_AT_POINT && (e = readdir(proc))) {
		int pid = atoi(e->d_name), sure;

		if (pid <= 0 || !read_server(pid, &cmdline, &options, &at))
			continue;
		sure = serves(pid, how, at, major, minor);
		if (sure <= best)
			continue;
		best = sure;
		buf_reset(out);
		buf_add_text(out, options + (strncmp(options, "-o", 2) == 0 ? 2 : 0));
	}
}
