/* /proc/PID read while it lasts: each file is read once, whole, and what is torn stays empty. */
#include "box/proc.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CMDLINE_MAX = 4096, STATUS_MAX = 64 << 10, STAT_FIELD_START = 22, NO_LOGIN = -1 };

/* The first pid namespace's inode number is the kernel's constant (PROC_PID_INIT_INO). */
#define HOSTS_PID_NS 0xEFFFFFFCU

static const char *path_of(char out[64], int pid, const char *name)
{
	snprintf(out, 64, "/proc/%d/%s", pid, name);
	return out;
}

/* At most `limit` bytes; more is cut off, which fd_read_all() would not have. */
static int read_some(int pid, const char *name, size_t limit, struct buf *out)
{
	char path[64];
	FD int fd = open(path_of(path, pid, name), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (buf_reserve(out, limit))
		return -ENOMEM;
	while (out->n < limit) {
		ssize_t r = read(fd, out->p + out->n, limit - out->n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		out->n += (size_t)r;
	}
	return 0;
}

/* The name in brackets may hold anything, brackets and blanks too: count from the last ')'. */
static uint64_t start_of(struct span stat)
{
	const uint8_t *at = stat.n ? memrchr(stat.p, ')', stat.n) : NULL, *end = stat.p + stat.n;
	uint64_t v = 0;

	for (int field = 2; at && field < STAT_FIELD_START; field++) {
		at = memchr(at, ' ', (size_t)(end - at));
		at = at && at + 1 < end ? at + 1 : NULL;
	}
	for (; at && at < end && *at >= '0' && *at <= '9'; at++)
		v = v * 10 + (uint64_t)(*at - '0');
	return v;
}

uint64_t proc_start(int pid)
{
	BUF struct buf stat = {0};

	return read_some(pid, "stat", CMDLINE_MAX, &stat) < 0 ? 0 : start_of(buf_span(&stat));
}

uint64_t proc_mnt_ns(int pid)
{
	char path[64];
	struct stat st;

	return stat(path_of(path, pid, "ns/mnt"), &st) < 0 ? 0 : st.st_ino;
}

bool proc_sees_all(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {0};
	struct stat st;

	return syscall(SYS_capget, &head, caps) == 0 &&
	       (caps[0].effective & 1U << CAP_SYS_PTRACE) && stat("/proc/self/ns/pid", &st) == 0 &&
	       st.st_ino == HOSTS_PID_NS;
}

/* "Uid:\t0\t0\t0\t0": the second number is the effective one, which file access goes by. */
static bool effective_id(struct span status, const char *key, uint32_t *ret)
{
	const char *at = memmem(status.p, status.n, key, strlen(key));
	unsigned real, effective;

	if (!at || sscanf(at + strlen(key), "%u %u", &real, &effective) != 2)
		return false;
	*ret = effective;
	return true;
}

static bool read_ids(int pid, struct actor *ret)
{
	BUF struct buf status = {0};

	if (read_some(pid, "status", STATUS_MAX, &status) < 0 || !status.n)
		return false;
	buf_u8(&status, 0);
	return effective_id(buf_span(&status), "\nUid:", &ret->uid) &&
	       effective_id(buf_span(&status), "\nGid:", &ret->gid);
}

static uint32_t read_login(int pid)
{
	BUF struct buf text = {0};
	uint64_t v;

	if (read_some(pid, "loginuid", 32, &text) < 0 ||
		text_u64(buf_span(&text), 0, UINT32_MAX, &v) < 0)
		return (uint32_t)NO_LOGIN;
	return (uint32_t)v;
}

static struct span read_exe(int pid, struct arena *mem)
{
	char path[64], exe[PATH_MAX];
	ssize_t n = readlink(path_of(path, pid, "exe"), exe, sizeof(exe));

	return n > 0 ? arena_dup(mem, span_make(exe, (size_t)n)) : (struct span){0};
}

static struct span read_dup(int pid, const char *name, size_t limit, char end, struct arena *mem)
{
	BUF struct buf text = {0};

	if (read_some(pid, name, limit, &text) < 0 || !text.n)
		return (struct span){0};
	if (text.p[text.n - 1] == (uint8_t)end)
		text.n--;
	return arena_dup(mem, buf_span(&text));
}

int proc_actor(int pid, struct arena *mem, struct actor *ret)
{
	uint64_t start = pid > 0 ? proc_start(pid) : 0;

	*ret = (struct actor){.login_uid = (uint32_t)NO_LOGIN};
	if (!start)
		return err_set(-ESRCH, "process %d is gone", pid);
	ret->pid = (uint32_t)pid;
	ret->start = start;
	ret->has_uid = read_ids(pid, ret);
	ret->login_uid = read_login(pid);
	ret->exe = read_exe(pid, mem);
	ret->cmdline = read_dup(pid, "cmdline", CMDLINE_MAX, 0, mem);
	ret->comm = read_dup(pid, "comm", 64, '\n', mem);
	if (proc_start(pid) != start) { /* what was read may be another process's */
		*ret = (struct actor){.login_uid = (uint32_t)NO_LOGIN};
		return err_set(-ESRCH, "process %d ended while it was looked at", pid);
	}
	if (!ret->has_uid || !ret->exe.n)
		ret->reason = span_of(ret->has_uid ? "its program file cannot be told"
						   : "its status cannot be read");
	return 0;
}
