/* The supervisor, with stand-ins for the roles: it starts this very program again as "sensor" and
 * "gateway". They report what they find, a line each, on a pipe. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/daemon.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT = 40 }; /* the pipe's descriptor in every process */

static bool plan_is(const char *what)
{
	const char *plan = getenv("TEST_PLAN");

	return plan && strcmp(plan, what) == 0;
}

static void nothing(int sig)
{
	(void)sig;
}

/* What the gateway may not have. */
static void report_gateway(void)
{
	int type = 0;
	socklen_t n = sizeof(type);
	BUF struct buf caps = {0};
	const char *pid = getenv("LISTEN_PID");

	getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &n);
	fd_read_file(AT_FDCWD, "/proc/self/status", 65536, &caps);
	dprintf(REPORT, "gateway %s%s%s%s%s\n", type == SOCK_STREAM ? "" : "no socket ",
		pid && atoi(pid) == getpid() ? "" : "not its pid ",
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "" : "new privs ",
		strstr(buf_text(&caps), "CapEff:\t0000000000000000") ? "" : "capabilities ",
		geteuid() != 0 && setuid(0) < 0 ? "" : "root ");
}

/* The gateway is well; the sensor says nothing any more. */
static _Noreturn void hang(bool sensor)
{
	notify("READY=1");
	for (;;) {
		usleep(20000);
		if (!sensor)
			notify("WATCHDOG=1");
	}
}

static int role(const char *name)
{
	bool sensor = strcmp(name, "sensor") == 0;
	struct sigaction a = {.sa_handler = nothing};
	sigset_t set;
	int sig;

	if (sensor && plan_is("usage"))
		return 2;
	if (sensor)
		dprintf(REPORT, "sensor%s\n", getenv("NOTIFY_SOCKET") ? " knows the manager" : "");
	else
		report_gateway();
	if (plan_is("hang"))
		hang(sensor);
	sigaction(SIGHUP, &a, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	notify("READY=1");
	if (sensor && plan_is("crash")) {
		usleep(50000);
		raise(SIGKILL);
	}
	while (sigwait(&set, &sig) == 0 && sig == SIGHUP)
		dprintf(REPORT, "%s HUP\n", name);
	dprintf(REPORT, "%s TERM\n", name);
	return 0;
}

struct run {
	char dir[40], socket[64], manager[64];
	int report, manager_fd;
	pid_t pid;
};

static void run_start(struct run *r, const char *plan)
{
	struct daemon_args a = {.socket = r->socket};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int p[2];

	strcpy(r->dir, "/tmp/boltseal-both-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->socket, sizeof(r->socket), "%s/run/b.sock", r->dir);
	snprintf(r->manager, sizeof(r->manager), "%s/manager", r->dir);
	strcpy(at.sun_path, r->manager);
	r->manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->manager_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	r->report = p[0];
	r->pid = fork();
	if (r->pid == 0) {
		dup2(p[1], REPORT);
		setenv("TEST_PLAN", plan, 1);
		setenv("NOTIFY_SOCKET", r->manager, 1);
		if (!getenv("SHOW"))
			dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		exit(both_main(&a));
	}
	close(p[1]);
}

static int run_end(struct run *r, int sig)
{
	char run[64];
	int status;

	if (sig)
		kill(r->pid, sig);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(access(r->socket, F_OK), -1);
	close(r->report);
	close(r->manager_fd);
	unlink(r->manager);
	snprintf(run, sizeof(run), "%s/run", r->dir);
	rmdir(run);
	assert_int_equal(rmdir(r->dir), 0);
	return WEXITSTATUS(status);
}

/* The reports until `n` lines came; the roles are not in step. */
static void wait_lines(struct run *r, int n, char *text, size_t room)
{
	size_t at = 0;

	text[0] = 0;
	while (n > 0) {
		struct pollfd p = {.fd = r->report, .events = POLLIN};

		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_true(at + 1 < room && read(r->report, text + at, 1) == 1);
		n -= text[at++] == '\n';
		text[at] = 0;
	}
}

static void wait_manager(struct run *r, const char *want)
{
	struct pollfd p = {.fd = r->manager_fd, .events = POLLIN};
	char got[64] = "";

	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(recv(r->manager_fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, want);
}

static void starts_and_stops(void **state)
{
	struct daemon_args second;
	struct run r;
	struct stat st;
	char text[512];

	(void)state;
	run_start(&r, "");
	wait_manager(&r, "READY=1");
	wait_lines(&r, 2, text, sizeof(text));
	assert_non_null(strstr(text, "sensor\n"));
	assert_non_null(strstr(text, geteuid() == 0 ? "gateway \n" : "gateway "));
	assert_int_equal(stat(r.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	second = (struct daemon_args){.socket = r.socket};
	assert_int_equal(both_main(&second), 2); /* the first one lives */
	kill(r.pid, SIGHUP);
	wait_lines(&r, 2, text, sizeof(text));
	assert_non_null(strstr(text, "sensor HUP\n"));
	assert_non_null(strstr(text, "gateway HUP\n"));
	kill(r.pid, SIGTERM);
	wait_manager(&r, "STOPPING=1");
	wait_lines(&r, 2, text, sizeof(text));
	assert_non_null(strstr(text, "sensor TERM\n"));
	assert_int_equal(run_end(&r, 0), 0);
}

static void restarts(void **state)
{
	struct run r;
	char text[512], *again;

	(void)state;
	run_start(&r, "crash");
	wait_lines(&r, 3, text, sizeof(text));
	again = strstr(text, "sensor\n");
	assert_non_null(again);
	assert_non_null(strstr(again + 1, "sensor\n"));
	assert_int_equal(run_end(&r, SIGINT), 0);
}

static void silence_ends_it(void **state)
{
	struct run r;
	char text[512], *again;

	(void)state;
	setenv("WATCHDOG_USEC", "300000", 1);
	run_start(&r, "hang");
	unsetenv("WATCHDOG_USEC");
	wait_lines(&r, 3, text, sizeof(text));
	again = strstr(text, "sensor\n");
	assert_non_null(again);
	assert_non_null(strstr(again + 1, "sensor\n")); /* the second one, and one gateway only */
	assert_null(strstr(strstr(text, "gateway") + 1, "gateway"));
	assert_int_equal(run_end(&r, SIGTERM), 0);
}

static void usage_ends_it(void **state)
{
	struct run r;

	(void)state;
	run_start(&r, "usage");
	assert_int_equal(run_end(&r, 0), 2);
}

/* A supervisor that is killed takes its roles along. */
static void orphans_end(void **state)
{
	struct run r;
	char text[512], c;
	int status;

	(void)state;
	run_start(&r, "");
	wait_manager(&r, "READY=1");
	wait_lines(&r, 2, text, sizeof(text));
	kill(r.pid, SIGKILL);
	waitpid(r.pid, &status, 0);
	wait_lines(&r, 2, text, sizeof(text));
	assert_non_null(strstr(text, "sensor TERM\n"));
	assert_non_null(strstr(text, "gateway TERM\n"));
	assert_int_equal(read(r.report, &c, 1), 0);
	close(r.report);
	close(r.manager_fd);
	unlink(r.socket);
	unlink(r.manager);
	*strrchr(r.socket, '/') = 0;
	rmdir(r.socket);
	rmdir(r.dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_and_stops),
		cmocka_unit_test(restarts),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(usage_ends_it),
		cmocka_unit_test(orphans_end),
	};

	if (argc > 1)
		return role(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
