/* What the service manager, or the supervisor, hears. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/daemon.h"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void heard_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char got[64] = "";
	size_t n = strlen(name);

	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify("READY=1\nSTATUS=well");
	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 19);
	assert_string_equal(got, "READY=1\nSTATUS=well");
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1"); /* nobody to tell */
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
}

static void by_path(void **state)
{
	char dir[] = "/tmp/boltseal-notify-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/n", dir);
	heard_at(path);
	unlink(path);
	rmdir(dir);
}

static void abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@boltseal-test-%d", (int)getpid());
	heard_at(name);
}

static void nonsense(void **state)
{
	static const char *const names[] = {"", "@", "relative", "/nowhere/at/all"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(names); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify("READY=1");
	}
	unsetenv("NOTIFY_SOCKET");
}

static void supervisor(void **state)
{
	char text[16], c;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	snprintf(text, sizeof(text), "%d", p[1]);
	setenv("BOLTSEAL_READY_FD", text, 1);
	notify("STATUS=not yet");
	notify("READY=1");
	assert_int_equal(read(p[0], &c, 1), 1);
	notify("WATCHDOG=1");
	assert_int_equal(read(p[0], &c, 1), 1);
	unsetenv("BOLTSEAL_READY_FD");
	notify("READY=1");
	close(p[1]);
	assert_int_equal(read(p[0], &c, 1), 0);
	close(p[0]);
}

/* A manager that waits for a reload must be told when it began. */
static void reloading(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[64], got[96] = "";
	long long usec = 0;

	(void)state;
	snprintf(name, sizeof(name), "@boltseal-reload-%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&at,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify("RELOADING=1");
	unsetenv("NOTIFY_SOCKET");
	assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
	assert_true(usec > 0 && usec <= clock_mono() / 1000);
}

static int64_t every(const char *usec, const char *pid)
{
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	return notify_alive_every();
}

static void watchdog(void **state)
{
	char me[16];

	(void)state;
	snprintf(me, sizeof(me), "%d", (int)getpid());
	assert_int_equal(every("180000000", me), 90 * CLOCK_S);
	assert_int_equal(every("180000000", NULL), 90 * CLOCK_S);
	assert_int_equal(every(NULL, me), 0);
	assert_int_equal(every("180000000", "1"), 0); /* it is meant for another process */
	assert_int_equal(every("0", me), 0);
	assert_int_equal(every("never", me), 0);
	assert_int_equal(every("180000000", "me"), 0);
	every(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_path),
		cmocka_unit_test(abstract),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(supervisor),
		cmocka_unit_test(reloading),
		cmocka_unit_test(watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
