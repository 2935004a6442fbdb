/* What is not read in time the kernel drops, and says so once. */
#include "daemon/sensor/procs.h"
#include "base/err.h"
#include "base/fd.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED_FIRST = 3, ANSWER_MS = 500, ROOM = 1 << 20 };
/* PROC_EVENT_*: newer headers have moved them out of the struct they were in. */
#define EVENT_FORK 0x1U
#define EVENT_EXEC 0x2U
#define EVENT_UID 0x4U
#define EVENT_GID 0x40U
#define EVENT_SID 0x80U
#define EVENT_EXIT 0x80000000U
#define EVENT_NEVER 0x7fffffffU

/* struct cn_msg without its flexible end, which could not be followed by anything. */
struct cn_head {
	uint32_t idx, val, seq, ack;
	uint16_t len, flags;
};
_Static_assert(sizeof(struct cn_head) == sizeof(struct cn_msg), "the connector's head");

/* One event as it comes: netlink's head, the connector's, the event. */
struct message {
	struct nlmsghdr nl;
	struct cn_head cn;
	uint32_t what, cpu;
	uint64_t time;
	uint32_t pid
		[4]; /* pid and tgid; fork: of the parent, and of the child; ids: real, effective */
} __attribute__((packed));

#define AT(field) ((unsigned)offsetof(struct message, field))

static int attach(int fd, struct sock_filter *code, unsigned short n)
{
	struct sock_fprog prog = {n, code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* Loads are in network order. */
static int filter_execs(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_EXEC), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, COUNTOF(code));
}

/* Everything of processes, that is of threads whose pid and tgid are the same; execs too, if told. */
static int filter_rest(int fd, bool execs)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(execs ? EVENT_EXEC : EVENT_NEVER), 14, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_FORK), 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_EXIT), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_UID), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_GID), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_SID), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[0])),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[1])),
		BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[2])),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[3])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, COUNTOF(code));
}

static bool is_connector(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t n = sizeof(domain), m = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_NETLINK &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m) == 0 &&
	       protocol == NETLINK_CONNECTOR;
}

/* See sd_listen_fds(3). The first one from `*at` on. */
static int passed(int *at)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = fds && pid && atoi(pid) == getpid() ? atoi(fds) : 0;

	for (; *at < PASSED_FIRST + n; (*at)++)
		if (is_connector(*at) && fcntl(*at, F_SETFD, FD_CLOEXEC) == 0)
			return (*at)++;
	return -1;
}

static int open_own(void)
{
	struct sockaddr_nl me = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	FD int fd =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0)
		return err_sys("a netlink socket");
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		return err_sys("bind");
	return take_fd(&fd);
}

static int say(int fd, uint32_t op)
{
	struct {
		struct nlmsghdr nl;
		struct cn_head cn;
		uint32_t op;
	} __attribute__((packed)) m = {
		.nl = {.nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE},
		.cn = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC, .len = sizeof(m.op)},
		.op = op,
	};

	return send(fd, &m, sizeof(m), 0) == (ssize_t)sizeof(m) ? 0 : err_sys("subscribe");
}

int procs_say(bool listen)
{
	FD int fd = open_own();

	return fd < 0 ? fd : say(fd, listen ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE);
}

static bool parse(const struct message *m, ssize_t n, struct procs_event *ret)
{
	static const struct {
		uint32_t what;
		enum procs_what is;
	} rows[] = {
		{EVENT_FORK, PROCS_FORK},
		{EVENT_EXEC, PROCS_EXEC},
		{EVENT_EXIT, PROCS_EXIT},
		{EVENT_UID, PROCS_UID},
		{EVENT_GID, PROCS_GID},
		{EVENT_SID, PROCS_SID},
	};

	if (n < (ssize_t)sizeof(*m) || m->cn.idx != CN_IDX_PROC)
		return false;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		bool fork = rows[i].is == PROCS_FORK;

		if (m->what != rows[i].what)
			continue;
		*ret = (struct procs_event){.what = rows[i].is,
			.when = (int64_t)m->time,
			.pid = (int)m->pid[fork ? 2 : 0],
			.parent = fork ? (int)m->pid[1] : 0,
			.id = m->pid[3]};
		return true;
	}
	return false;
}

/* A message comes from the kernel (port 0) or is not looked at. */
static ssize_t read_one(int fd, struct message *m)
{
	struct sockaddr_nl from = {0};
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, m, sizeof(*m), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	return n >= 0 && from.nl_pid ? 0 : n;
}

int procs_next(struct procs *p, int fd, struct procs_event *ret)
{
	struct message m;
	ssize_t n;

	if (fd < 0)
		return PROCS_NONE;
	do {
		n = read_one(fd, &m);
		p->events += n >= 0;
	} while ((n >= 0 && !parse(&m, n, ret)) || (n < 0 && errno == EINTR));
	if (n < 0)
		return errno == ENOBUFS ? PROCS_LOST : PROCS_NONE;
	return 0;
}

static bool hears(struct procs *p, int fd, int pid)
{
	int64_t until = clock_mono() + ANSWER_MS * CLOCK_MS;
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	struct procs_event e;

	while (clock_mono() < until) {
		poll(&poller, 1, ANSWER_MS / 10);
		while (procs_next(p, fd, &e) == 0)
			if (e.pid == pid)
				return true;
	}
	return false;
}

/* A child that ends at once: does its birth come by? */
static int try_it(struct procs *p)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return err_sys("fork");
	waitpid(pid, NULL, 0);
	if (!hears(p, p->rest_fd >= 0 ? p->rest_fd : p->exec_fd, pid))
		return err_set(-ENODATA,
			"a process of our own was not told of: before Linux 6.6 it "
			"needs CAP_NET_ADMIN, and always the host's network and pid namespaces");
	return 0;
}

/* More than the usual limit where we may; one that was passed may have as much already, and the usual limit
 * would take that away. */
static int listen_on(int fd, int filtered)
{
	int room = ROOM, has = 0;
	socklen_t n = sizeof(has);

	if (filtered < 0)
		return err_sys("a filter");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 &&
		getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &has, &n) == 0 && has < ROOM)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return say(fd, PROC_CN_MCAST_LISTEN);
}

static int open_both(struct procs *p)
{
	int at = PASSED_FIRST, r;

	p->exec_fd = passed(&at);
	if (p->exec_fd >= 0) {
		p->rest_fd = passed(&at);
	} else {
		p->exec_fd = open_own();
		if (p->exec_fd < 0)
			return p->exec_fd;
		p->rest_fd = open_own();
	}
	if (p->rest_fd < 0)
		return listen_on(p->exec_fd, filter_rest(p->exec_fd, true));
	r = listen_on(p->exec_fd, filter_execs(p->exec_fd));
	return r < 0 ? r : listen_on(p->rest_fd, filter_rest(p->rest_fd, false));
}

/* The host's network namespace, by a process that lives there: kernel threads do too. */
static int host_net(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : open("/proc/2/ns/net", O_RDONLY | O_CLOEXEC);
}

/* In a container the connector refuses us (ECONNREFUSED), for it is in the host's network namespace. A
 * socket stays in the one where it was made: this thread goes there for as long as that takes. */
static int open_at_host(struct procs *p)
{
	FD int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), host = host_net();
	struct stat a, b;
	int r;

	if (own < 0 || host < 0 || fstat(own, &a) < 0 || fstat(host, &b) < 0 ||
		a.st_ino == b.st_ino || setns(host, CLONE_NEWNET) < 0)
		return err_set(-ECONNREFUSED, "this is not the host's network namespace, and that "
					      "one cannot be entered");
	r = open_both(p);
	must(setns(own, CLONE_NEWNET) == 0);
	return r;
}

void procs_open(struct procs *p)
{
	int r;

	p->exec_fd = p->rest_fd = -1;
	r = open_both(p);
	if (r == -ECONNREFUSED) {
		fd_close(&p->exec_fd);
		fd_close(&p->rest_fd);
		r = open_at_host(p);
	}
	if (r >= 0)
		r = try_it(p);
	snprintf(
		p->result, sizeof(p->result), "%s", r < 0 ? err_why() : "forks and execs are told");
	if (r < 0)
		procs_close(p);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)say(*fd, PROC_CN_MCAST_IGNORE);
	fd_close(fd);
}

/* Kernels before 6.6 count listeners by what they say, not by their sockets. */
void procs_close(struct procs *p)
{
	close_one(&p->exec_fd);
	close_one(&p->rest_fd);
}
