/*
 * A container that has our socket mounted connects as uid 0 too. What gives it away is its pid
 * namespace, its mount namespace, or its cgroup where it shares the host's. Whoever has no rights
 * cannot look at the namespace links of root's processes, but at their mounts: the number of a mount
 * is another one in each namespace that has it. Ours and that of process 1 are the host's; they
 * differ where the service manager gave us one of our own. The pid of SO_PEERCRED may be dead and taken
 * by another process by the time /proc is read: a pidfd that still lives afterwards rules that out.
 */
#include "daemon/gateway/roles.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
enum { GROUPS_MAX = 65536, PROC_MAX = 65536 };

void who_free(struct who *w)
{
	free(w->gids);
	*w = (struct who){.uid = UINT32_MAX};
}

int who_nspid_depth(struct span status)
{
	const uint8_t *at = memmem(status.p, status.n, "\nNSpid:", 7), *end = status.p + status.n;
	int n = 0;
	bool inside = false;

	if (!at)
		return -1;
	for (at += 7; at < end && *at != '\n'; at++) {
		n += isdigit(*at) && !inside;
		inside = isdigit(*at);
	}
	return n;
}

static void groups_by_name(struct who *w)
{
	const struct passwd *pw = getpwuid(w->uid);
	int n = 64;
	gid_t *gids = calloc((size_t)n, sizeof(*gids));

	must(gids);
	if (!pw || getgrouplist(pw->pw_name, w->gid, gids, &n) < 0)
		n = 0;
	w->gids = gids;
	w->n_gids = (size_t)n;
}

static void read_groups(int fd, struct who *w)
{
	socklen_t len = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0 && errno != ERANGE) {
		groups_by_name(w);
		return;
	}
	if (len == 0 || len > GROUPS_MAX * sizeof(gid_t))
		return;
	w->gids = malloc(len);
	must(w->gids);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, w->gids, &len) == 0)
		w->n_gids = len / sizeof(gid_t);
}

static bool holds_target(
	struct span cgroup, bool (*is_target)(void *ctx, struct span id), void *ctx)
{
	size_t run = 0;

	for (size_t i = 0; i < cgroup.n; i++) {
		run = isxdigit(cgroup.p[i]) ? run + 1 : 0;
		if (run >= 64 && is_target(ctx, span_make(cgroup.p + i - 63, 64)))
			return true;
	}
	return false;
}

static int read_proc(int32_t pid, const char *name, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fd_read_file(AT_FDCWD, path, PROC_MAX, out);
}

/* Where we are in a container ourselves, who is in that one may be us as well: it is no other's. */
static bool is_our_group(struct span cgroup)
{
	BUF struct buf own = {.p = NULL};

	return read_proc(getpid(), "cgroup", &own) == 0 && span_eq(buf_span(&own), cgroup);
}

/* Why the peer is taken for one inside a container; NULL: it is not. */
static const char *container_reason(
	int32_t pid, bool (*is_target)(void *ctx, struct span id), void *ctx)
{
	BUF struct buf status = {.p = NULL}, cgroup = {.p = NULL};

	if (pid <= 0)
		return "its process is not visible from here";
	if (read_proc(pid, "status", &status) < 0)
		return "its process could not be looked at";
	if (who_nspid_depth(buf_span(&status)) != 1)
		return "it is in another pid namespace";
	if (!who_shares_mounts(pid))
		return "it is in another mount namespace";
	if (is_target && read_proc(pid, "cgroup", &cgroup) == 0 &&
		!is_our_group(buf_span(&cgroup)) && holds_target(buf_span(&cgroup), is_target, ctx))
		return "it is in a container's control group";
	return NULL;
}

enum { NO_MOUNT = 0, HEAD_MAX = 4096 };

/* The number at the start of a line of mountinfo. */
static uint32_t mount_no(struct span line)
{
	const uint8_t *space = memchr(line.p, ' ', line.n);
	uint64_t no;

	return space && text_u64(span_make(line.p, (size_t)(space - line.p)), 1, UINT32_MAX, &no) ==
				       0
		       ? (uint32_t)no
		       : NO_MOUNT;
}

/* Any mount that a process sees will do: its first. */
static uint32_t first_mount(int32_t pid)
{
	char path[64], head[HEAD_MAX];
	FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, head, sizeof(head));
	return n > 0 ? mount_no(span_make(head, (size_t)n)) : NO_MOUNT;
}

/* Is the mount one of those that the file lists? */
static bool lists_mount(const char *mountinfo, uint32_t no)
{
	FILE *f = fopen(mountinfo, "re");
	FREE char *line = NULL;
	size_t room = 0;
	bool found = false;
	ssize_t n;

	while (f && !found && (n = getline(&line, &room, f)) > 0)
		found = mount_no(span_make(line, (size_t)n)) == no;
	if (f)
		fclose(f);
	return found;
}

bool who_shares_mounts(int32_t pid)
{
	uint32_t no = first_mount(pid);

	return no != NO_MOUNT && (no == first_mount(1) || lists_mount("/proc/self/mountinfo", no) ||
					 lists_mount("/proc/1/mountinfo", no));
}

static bool is_dead(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&p, 1, 0) > 0;
}

int who_read(int fd, bool (*is_target)(void *ctx, struct span id), void *ctx, struct who *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), plen = sizeof(int);
	FD int pidfd = -1;
	const char *why;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return err_sys("cannot tell who connected");
	*ret = (struct who){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	read_groups(fd, ret);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &plen) < 0)
		pidfd = -1;
	why = container_reason(cred.pid, is_target, ctx);
	if (!why && is_dead(pidfd))
		why = "its process has ended";
	ret->in_container = why != NULL;
	snprintf(ret->why, sizeof(ret->why), "%s", why ? why : "");
	return 0;
}
