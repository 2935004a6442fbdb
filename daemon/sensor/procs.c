/*
 * The process connector tells of every fork and exec on the host. Threads are left out by a filter
 * in the kernel, and what is not read in time is dropped there: it is only a hint.
 */
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
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED_FIRST = 3, ANSWER_MS = 500, READ_MAX = 4096 };
/* PROC_EVENT_FORK and _EXEC: newer headers have moved them out of the struct they were in. */
enum { EVENT_FORK = 0x1, EVENT_EXEC = 0x2 };

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
	uint32_t pid[4]; /* fork: parent pid and tgid, child pid and tgid; exec: pid and tgid */
} __attribute__((packed));

#define AT(field) ((unsigned)offsetof(struct message, field))

/* Execs, and forks whose child is a process. Loads are in network order. */
static int filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_EXEC), 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_FORK), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[2])),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(pid[3])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {COUNTOF(code), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static bool is_connector(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t n = sizeof(domain), m = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_NETLINK &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m) == 0 &&
	       protocol == NETLINK_CONNECTOR;
}

/* See sd_listen_fds(3). */
static int passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = fds && pid && atoi(pid) == getpid() ? atoi(fds) : 0;

	for (int fd = PASSED_FIRST; fd < PASSED_FIRST + n; fd++)
		if (is_connector(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
			return fd;
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

/* The pid that a message is about; 0: none. */
static int pid_in(const struct message *m, ssize_t n)
{
	if (n < (ssize_t)AT(pid[2]) || m->cn.idx != CN_IDX_PROC)
		return 0;
	if (m->what == EVENT_EXEC)
		return (int)m->pid[0];
	return m->what == EVENT_FORK && n >= (ssize_t)sizeof(*m) ? (int)m->pid[2] : 0;
}

/* A message comes from the kernel (port 0) or is not looked at. */
static ssize_t read_one(int fd, struct message *m)
{
	struct sockaddr_nl from = {0};
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, m, sizeof(*m), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	return n >= 0 && from.nl_pid ? 0 : n;
}

static bool hears(int fd, int pid)
{
	int64_t until = clock_mono() + ANSWER_MS * CLOCK_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct message m;
	ssize_t n;

	while (clock_mono() < until) {
		poll(&p, 1, ANSWER_MS / 10);
		while ((n = read_one(fd, &m)) >= 0)
			if (pid_in(&m, n) == pid)
				return true;
	}
	return false;
}

/* A child that ends at once: does its birth come by? */
static int try_it(int fd)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return err_sys("fork");
	waitpid(pid, NULL, 0);
	if (!hears(fd, pid))
		return err_set(-ENODATA,
			"a process of our own was not told of: before Linux 6.6 it "
			"needs CAP_NET_ADMIN, and always the host's network and pid namespaces");
	return 0;
}

void procs_open(struct procs *p)
{
	FD int fd = passed();
	int r = 0;

	p->fd = -1;
	if (fd < 0)
		r = fd = open_own();
	if (r >= 0 && filter(fd) < 0)
		r = err_sys("a filter");
	if (r >= 0)
		r = say(fd, PROC_CN_MCAST_LISTEN);
	if (r >= 0)
		r = try_it(fd);
	snprintf(
		p->result, sizeof(p->result), "%s", r < 0 ? err_why() : "forks and execs are told");
	if (r >= 0)
		p->fd = take_fd(&fd);
}

/* Kernels before 6.6 count listeners by what they say, not by their sockets. */
void procs_close(struct procs *p)
{
	if (p->fd >= 0)
		(void)say(p->fd, PROC_CN_MCAST_IGNORE);
	fd_close(&p->fd);
}

unsigned procs_read(struct procs *p, int pids[PROCS_MAX], bool *ret_more)
{
	unsigned n = 0;
	struct message m;

	*ret_more = false;
	for (unsigned read = 0; read < READ_MAX; read++) {
		ssize_t size = read_one(p->fd, &m);
		int pid;

		if (size < 0 && errno == ENOBUFS) {
			*ret_more = true;
			continue;
		}
		if (size < 0)
			return n;
		p->events++;
		pid = pid_in(&m, size);
		if (!pid || (n && pids[n - 1] == pid))
			continue;
		if (n < PROCS_MAX)
			pids[n++] = pid;
		else
			*ret_more = true;
	}
	*ret_more = true;
	return n;
}
