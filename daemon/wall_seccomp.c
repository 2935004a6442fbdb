/*
 * Allow-lists. What is not on them is refused with EPERM: a library that tries something new then falls
 * back instead of ending everything, and without a word in the kernel's log, for each new thread does
 * so. What nobody calls by mistake - another program, another process's memory, mounts - ends the
 * process: that is somebody else at work in it, and the death is told.
 */
#include "base/err.h"
#include "daemon/wall.h"
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_THREAD
#define CLONE_THREAD 0x00010000
#endif
#define ENDS SCMP_ACT_KILL_PROCESS
#define UNKNOWN SCMP_ACT_ERRNO(ENOSYS)

/* Both roles. */
static const char *const common[] = {
	/* files that are open, or that the file system and Landlock let open */
	"access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2",
	"fadvise64", "fallocate", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync",
	"ftruncate", "getcwd", "getdents", "getdents64", "lseek", "lstat", "mkdir", "mkdirat",
	"msync", "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64", "pwritev", "read",
	"readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "stat", "statfs",
	"statx", "sync_file_range", "umask", "unlink", "unlinkat", "write", "writev",
	"memfd_create", "sendfile",
	/* waiting */
	"clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "futex", "futex_waitv",
	"gettimeofday", "nanosleep", "pipe", "pipe2", "poll", "ppoll", "pselect6",
	"restart_syscall", "select", "signalfd4", "time", "timerfd_create", "timerfd_settime",
	"timerfd_gettime",
	/* memory; what would make it executable is below */
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mremap", "munlock", "munmap",
	/* threads, signals, who we are */
	"exit", "exit_group", "get_robust_list", "getegid", "geteuid", "getgid", "getgroups",
	"getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid", "getresuid",
	"getrlimit", "getrusage", "getsid", "gettid", "getuid", "rseq", "rt_sigaction",
	"rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list", "sigaltstack", "sysinfo", "times",
	"uname", "wait4", "waitid",
	/* sockets that are open */
	"accept", "accept4", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom",
	"recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown"};
/* The sensor looks at files and may mark them; what it may write the file system decides. */
static const char *const sensor_only[] = {"bind", "capget", "chmod", "chown", "fanotify_init",
	"fanotify_mark", "fchmod", "fchmodat", "fchown", "fchownat", "fgetxattr", "flistxattr",
	"getxattr", "inotify_add_watch", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown",
	"lgetxattr", "listen", "listxattr", "llistxattr", "name_to_handle_at", "open_by_handle_at",
	"openat2", "pidfd_open", "setpriority", "sched_setscheduler", "ioprio_set", "setrlimit",
	"prlimit64", "truncate", "kcmp"};
/* Newer than libseccomp may know; the same number everywhere. */
static const int sensor_numbers[] = {457, 458}; /* statmount, listmount */
/* Nobody who is himself calls these. */
static const char *const deadly[] = {"acct", "add_key", "bpf", "capset", "chroot", "delete_module",
	"execve", "execveat", "finit_module", "fsconfig", "fsmount", "fsopen", "init_module",
	"ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr",
	"move_mount", "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
	"process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot",
	"request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon",
	"umount2", "unshare", "userfaultfd", "vhangup"};
static const char *const deadly_gateway[] = {"fanotify_init", "fanotify_mark", "open_by_handle_at"};

/* A name that this architecture does not have is no error. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n,
	const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name), r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(ctx, action, nr, n, args);
	return r < 0 ? err_set(r, "seccomp: %s: %s", name, strerror(-r)) : 0;
}

static int add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add(ctx, action, names[i], 0, NULL);
	return r;
}

static struct scmp_arg_cmp equal(unsigned arg, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){arg, SCMP_CMP_EQ, value, 0};
}

static struct scmp_arg_cmp masked(unsigned arg, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, mask, value};
}

static int allow_if(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp a)
{
	return add(ctx, SCMP_ACT_ALLOW, name, 1, &a);
}

/* Memory is written or run, never both; what was data does not become code. */
static int memory(scmp_filter_ctx ctx)
{
	int r = allow_if(ctx, "mmap", masked(2, PROT_EXEC, 0));

	if (r == 0) /* a library that a name service needs */
		r = allow_if(ctx, "mmap", masked(2, PROT_EXEC | PROT_WRITE, PROT_EXEC));
	if (r == 0)
		r = allow_if(ctx, "mprotect", masked(2, PROT_EXEC, 0));
	return r;
}

/* Threads, no processes. What a clone3 asks for cannot be looked at: the C library then takes clone. */
static int threads(scmp_filter_ctx ctx)
{
	int r = allow_if(ctx, "clone", masked(0, CLONE_THREAD, CLONE_THREAD));

	if (r == 0)
		r = add(ctx, UNKNOWN, "clone3", 0, NULL);
	if (r == 0) /* abort() and pthread_kill(), at home only */
		r = allow_if(ctx, "tgkill", equal(0, (scmp_datum_t)getpid()));
	if (r == 0)
		r = allow_if(ctx, "prctl", equal(0, PR_SET_NAME));
	if (r == 0)
		r = allow_if(ctx, "prctl", equal(0, PR_SET_DUMPABLE));
	return r;
}

static int sockets(scmp_filter_ctx ctx, bool network)
{
	static const int wide[] = {AF_INET, AF_INET6};
	int r = allow_if(ctx, "socket", equal(0, AF_UNIX));

	for (size_t i = 0; network && i < COUNTOF(wide) && r == 0; i++)
		r = allow_if(ctx, "socket", equal(0, (scmp_datum_t)wide[i]));
	if (r == 0)
		r = allow_if(ctx, "socketpair", equal(0, AF_UNIX));
	/* A name is looked up with an address that the kernel chooses. */
	return r == 0 && network ? add(ctx, SCMP_ACT_ALLOW, "bind", 0, NULL) : r;
}

/* Terminals and queues are asked about, nothing else. */
static int ioctls(scmp_filter_ctx ctx)
{
	static const unsigned wanted[] = {0x5401 /* TCGETS */, 0x5411 /* SIOCOUTQ */,
		0x5413 /* TIOCGWINSZ */, 0x541b /* FIONREAD */, 0x5421 /* FIONBIO */,
		0x5451 /* FIOCLEX */};
	struct scmp_arg_cmp null = equal(2, 0);
	int r = 0;

	for (size_t i = 0; i < COUNTOF(wanted) && r == 0; i++)
		r = allow_if(ctx, "ioctl", equal(1, wanted[i]));
	if (r == 0) /* limits are read */
		r = add(ctx, SCMP_ACT_ALLOW, "prlimit64", 1, &null);
	return r;
}

static int begin(scmp_filter_ctx *ret)
{
	*ret = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!*ret)
		return err_set(-EINVAL, "seccomp: no filter could be begun");
	seccomp_attr_set(*ret, SCMP_FLTATR_ACT_BADARCH, ENDS);
	seccomp_attr_set(*ret, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(*ret, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return 0;
}

static void release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int base_list(scmp_filter_ctx ctx, bool network)
{
	int r = add_all(ctx, SCMP_ACT_ALLOW, common, COUNTOF(common));

	if (r == 0)
		r = add_all(ctx, ENDS, deadly, COUNTOF(deadly));
	if (r == 0)
		r = memory(ctx);
	if (r == 0)
		r = threads(ctx);
	return r == 0 ? sockets(ctx, network) : r;
}

static int load(scmp_filter_ctx ctx)
{
	int r = seccomp_load(ctx);

	return r < 0 ? err_set(r, "seccomp: %s", strerror(-r)) : 0;
}

int wall_seccomp_gateway(bool network)
{
	CLEANUP(release) scmp_filter_ctx ctx = NULL;
	int r = begin(&ctx);

	if (r == 0)
		r = base_list(ctx, network);
	if (r == 0)
		r = ioctls(ctx);
	if (r == 0)
		r = add_all(ctx, ENDS, deadly_gateway, COUNTOF(deadly_gateway));
	return r == 0 ? load(ctx) : r;
}

int wall_seccomp_sensor(void)
{
	CLEANUP(release) scmp_filter_ctx ctx = NULL;
	int r = begin(&ctx);

	if (r == 0)
		r = base_list(ctx, false);
	if (r == 0)
		r = add_all(ctx, SCMP_ACT_ALLOW, sensor_only, COUNTOF(sensor_only));
	for (size_t i = 0; i < COUNTOF(sensor_numbers) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, sensor_numbers[i], 0);
	return r == 0 ? load(ctx) : r;
}
