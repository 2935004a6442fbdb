/* Texts of /proc as they were recorded, and a process that is there: ourselves.
 * Links: box/proc, base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/err.h"
#include "base/fd.h"
#include "box/proc.h"
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void stat_texts(void **state)
{
	static const struct {
		const char *text, *comm;
		int ppid, sid, tty;
		uint64_t start;
	} rows[] = {
		{"1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 42 1 1", "systemd", 0,
			1, 0, 42},
		{"4711 (sh) S 4700 15 15 34816 15 4194304 0 0 0 0 0 0 0 0 20 0 1 0 1234567 1 1\n",
			"sh", 4700, 15, 34816, 1234567},
		/* A name that looks like fields, with brackets, blanks and a line feed. */
		{"7 (a) S 1 2 (3\n) R) Z 6 5 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0",
			"a) S 1 2 (3\n) R", 6, 4, 0, 99},
	};
	static const char *const none[] = {
		"", "12", "12 (sh", "12 )sh( S 1", "12 (sh) S 1 2 3", "()"};
	struct proc_stat st;

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		assert_true(proc_parse_stat(span_of(rows[i].text), &st));
		assert_string_equal(st.comm, rows[i].comm);
		assert_int_equal(st.ppid, rows[i].ppid);
		assert_int_equal(st.sid, rows[i].sid);
		assert_int_equal(st.tty, rows[i].tty);
		assert_true(st.start == rows[i].start);
	}
	for (size_t i = 0; i < COUNTOF(none); i++)
		assert_false(proc_parse_stat(span_of(none[i]), &st));
	assert_false(proc_parse_stat((struct span){0}, &st));
}

/* As of an init, of docker exec, of a process of the host. */
static void status_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t uid;
		int pid, levels;
	} rows[] = {
		{"Name:\tsleep\nNgid:\t0\nPid:\t903\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNStgid:\t903\t1\n"
		 "NSpid:\t903\t1\nNSpgid:\t903\t1\nNSsid:\t903\t1\n",
			0, 1, 2},
		{"Name:\tsh\nUid:\t1000\t33\t33\t33\nGid:\t5\t5\t5\t5\nNSpid:\t950\t22\t7\nNSsid:\t1\n",
			33, 7, 3},
		{"Name:\tNSpid:\t4\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\nNSpid:\t12\n", 7, 12, 1},
	};
	struct proc_facts f = {0};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		assert_true(proc_parse_status(span_of(rows[i].text), &f));
		assert_int_equal(f.uid, rows[i].uid);
		assert_int_equal(f.ns_pid, rows[i].pid);
		assert_int_equal(f.ns_levels, rows[i].levels);
	}
	assert_false(proc_parse_status(span_of("Name:\tsh\nUid:\t1\n"), &f));
	assert_int_equal(f.ns_levels, 0);
	assert_false(proc_parse_status((struct span){0}, &f));
}

static void terminals(void **state)
{
	static const struct {
		int tty;
		const char *name;
	} rows[] = {{0, ""}, {34816, "pts/0"}, {34819, "pts/3"}, {0x8900, "pts/256"},
		{1025, "tty1"}, {1088, "ttyS0"}, {1281, "console"}, {0x1234, "18:52"}};
	char name[PROC_TTY_MAX];

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		assert_string_equal(proc_tty_name(rows[i].tty, name), rows[i].name);
}

static void facts_of_a_process(void **state)
{
	struct proc_facts f;
	FD int dir = proc_dir();
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
	pid_t pid;

	(void)state;
	assert_true(dir >= 0 && n > 0);
	proc_read(dir, getpid(), PROC_IMAGE | PROC_IDS | PROC_STAT | PROC_NS | PROC_ROOT, &f);
	assert_int_equal(f.got, PROC_IMAGE | PROC_IDS | PROC_STAT | PROC_NS | PROC_ROOT);
	assert_true(f.stat.start > 0 && f.stat.start == proc_start(getpid()));
	assert_int_equal(f.stat.ppid, getppid());
	assert_int_equal(f.uid, geteuid());
	assert_int_equal(f.gid, getegid());
	assert_int_equal(f.n_exe, n);
	assert_memory_equal(f.exe, exe, (size_t)n);
	assert_true(f.n_cwd > 0 && f.cwd[0] == '/');
	assert_true(f.n_cmdline > 0 && f.cmdline[f.n_cmdline - 1] != 0);
	assert_true(f.mnt_ns == proc_mnt_ns(getpid()));
	assert_true(f.ns_levels >= 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	proc_read(dir, pid, PROC_STAT | PROC_AGAIN, &f);
	assert_true(f.again);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	proc_read(dir, 1, PROC_STAT | PROC_AGAIN, &f);
	assert_false(f.again); /* nobody is above it */
	proc_read(dir, 999999999, PROC_IMAGE | PROC_STAT, &f);
	assert_int_equal(f.got, 0);
	assert_int_equal(f.n_exe, 0);
	assert_true(proc_start(999999999) == 0);
}

/* As in a container that sees the host's processes: our namespace is another one than that of process 1. */
static void the_hosts_mounts_from_a_table_of_our_own(void **state)
{
	uint64_t host = proc_mnt_ns(getpid());
	int status;
	pid_t pid;

	(void)state;
	if (proc_host_mnt_ns() != host)
		skip(); /* we have one already */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			_exit(77);
		_exit(proc_mnt_ns(getpid()) != host && proc_host_mnt_ns() == host ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_texts),
		cmocka_unit_test(status_texts),
		cmocka_unit_test(terminals),
		cmocka_unit_test(facts_of_a_process),
		cmocka_unit_test(the_hosts_mounts_from_a_table_of_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
