/* /proc/PID read while it lasts: each file is read once, whole, into memory that is there already. */
#include "box/proc.h"
#include "base/err.h"
#include "base/fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATUS_MAX = 8192, STAT_MAX = 1024 };
enum { FIELD_PPID = 4, FIELD_SID = 6, FIELD_TTY = 7, FIELD_START = 22 };

/* The first pid namespace's inode number is the kernel's constant (PROC_PID_INIT_INO). */
#define HOSTS_PID_NS 0xEFFFFFFCU

/* ---- texts ---- */

static long long field(const char **at)
{
	char *end;
	long long v = strtoll(*at, &end, 10);

	*at = end;
	return v;
}

/* The name in brackets may hold anything, brackets and blanks too: count from the last ')'. */
bool proc_parse_stat(struct span text, struct proc_stat *ret)
{
	char rest[STAT_MAX];
	const uint8_t *open = text.n ? memchr(text.p, '(', text.n) : NULL;
	const uint8_t *close = text.n ? memrchr(text.p, ')', text.n) : NULL;
	const char *at = rest;
	size_t n;

	*ret = (struct proc_stat){0};
	if (!open || !close || close < open)
		return false;
	n = (size_t)(close - open) - 1;
	n = n < sizeof(ret->comm) - 1 ? n : sizeof(ret->comm) - 1;
	memcpy(ret->comm, open + 1, n);
	n = (size_t)(text.p + text.n - close) - 1;
	n = n < sizeof(rest) - 1 ? n : sizeof(rest) - 1;
	memcpy(rest, close + 1, n);
	rest[n] = 0;
	while (*at == ' ')
		at++;
	ret->state = *at;
	if (*at)
		at++;
	for (int i = FIELD_PPID; i <= FIELD_START && *at; i++) {
		unsigned long long v = (unsigned long long)field(&at);

		if (i == FIELD_PPID)
			ret->ppid = (int)v;
		else if (i == FIELD_SID)
			ret->sid = (int)v;
		else if (i == FIELD_TTY)
			ret->tty = (int)v;
		else if (i == FIELD_START)
			ret->start = v;
	}
	return ret->start > 0;
}

static const char *line_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? at + strlen(key) : NULL;
}

/* "Uid:\t0\t0\t0\t0": the second number is the effective one, which file access goes by. */
static bool effective_id(const char *text, const char *key, uint32_t *ret)
{
	const char *at = line_of(text, key);
	unsigned real, effective;

	if (!at || sscanf(at, "%u %u", &real, &effective) != 2)
		return false;
	*ret = effective;
	return true;
}

bool proc_parse_status(struct span text, struct proc_facts *ret)
{
	char copy[STATUS_MAX];
	size_t n = text.n < sizeof(copy) - 1 ? text.n : sizeof(copy) - 1;
	const char *at;

	memcpy(copy, text.p ? (const char *)text.p : "", n);
	copy[n] = 0;
	ret->ns_pid = ret->ns_levels = 0;
	for (at = line_of(copy, "\nNSpid:"); at && *at && *at != '\n';) {
		char *end;
		long v = strtol(at, &end, 10);

		if (end == at)
			break;
		ret->ns_pid = (int)v;
		ret->ns_levels++;
		at = end;
		at += strspn(at, "\t ");
	}
	return effective_id(copy, "\nUid:", &ret->uid) && effective_id(copy, "\nGid:", &ret->gid);
}

/* See Documentation/admin-guide/devices.txt: pseudo terminals, consoles and serial lines. */
const char *proc_tty_name(int tty, char out[PROC_TTY_MAX])
{
	unsigned major = (unsigned)tty >> 8 & 0xfff;
	unsigned minor = ((unsigned)tty & 0xff) | ((unsigned)tty >> 12 & 0xfff00);

	out[0] = 0;
	if (major >= 136 && major <= 143)
		snprintf(out, PROC_TTY_MAX, "pts/%u", (major - 136) * 256 + minor);
	else if (major == 4)
		snprintf(out, PROC_TTY_MAX, minor < 64 ? "tty%u" : "ttyS%u", minor & 63);
	else if (major == 5 && minor == 1)
		snprintf(out, PROC_TTY_MAX, "console");
	else if (tty)
		snprintf(out, PROC_TTY_MAX, "%u:%u", major, minor);
	return out;
}

/* ---- files ---- */

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int proc_dir(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys("/proc") : fd;
}

static const char *name_of(char out[64], int pid, const char *name)
{
	snprintf(out, 64, "%d/%s", pid, name);
	return out;
}

/* What one read gives, at most `limit` bytes: these files come whole. -1 when it is not to be had. */
static ssize_t read_at(int dir, int pid, const char *name, char *out, size_t limit)
{
	char path[64];
	FD int fd = openat(dir, name_of(path, pid, name), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : read(fd, out, limit);
}

static uint16_t link_at(int dir, int pid, const char *name, char out[PATH_MAX])
{
	char path[64];
	ssize_t n = readlinkat(dir, name_of(path, pid, name), out, PATH_MAX);

	return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static bool got_image(int dir, int pid, struct proc_facts *f)
{
	ssize_t n = read_at(dir, pid, "cmdline", f->cmdline, sizeof(f->cmdline));

	while (n > 0 && f->cmdline[n - 1] == 0)
		n--;
	f->n_cmdline = n > 0 ? (uint16_t)n : 0;
	f->n_exe = link_at(dir, pid, "exe", f->exe);
	f->n_cwd = link_at(dir, pid, "cwd", f->cwd);
	return f->n_exe > 0;
}

static bool got_exe(int dir, int pid, struct proc_facts *f)
{
	if (!f->n_exe)
		f->n_exe = link_at(dir, pid, "exe", f->exe);
	return f->n_exe > 0;
}

static bool got_cwd(int dir, int pid, struct proc_facts *f)
{
	if (!f->n_cwd)
		f->n_cwd = link_at(dir, pid, "cwd", f->cwd);
	return f->n_cwd > 0;
}

static bool got_ns(int dir, int pid, struct proc_facts *f)
{
	char path[64];
	struct stat st;

	if (fstatat(dir, name_of(path, pid, "ns/mnt"), &st, 0) < 0)
		return false;
	f->mnt_ns = st.st_ino;
	return true;
}

/* Asked so that a FUSE root's server is not: it may hang. */
static bool got_root(int dir, int pid, struct proc_facts *f)
{
	char path[64];
	struct statx root;

	if (statx(dir, name_of(path, pid, "root"), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &root) <
		0)
		return false;
	f->dev_major = root.stx_dev_major;
	f->dev_minor = root.stx_dev_minor;
	return true;
}

static bool exe_at(int dir, int pid, struct statx *ret)
{
	char path[64];

	return pid > 0 && statx(dir, name_of(path, pid, "exe"),
				  AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, ret) == 0;
}

/* By the links of /proc, which lead to the files themselves: no path is looked up. */
static bool got_again(int dir, int pid, struct proc_facts *f)
{
	struct statx mine, its;

	if (!exe_at(dir, pid, &mine) || !exe_at(dir, f->stat.ppid, &its))
		return false;
	f->again = mine.stx_ino == its.stx_ino && mine.stx_dev_major == its.stx_dev_major &&
		   mine.stx_dev_minor == its.stx_dev_minor;
	return true;
}

static bool got_ids(int dir, int pid, struct proc_facts *f)
{
	char text[STATUS_MAX];
	ssize_t n = read_at(dir, pid, "status", text, sizeof(text));

	return n > 0 && proc_parse_status(span_make(text, (size_t)n), f);
}

static bool got_stat(int dir, int pid, struct proc_facts *f)
{
	char text[STAT_MAX];
	ssize_t n = read_at(dir, pid, "stat", text, sizeof(text));

	return n > 0 && proc_parse_stat(span_make(text, (size_t)n), &f->stat);
}

static uint32_t number_at(int dir, int pid, const char *name)
{
	char text[32];
	ssize_t n = read_at(dir, pid, name, text, sizeof(text) - 1);

	if (n <= 0)
		return UINT32_MAX;
	text[n] = 0;
	return (uint32_t)strtoul(text, NULL, 10);
}

static bool got_login(int dir, int pid, struct proc_facts *f)
{
	f->login_uid = number_at(dir, pid, "loginuid");
	f->login_session = number_at(dir, pid, "sessionid");
	return true;
}

void proc_read(int dir, int pid, unsigned want, struct proc_facts *ret)
{
	/* What goes first when a process ends comes first; the state stays until it is waited for. */
	static const struct {
		unsigned bit;
		bool (*got)(int dir, int pid, struct proc_facts *f);
	} table[] = {
		{PROC_IMAGE, got_image},
		{PROC_EXE, got_exe},
		{PROC_CWD, got_cwd},
		{PROC_NS, got_ns},
		{PROC_ROOT, got_root},
		{PROC_IDS, got_ids},
		{PROC_STAT, got_stat},
		{PROC_AGAIN, got_again},
		{PROC_LOGIN, got_login},
	};

	ret->got = 0;
	ret->stat = (struct proc_stat){0};
	ret->uid = ret->gid = ret->dev_major = ret->dev_minor = 0;
	ret->login_uid = ret->login_session = UINT32_MAX;
	ret->ns_pid = ret->ns_levels = 0;
	ret->mnt_ns = 0;
	ret->again = false;
	ret->n_exe = ret->n_cwd = ret->n_cmdline = 0;
	for (size_t i = 0; pid > 0 && i < COUNTOF(table); i++)
		if (want & table[i].bit && table[i].got(dir, pid, ret))
			ret->got |= table[i].bit;
}

uint64_t proc_start(int pid)
{
	struct proc_stat st;
	char text[STAT_MAX];
	FD int dir = proc_dir();
	ssize_t n = dir < 0 || pid <= 0 ? -1 : read_at(dir, pid, "stat", text, sizeof(text));

	return n > 0 && proc_parse_stat(span_make(text, (size_t)n), &st) ? st.start : 0;
}

uint64_t proc_mnt_ns(int pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* The number of the first mount that a process sees: another one in each namespace. 0: not to be had.
 * It may be read where a namespace's link may not. */
static uint64_t first_mount(int dir, int pid)
{
	char text[32];
	ssize_t n = read_at(dir, pid, "mountinfo", text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return strtoull(text, NULL, 10);
}

/* Whoever sees the mount that process 1 sees first lives with it. */
static uint64_t ns_of_mount(int dir, uint64_t mount)
{
	CLEANUP(closedir_p) DIR *proc = opendir("/proc");
	const struct dirent *e;
	uint64_t ns = 0;

	while (proc && !ns && (e = readdir(proc))) {
		int pid = atoi(e->d_name);

		if (pid > 0 && first_mount(dir, pid) == mount)
			ns = proc_mnt_ns(pid);
	}
	return ns;
}

uint64_t proc_host_mnt_ns(void)
{
	uint64_t ns = proc_mnt_ns(1), own = proc_mnt_ns(getpid()), mount;
	FD int dir = ns ? -1 : proc_dir();

	if (ns || dir < 0)
		return ns ? ns : own;
	mount = first_mount(dir, 1);
	if (mount && mount != first_mount(dir, getpid()))
		ns = ns_of_mount(dir, mount);
	return ns ? ns : own;
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
