/*
 * proc.h - facts about one process, read from /proc while it lasts.
 *
 * A process may end at any moment, and loses first what its program was: so facts are read in the
 * order in which they perish, with few system calls each, into one fixed struct. The texts of /proc
 * are taken apart by pure functions. Any thread.
 */
#pragma once

#include "base/span.h"
#include <limits.h>

enum proc_want {
	PROC_IMAGE = 1, /* cmdline, exe, cwd */
	PROC_EXE = 2,	/* exe alone */
	PROC_CWD = 4,	/* cwd alone */
	PROC_IDS = 8,	/* uid, gid, ns_pid, ns_levels */
	PROC_STAT = 16, /* start, ppid, sid, tty, comm, state */
	PROC_LOGIN = 32,
	PROC_NS = 64,	 /* mnt_ns */
	PROC_ROOT = 128, /* dev_major, dev_minor of its root */
	PROC_AGAIN = 256 /* again; with PROC_STAT */
};
enum { PROC_CMDLINE_MAX = 4096, PROC_COMM_MAX = 64 };

struct proc_stat {
	uint64_t start; /* field 22, clock ticks since boot; with the pid it names a process */
	int ppid, sid, tty;
	char state;
	char comm[PROC_COMM_MAX]; /* NUL-terminated */
};
struct proc_facts {
	unsigned got; /* of what was wanted */
	struct proc_stat stat;
	uint32_t uid, gid; /* effective */
	uint32_t login_uid, login_session;
	int ns_pid, ns_levels; /* its pid in the innermost pid namespace, and how many it is in */
	uint64_t mnt_ns;
	uint32_t dev_major, dev_minor;
	bool again; /* it runs its parent's program file, whatever it sees at that path */
	uint16_t n_exe, n_cwd, n_cmdline;
	char exe[PATH_MAX], cwd[PATH_MAX], cmdline[PROC_CMDLINE_MAX];
};
/* `dir`: an open /proc, see proc_dir(). Reads what is wanted and fills `got` with what was had;
 * everything else is empty. Is there no such process, `got` is 0. */
void proc_read(int dir, int pid, unsigned want, struct proc_facts *ret);
int proc_dir(void); /* O_PATH; -errno with a sentence */

/* The text of /proc/PID/stat; false: it is none. The name in it may hold anything. */
bool proc_parse_stat(struct span text, struct proc_stat *ret);
/* Of the text of /proc/PID/status: uid, gid, ns_pid, ns_levels. False: the ids are not there. */
bool proc_parse_status(struct span text, struct proc_facts *ret);
/* "pts/0", "tty1", "ttyS0", "major:minor"; "" for none. */
enum { PROC_TTY_MAX = 24 };
const char *proc_tty_name(int tty, char out[PROC_TTY_MAX]);

/* Field 22 of /proc/PID/stat; 0 when gone. */
uint64_t proc_start(int pid);
/* Inode of /proc/PID/ns/mnt; 0 when gone or refused. */
uint64_t proc_mnt_ns(int pid);
/* That of the mount namespace that is the host's: where process 1 lives. Another one than ours where we
 * run in a container that sees the host's processes, or below a service manager that gave us a mount
 * table of our own. Ours where it cannot be told. */
uint64_t proc_host_mnt_ns(void);
/* May we see every process's namespaces? With CAP_SYS_PTRACE, and in the host's own pid namespace. */
bool proc_sees_all(void);
