#include "daemon/sock.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n == 0 || n >= sizeof(ret->sun_path))
		return err_set(-ENAMETOOLONG, "%s: a socket's path has 1 to %zu bytes", path,
			sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, n);
	return 0;
}

static int pid_of_peer(int fd)
{
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 ? who.pid : 0;
}

#define NEXT_STEP "; stop it, or give this one a socket in another directory"

/* Is somebody there? What answers in another way than "refused" is alive. */
static int make_room(const char *path, const struct sockaddr_un *at, int type)
{
	FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return err_sys("socket");
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys("%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(-EEXIST, "%s is there and is not a socket", path);
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
		return err_set(-EADDRINUSE,
			"socket %s is in use by a live daemon (pid %d)" NEXT_STEP, path,
			pid_of_peer(fd));
	if (errno != ECONNREFUSED)
		return err_set(-EADDRINUSE, "socket %s is in use by a live daemon" NEXT_STEP, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys("%s", path);
	return 0;
}

int sock_listen(const char *path, int type, int gid, int *ret_fd)
{
	struct sockaddr_un at;
	FD int fd = -1;
	int r;

	if ((r = address(path, &at)) < 0 || (r = make_room(path, &at, type)) < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Linux gives the name the descriptor's mode: nobody can connect before the group is set.
	 */
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_sys("socket");
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys("%s", path);
	if (gid >= 0 && lchown(path, (uid_t)-1, (gid_t)gid) < 0)
		return err_sys("%s: group %d", path, gid);
	if (chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys("%s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int sock_connect(const char *path, int type, int *ret_fd)
{
	struct timeval patience = {.tv_sec = 2};
	struct sockaddr_un at;
	FD int fd = -1;
	int r;

	if ((r = address(path, &at)) < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_sys("socket");
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys("%s", path);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys("%s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}
