/* The walls from inside: what each role needs goes on, what nobody needs does not. Each in a child, for a
 * wall stays. Attempts of hostile code, with users and files: tests/box/110-wall.sh. */
#include "unit.h"
#include "base/sys.h"
#include "daemon/sandbox.h"
#include "daemon/wall.h"
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NO_FILTER skip()
#else
#define NO_FILTER (void)0
#endif

/* Its status, or 128 + the signal that ended it. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The line of the first that fails. */
#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s: %s\n", #x, strerror(errno));                          \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static void *nothing(void *arg)
{
	return arg;
}

/* Threads, name services, pipes and sockets: libraries of both. */
static int both_go_on(void)
{
	char text[64], dir[] = "/tmp/boltseal-wall-XXXXXX", path[80];
	int p[2], queued = -1;
	pthread_t t;
	struct stat st;

	NEED(pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0);
	NEED(getpwnam("root") && getpwuid(0));
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) == 0);
	NEED(write(p[0], "x", 1) == 1 && read(p[1], text, 1) == 1);
	NEED(ioctl(p[0], SIOCOUTQ, &queued) == 0 && queued == 0);
	NEED(mkdtemp(dir) && snprintf(path, sizeof(path), "%s/f", dir) > 0);
	{
		FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		NEED(fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 &&
			fstat(fd, &st) == 0);
	}
	NEED(rename(path, dir) < 0 &&
		errno != EPERM); /* it is asked, and refused by the file system */
	NEED(unlink(path) == 0);
	return 0;
}

static int gateway_goes_on(void)
{
	NEED(wall_seccomp_gateway(false) == 0);
	return both_go_on();
}

static int gateway_with_network(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct addrinfo *list = NULL;
	FD int fd = -1;
	int queued = 0;

	NEED(wall_seccomp_gateway(true) == 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	NEED(ioctl(fd, SIOCOUTQ, &queued) == 0 || errno == EINVAL);
	NEED(getaddrinfo("localhost", "1", NULL, &list) == 0);
	freeaddrinfo(list);
	return both_go_on();
}

static int sensor_goes_on(void)
{
	uint32_t head[2] = {0x20080522, 0}, caps[6];
	int pidfd;

	NEED(wall_seccomp_sensor() == 0);
	NEED(syscall(SYS_capget, head, caps) == 0);
	NEED(sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0, 0) >= 0 || errno == ENOSYS);
	NEED(inotify_init1(IN_CLOEXEC) >= 0);
	NEED(geteuid() != 0 || fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY) >= 0 ||
		errno == ENOSYS);
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	NEED(pidfd >= 0 || errno == ENOSYS);
	NEED(setpriority(PRIO_PROCESS, 0, 1) == 0);
	return both_go_on();
}

static int refused(long r)
{
	return r < 0 && errno == EPERM;
}

static int gateway_is_held(void)
{
	NEED(wall_seccomp_gateway(false) == 0);
	NEED(refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_NETLINK, SOCK_RAW, 0)));
	NEED(refused(fork()) && refused(kill(getppid(), 0)));
	NEED(refused(inotify_init1(0)));
	return 0;
}

static int sensor_is_held(void)
{
	NEED(wall_seccomp_sensor() == 0);
	NEED(refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_NETLINK, SOCK_RAW, 0)));
	NEED(refused(fork()) && refused(kill(getppid(), 0)));
	return 0;
}

static int gateway_runs(void)
{
	NEED(wall_seccomp_gateway(false) == 0);
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int sensor_runs(void)
{
	NEED(wall_seccomp_sensor() == 0);
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static void what_is_needed(void **state)
{
	(void)state;
	NO_FILTER;
	assert_int_equal(in_child(gateway_goes_on), 0);
	assert_int_equal(in_child(gateway_with_network), 0);
	assert_int_equal(in_child(sensor_goes_on), 0);
}

static void what_is_not(void **state)
{
	(void)state;
	NO_FILTER;
	assert_int_equal(in_child(gateway_is_held), 0);
	assert_int_equal(in_child(sensor_is_held), 0);
	assert_int_equal(in_child(gateway_runs), 128 + SIGSYS);
	assert_int_equal(in_child(sensor_runs), 128 + SIGSYS);
}

/* ---- what a sink hears ---- */

static struct config_sink sink_to(int type, const char *address)
{
	return (struct config_sink){.name = "s", .type = type, .address = address};
}

static void sinks_are_told(void **state)
{
	const char *dirs[] = {"/tmp", NULL};
	struct wall w = {.files = {dirs, 1},
		.row = {[WALL_SECCOMP] = {.ok = true}, [WALL_LANDLOCK] = {.ok = true}}};
	struct config_sink net = sink_to(CONFIG_SINK_SYSLOG, "udp://a:1"),
			   local = sink_to(CONFIG_SINK_SYSLOG, "unix:///dev/log"),
			   here = sink_to(CONFIG_SINK_FILE, "/tmp/x/y"),
			   beside = sink_to(CONFIG_SINK_FILE, "/tmpx/y");

	(void)state;
	assert_non_null(strstr(wall_refuses(&w, &net), "has no network since no sink needed it"));
	assert_null(wall_refuses(&w, &local));
	assert_null(wall_refuses(&w, &here));
	assert_non_null(strstr(wall_refuses(&w, &beside), "only where sinks wrote"));
	w.network = true;
	assert_null(wall_refuses(&w, &net));
	w.no_network = true;
	assert_non_null(strstr(wall_refuses(&w, &net), "unit has no network"));
	w = (struct wall){.network = false}; /* without walls nothing is refused */
	assert_null(wall_refuses(&w, &net));
	assert_null(wall_refuses(&w, &beside));
}

static void drop_in_of(const char *sinks, struct buf *out)
{
	CONFIG struct config *c = NULL;

	assert_int_equal(config_parse(&c, "t.yaml", span_of(sinks)), 0);
	buf_reset(out);
	sandbox_drop_in(c, out);
}

static void units_are_opened(void **state)
{
	BUF struct buf out = {0};

	(void)state;
	drop_in_of("sinks: [{name: a, type: journald}]", &out);
	assert_int_equal(out.n, 0);
	drop_in_of("sinks: [{name: a, type: https, address: \"https://a/\"}]", &out);
	assert_non_null(strstr(buf_text(&out), "PrivateNetwork=no\n"));
	assert_null(strstr(buf_text(&out), "ReadWritePaths"));
	drop_in_of("sinks: [{name: a, type: file, address: /srv/a/b}]", &out);
	assert_non_null(strstr(buf_text(&out), "ReadWritePaths=-/srv/a\n"));
	assert_null(strstr(buf_text(&out), "Network"));
	drop_in_of("sinks: [{name: a, type: file, address: /tmp/b}]", &out);
	assert_non_null(strstr(buf_text(&out), "PrivateTmp=no\nReadWritePaths=-/tmp\n"));
	drop_in_of("sinks: [{name: a, type: file, address: /home/a/b}]", &out);
	assert_non_null(strstr(buf_text(&out), "ProtectHome=read-only\nReadWritePaths=-/home/a\n"));
	/* What systemd would take for something else is said as it wants it, or not at all. */
	drop_in_of("sinks: [{name: a, type: file, address: \"/srv/%h/b\"}]", &out);
	assert_non_null(strstr(buf_text(&out), "ReadWritePaths=-/srv/%%h\n"));
	drop_in_of(
		"sinks: [{name: a, type: file, address: \"/srv/'/b\"}, {name: b, type: file, address: /b},"
		"{name: c, type: file, address: /dev/b}]",
		&out);
	assert_int_equal(out.n, 0);
}

static void units_lack(void **state)
{
	struct config_sink s = {.type = CONFIG_SINK_FILE, .address = "/tmp/a"};
	struct wall w = {.unit = true};

	(void)state;
	assert_null(wall_refuses(&w, &s));
	w.private_tmp = true;
	assert_non_null(strstr(wall_refuses(&w, &s), "/tmp of its own"));
	s.address = "/a";
	assert_non_null(strstr(wall_refuses(&w, &s), "directly in /"));
	w.unit = false;
	assert_null(wall_refuses(&w, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(sinks_are_told),
		cmocka_unit_test(units_are_opened),
		cmocka_unit_test(units_lack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
