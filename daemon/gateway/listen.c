/* Whether a socket file is alive shows by connecting to it: nobody listening says ECONNREFUSED. */
#include "daemon/gateway/listen.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3, BACKLOG = 128 };

static bool handed_over(int *ret_fd)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	bool ours = pid && fds && atol(pid) == (long)getpid() && atoi(fds) >= 1;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours)
		return false;
	(void)fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(FIRST_FD, F_SETFL, fcntl(FIRST_FD, F_GETFL) | O_NONBLOCK);
	*ret_fd = FIRST_FD;
	return true;
}

/* Who configures a path expects clients to find it there. */
static void compare(int fd, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(sa) - 1;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) == 0 && sa.sun_family == AF_UNIX &&
		strcmp(sa.sun_path, path) != 0)
		log_warn("the service manager's socket is %s, not %s as configured: a drop-in of "
			 "boltseal.socket with ListenStream= says where it lies",
			sa.sun_path, path);
}

static int take_over(const char *path, const struct sockaddr_un *sa)
{
	FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			-EEXIST, "%s is there and is no socket; remove it or name another", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 &&
		errno == ECONNREFUSED) {
		unlink(path);
		return 0;
	}
	return err_set(
		-EADDRINUSE, "%s is another gateway's; stop it, or name another socket", path);
}

static void give_to_group(const char *path, const char *group)
{
	int gid = group && *group ? daemon_group(group) : -1;

	if (chmod(path, 0660) < 0)
		log_warn("%s: mode 0660 could not be set", path);
	if (gid < 0)
		log_note("there is no group %s: only this user may use %s", group ? group : "",
			path);
	else if (chown(path, (uid_t)-1, (gid_t)gid) < 0)
		log_warn("%s could not be given to group %s", path, group);
}

int listen_open(const char *path, const char *group, int *ret_fd, bool *ret_made)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	FD int fd = -1;
	mode_t mask;
	int r;

	*ret_made = false;
	if (handed_over(ret_fd)) {
		compare(*ret_fd, path);
		return 0;
	}
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(-ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
			sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	r = take_over(path, &sa);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys("cannot make a socket");
	mask = umask(0177); /* nobody else, not for a moment */
	r = bind(fd, (const struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return err_sys("cannot listen on %s", path);
	give_to_group(path, group);
	*ret_fd = take_fd(&fd);
	*ret_made = true;
	return 0;
}
