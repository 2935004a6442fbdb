/*
 * The supervisor, for a start by hand: it holds the public socket, so that clients wait instead of
 * failing while the gateway is restarted, and otherwise does nothing but start, restart and stop.
 * It is single-threaded; everything it hears comes through one poll.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/sock.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_PATIENCE_S = 30, STEADY_S = 60, EXIT_USAGE = 2, CHILDREN = 2 };
enum { SENSOR, GATEWAY };
#define SILENCE (180 * CLOCK_S) /* so long a role may say nothing */

struct child {
	const char *role;
	pid_t pid;		/* 0: not running */
	int ready_fd;		/* the end we read; -1 when it has died */
	bool ready;		/* has said so once */
	unsigned failures;	/* since it last ran steadily */
	int64_t started, again; /* monotonic; again 0: no restart is due */
	int64_t heard;		/* monotonic: its last sign of life; 0: it is not ready yet */
};
struct both {
	const struct daemon_args *args;
	struct config *config;
	struct child child[CHILDREN];
	int socket_fd, signal_fd, exe_fd;
	uid_t uid; /* the gateway's */
	gid_t gid;
	bool stopping, told_ready;
	int64_t silence; /* what is borne of a role that is ready */
	int64_t stop_by;
	int status; /* what the whole ends with */
};

static void both_fini(struct both *b)
{
	if (b->socket_fd >= 0)
		unlink(b->config->socket);
	for (int i = 0; i < CHILDREN; i++)
		fd_close(&b->child[i].ready_fd);
	fd_close(&b->socket_fd);
	fd_close(&b->signal_fd);
	fd_close(&b->exe_fd);
	config_free(b->config);
}
#define BOTH CLEANUP(both_fini)

/* In the child, after the last change of user (which would clear it): end with the supervisor. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static void set_env(const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	setenv(name, text, 1);
}

/* Descriptor 3, as systemd would hand it on. */
static int hand_socket(int fd)
{
	if (fd == 3 ? fcntl(3, F_SETFD, 0) < 0 : dup2(fd, 3) < 0)
		return err_sys("socket");
	set_env("LISTEN_FDS", 1);
	set_env("LISTEN_PID", getpid());
	return 0;
}

static int become_gateway(const struct both *b)
{
	int r = hand_socket(b->socket_fd);

	if (r < 0 || (r = daemon_drop(b->uid, b->gid)) < 0)
		return r;
	if (b->config->file && access(b->config->file, R_OK) < 0)
		return err_set(-EACCES, "%s: the gateway (uid %u) cannot read it", b->config->file,
			b->uid);
	return 0;
}

static void exec_role(const struct both *b, const struct child *c)
{
	const char *argv[12] = {"boltseald", c->role};
	int n = 2;

#define PASS(option, value)                                                                        \
	if (value) {                                                                               \
		argv[n++] = option;                                                                \
		argv[n++] = value;                                                                 \
	}
	PASS("--config", b->args->config_file)
	PASS("--state-dir", b->args->state_dir)
	PASS("--socket", b->args->socket)
#undef PASS
	if (b->args->verbose)
		argv[n++] = "--verbose";
	fexecve(b->exe_fd, (char **)argv, environ);
	err_sys("exec");
}

/* Never returns. `speak_fd` is the end of the pipe on which the role says that it is ready. */
static void run_child(const struct both *b, const struct child *c, int speak_fd, pid_t parent)
{
	bool is_gateway = c == &b->child[GATEWAY];
	int fd = fcntl(speak_fd, F_DUPFD, 10); /* out of the way of 3, and open across exec */
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("NOTIFY_SOCKET");
	set_env("WATCHDOG_USEC", (long)(b->silence / 1000));
	set_env("WATCHDOG_PID", getpid());
	set_env("BOLTSEAL_READY_FD", fd);
	if (!is_gateway || become_gateway(b) == 0) {
		die_with(parent);
		exec_role(b, c);
	}
	log_err("%s: %s", c->role, err_why());
	_exit(EXIT_USAGE);
}

static int start(struct both *b, struct child *c)
{
	pid_t parent = getpid();
	int p[2];

	c->again = c->heard = 0;
	c->started = clock_mono();
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys("pipe");
	c->pid = fork();
	if (c->pid == 0)
		run_child(b, c, p[1], parent);
	fd_close(&p[1]);
	if (c->pid < 0) {
		c->pid = 0;
		fd_close(&p[0]);
		return err_sys("fork");
	}
	fd_close(&c->ready_fd);
	c->ready_fd = p[0];
	log_info("started the %s (pid %d)", c->role, c->pid);
	return 0;
}

static void stop(struct both *b, int status)
{
	if (b->stopping)
		return;
	b->stopping = true;
	b->status = status;
	b->stop_by = clock_mono() + STOP_PATIENCE_S * CLOCK_S;
	notify("STOPPING=1");
	for (int i = 0; i < CHILDREN; i++)
		if (b->child[i].pid > 0)
			kill(b->child[i].pid, SIGTERM);
}

static void plan_restart(struct child *c)
{
	static const int64_t pauses[] = {CLOCK_S / 10, CLOCK_S / 2, 2 * CLOCK_S, 5 * CLOCK_S};
	int64_t now = clock_mono();
	unsigned i;

	if (now - c->started > STEADY_S * CLOCK_S)
		c->failures = 0;
	i = c->failures < COUNTOF(pauses) ? c->failures : COUNTOF(pauses) - 1;
	c->failures++;
	c->again = now + pauses[i];
	log_note("starting the %s again in %lld.%lld s", c->role, (long long)(pauses[i] / CLOCK_S),
		(long long)(pauses[i] % CLOCK_S * 10 / CLOCK_S));
}

static void start_or_plan(struct both *b, struct child *c)
{
	if (start(b, c) == 0)
		return;
	log_err("%s: %s", c->role, err_why());
	plan_restart(c);
}

static void on_death(struct both *b, struct child *c, int status)
{
	bool usage = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE;

	c->pid = 0;
	c->heard = 0;
	if (b->stopping)
		return;
	if (usage && !c->ready) { /* it has said why */
		stop(b, EXIT_USAGE);
		return;
	}
	if (WIFSIGNALED(status))
		log_err("the %s died of signal %d (%s)", c->role, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		log_err("the %s ended with status %d", c->role, WEXITSTATUS(status));
	plan_restart(c);
}

static void reap(struct both *b)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < CHILDREN; i++)
			if (b->child[i].pid == pid)
				on_death(b, &b->child[i], status);
}

static void forward(struct both *b, int sig)
{
	for (int i = 0; i < CHILDREN; i++)
		if (b->child[i].pid > 0)
			kill(b->child[i].pid, sig);
}

static void on_signal(struct both *b)
{
	struct signalfd_siginfo s;

	while (read(b->signal_fd, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			reap(b);
		else if (s.ssi_signo == SIGHUP)
			forward(b, SIGHUP);
		else
			stop(b, 0);
	}
}

static void on_ready(struct both *b, struct child *c)
{
	char bytes[16];

	if (read(c->ready_fd, bytes, sizeof(bytes)) <= 0) {
		fd_close(&c->ready_fd);
		return;
	}
	c->ready = true;
	c->heard = clock_mono();
	if (c == &b->child[SENSOR] && b->told_ready)
		notify("WATCHDOG=1");
	if (b->told_ready || !b->child[SENSOR].ready || !b->child[GATEWAY].ready)
		return;
	b->told_ready = true;
	log_note("ready on %s", b->config->socket);
	notify("READY=1");
}

/* Until the next thing that is due, in ms; -1: nothing is. */
static int patience(const struct both *b)
{
	int64_t due = b->stopping ? b->stop_by : 0, left;

	for (int i = 0; i < CHILDREN && !b->stopping; i++) {
		const struct child *c = &b->child[i];
		int64_t at = c->again ? c->again : c->heard ? c->heard + b->silence : 0;

		if (at && (!due || at < due))
			due = at;
	}
	if (!due)
		return -1;
	left = due - clock_mono();
	return left > 0 ? (int)(left / CLOCK_MS) + 1 : 0;
}

/* It hangs; one that is killed is started again, and a sensor finds its store's lock free then. */
static void end_silence(struct both *b, struct child *c, int64_t now)
{
	if (!c->pid || !c->heard || now - c->heard < b->silence)
		return;
	log_err("the %s has given no sign of life for %lld s: it is ended", c->role,
		(long long)(b->silence / CLOCK_S));
	c->heard = 0;
	kill(c->pid, SIGKILL);
}

static void on_time(struct both *b)
{
	int64_t now = clock_mono();

	if (b->stopping) {
		if (now >= b->stop_by) {
			forward(b, SIGKILL);
			b->stop_by = now + CLOCK_S;
		}
		return;
	}
	for (int i = 0; i < CHILDREN; i++)
		if (b->child[i].again && now >= b->child[i].again)
			start_or_plan(b, &b->child[i]);
	for (int i = 0; i < CHILDREN; i++)
		end_silence(b, &b->child[i], now);
}

static bool is_over(const struct both *b)
{
	return b->stopping && !b->child[SENSOR].pid && !b->child[GATEWAY].pid;
}

static void supervise(struct both *b)
{
	while (!is_over(b)) {
		struct pollfd p[1 + CHILDREN] = {{.fd = b->signal_fd, .events = POLLIN}};

		for (int i = 0; i < CHILDREN; i++) /* poll skips what is negative */
			p[1 + i] = (struct pollfd){.fd = b->child[i].ready_fd, .events = POLLIN};
		poll(p, COUNTOF(p), patience(b));
		for (int i = 0; i < CHILDREN; i++)
			if (p[1 + i].revents)
				on_ready(b, &b->child[i]);
		if (p[0].revents)
			on_signal(b);
		on_time(b);
	}
}

/* Makes the socket's directory, one level: what is above it belongs to the administrator. */
static int make_directory(const struct config *c)
{
	BUF struct buf dir = {0};

	buf_add(&dir, c->socket, (size_t)(strrchr(c->socket, '/') - c->socket));
	if (buf_err(&dir) < 0 || dir.n == 0)
		return buf_err(&dir);
	if (mkdir(buf_text(&dir), 0755) == 0)
		return chmod(buf_text(&dir), 0755) < 0 ? err_sys("%s", buf_text(&dir)) : 0;
	if (errno == EEXIST)
		return 0;
	return err_sys(
		"the socket's directory %s cannot be made: make it, or name another --socket",
		buf_text(&dir));
}

static int socket_group(const struct config *c)
{
	int gid = daemon_group(c->group);

	if (geteuid() != 0)
		return -1;
	if (gid < 0)
		log_note("there is no group %s: only root can use %s", c->group, c->socket);
	return gid < 0 ? 0 : gid;
}

static int prepare_privileges(struct both *b)
{
	int r = daemon_gateway_ids(b->config, &b->uid, &b->gid);

	if (r == DAEMON_NOBODY)
		log_note(
			"there is no user %s: the gateway runs as nobody", b->config->gateway_user);
	if (geteuid() != 0)
		log_warn("not root: containers of others, their processes and who changed what "
			 "cannot be seen, and the gateway is not another user; boltseal doctor "
			 "tells more");
	return r < 0 ? r : 0;
}

static int prepare_signals(struct both *b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return b->signal_fd < 0 ? err_sys("signalfd") : 0;
}

/* By descriptor, since a child that is another user may not reach the path; not a low one, since 3
 * is taken for the socket. */
static int open_self(struct both *b)
{
	FD int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		b->exe_fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	return b->exe_fd < 0 ? err_sys("/proc/self/exe") : 0;
}

static int prepare(struct both *b)
{
	int r;

	if ((r = daemon_config(b->args, &b->config)) < 0)
		return r;
	log_init("", (enum log_level)b->config->log_level);
	if ((r = prepare_privileges(b)) < 0 || (r = prepare_signals(b)) < 0)
		return r;
	if ((r = open_self(b)) < 0)
		return r;
	if ((r = make_directory(b->config)) < 0)
		return r;
	return sock_listen(b->config->socket, SOCK_STREAM, socket_group(b->config), &b->socket_fd);
}

int both_main(const struct daemon_args *args)
{
	BOTH struct both b = {.args = args, .socket_fd = -1, .signal_fd = -1, .exe_fd = -1};

	b.silence = notify_alive_every() ? 2 * notify_alive_every() : SILENCE;
	b.child[SENSOR] = (struct child){.role = "sensor", .ready_fd = -1};
	b.child[GATEWAY] = (struct child){.role = "gateway", .ready_fd = -1};
	log_init("", LOG_LEVEL_NOTE);
	if (prepare(&b) < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return EXIT_USAGE;
	}
	for (int i = 0; i < CHILDREN; i++)
		start_or_plan(&b, &b.child[i]);
	supervise(&b);
	return b.status;
}
