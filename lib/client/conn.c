/* A local socket fails in few ways, and for each there is one thing to do next. */
#include "client/conn.h"
#include "base/err.h"
#include "base/fd.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	int code;
	const char *next;
} advice[] = {
	{EACCES, "join the group boltseal (usermod -aG boltseal USER, then log in again)"},
	{EPERM, "join the group boltseal (usermod -aG boltseal USER, then log in again)"},
	{EAGAIN, "boltseald is too busy to answer: try again"},
};

static int unreachable(const char *path, int code)
{
	const char *next = "is it running? `systemctl start boltseald` starts it";
	struct stat st;

	if (code == ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(-ENOTSOCK,
			"cannot reach boltseald at %s: it is not a socket: give another with "
			"--socket or BOLTSEAL_SOCKET",
			path);
	for (size_t i = 0; i < COUNTOF(advice); i++)
		if (advice[i].code == code)
			next = advice[i].next;
	return err_set(-code, "cannot reach boltseald at %s: %s: %s", path, strerror(code), next);
}

int conn_open(const char *path, int *ret_fd)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	FD int fd = -1;

	if (strlen(path) >= sizeof(to.sun_path) || !*path)
		return err_set(-ENAMETOOLONG,
			"cannot reach boltseald at %s: a socket's path has 1 to %zu bytes: give "
			"another with --socket or BOLTSEAL_SOCKET",
			path, sizeof(to.sun_path) - 1);
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys("cannot make a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return unreachable(path, errno);
	*ret_fd = take_fd(&fd);
	return 0;
}

int conn_send(int fd, struct span bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return CONN_GONE;
		if (n < 0)
			return err_sys("cannot send to boltseald");
		bytes = span_make(bytes.p + n, bytes.n - (size_t)n);
	}
	return 0;
}

static int wait_for_input(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, wait_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("cannot wait for boltseald");
	if (n == 0)
		return err_set(-ETIMEDOUT,
			"boltseald did not answer in %d s: see `journalctl -u boltseald`",
			wait_ms / 1000);
	return 0;
}

int conn_recv(int fd, int wait_ms, void *p, size_t n)
{
	ssize_t got;
	int r = wait_for_input(fd, wait_ms);

	if (r)
		return r;
	do
		got = recv(fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ECONNRESET)
		return 0;
	return got < 0 ? err_sys("cannot read from boltseald") : (int)got;
}
