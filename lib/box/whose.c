/*
 * Whose process? Mount namespace and root device are the kernel's word. The cgroup path is only a
 * hint: root in a container with a writable cgroup tree moves itself, rootless ones have none. It
 * counts only for a process whose mount namespace is neither a known one nor ours.
 */
#include "box/whose.h"
#include "base/fd.h"
#include "box/proc.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_LEN = 64, CGROUP_MAX = 1 << 20 };

static bool is_id(struct span s)
{
	if (s.n != ID_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* What stands before the id in one part of the path. The monitors' own groups
 * (crio-conmon-, libpod-conmon-, lxc.monitor.) are not listed: those run outside. */
static const char *const prefixes[] = {
	"",
	"docker-",
	"libpod-",
	"libpod-payload-",
	"cri-containerd-",
	"crio-",
	"nerdctl-",
};

static struct span without(struct span s, const char *suffix)
{
	size_t n = strlen(suffix);

	if (s.n > n && memcmp(s.p + s.n - n, suffix, n) == 0)
		s.n -= n;
	return s;
}

static struct span id_in_part(struct span part)
{
	static const char lxc[] = "lxc.payload.";

	if (span_starts(part, span_of(lxc)) && part.n > sizeof(lxc) - 1)
		return span_make(part.p + sizeof(lxc) - 1, part.n - (sizeof(lxc) - 1));
	part = without(part, ".scope");
	for (size_t i = 0; i < COUNTOF(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (span_starts(part, span_of(prefixes[i])) &&
			is_id(span_make(part.p + n, part.n - n)))
			return span_make(part.p + n, part.n - n);
	}
	return (struct span){0};
}

static struct span cut(struct span *rest, char at)
{
	const uint8_t *end = rest->n ? memchr(rest->p, at, rest->n) : NULL;
	struct span part = span_make(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	size_t used = part.n + (end ? 1 : 0);

	*rest = span_make(rest->p + used, rest->n - used);
	return part;
}

static struct span id_in_path(struct span path)
{
	while (path.n) {
		struct span id = id_in_part(cut(&path, '/'));

		if (id.n)
			return id;
	}
	return (struct span){0};
}

struct span whose_cgroup_id(struct span text)
{
	while (text.n) {
		struct span line = cut(&text, '\n'), id;

		cut(&line, ':');
		cut(&line, ':');
		id = id_in_path(line);
		if (id.n)
			return id;
	}
	return (struct span){0};
}

static bool by_namespace(uint64_t ns, const struct whose_row *rows, size_t n, size_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (ns && rows[i].mnt_ns == ns) {
			*ret = i;
			return true;
		}
	return false;
}

/* Asked so that a FUSE root's server is not: it may hang. */
static bool by_device(int pid, const struct whose_row *rows, size_t n, size_t *ret)
{
	char path[64];
	struct statx root;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &root) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((rows[i].dev_major || rows[i].dev_minor) &&
			rows[i].dev_major == root.stx_dev_major &&
			rows[i].dev_minor == root.stx_dev_minor) {
			*ret = i;
			return true;
		}
	return false;
}

static bool by_cgroup(int pid, const struct whose_row *rows, size_t n, size_t *ret)
{
	BUF struct buf text = {0};
	char path[64];
	struct span id;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (fd_read_file(AT_FDCWD, path, CGROUP_MAX, &text) < 0)
		return false;
	id = whose_cgroup_id(buf_span(&text));
	for (size_t i = 0; i < n; i++)
		if (id.n && span_eq(rows[i].id, id)) {
			*ret = i;
			return true;
		}
	return false;
}

int whose_pid(int pid, const struct whose_row *rows, size_t n, size_t *ret_index)
{
	uint64_t ns = proc_mnt_ns(pid);

	if (by_namespace(ns, rows, n, ret_index))
		return 0;
	if (ns && by_device(pid, rows, n, ret_index))
		return 0;
	if (ns && (ns == proc_mnt_ns(getpid()) || ns == proc_mnt_ns(1)))
		return WHOSE_HOST;
	if (by_cgroup(pid, rows, n, ret_index))
		return 0;
	return proc_start(pid) ? WHOSE_HOST : WHOSE_GONE;
}
