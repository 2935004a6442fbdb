/* The service manager is told by one datagram. A role that the supervisor started has no manager:
 * it writes a byte to the supervisor's pipe when it is ready, and one for each sign of life. */
#include "daemon/daemon.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void tell_supervisor(void)
{
	const char *text = getenv("BOLTSEAL_READY_FD");
	uint64_t n;

	if (text && text_u64(span_of(text), 3, INT32_MAX, &n) == 0)
		(void)!write((int)n, "1", 1);
}

static void tell_manager(const char *path, const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	FD int fd = -1;
	size_t n = strlen(path);

	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* An abstract name has no end of its own: the length says it. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char text[96];

	if (strncmp(state, "READY=1", 7) == 0 || strcmp(state, "WATCHDOG=1") == 0)
		tell_supervisor();
	if (!path)
		return;
	/* A manager that waits for the end of a reload must know which one it was. */
	if (strcmp(state, "RELOADING=1") == 0) {
		snprintf(text, sizeof(text), "%s\nMONOTONIC_USEC=%lld", state,
			(long long)(clock_mono() / 1000));
		state = text;
	}
	tell_manager(path, state);
}

int64_t notify_alive_every(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t n, who = (uint64_t)getpid();

	if (!usec || text_u64(span_of(usec), 1, INT64_MAX / 1000, &n) < 0)
		return 0;
	if (pid && (text_u64(span_of(pid), 1, INT32_MAX, &who) < 0 || who != (uint64_t)getpid()))
		return 0;
	return (int64_t)n * 1000 / 2;
}
