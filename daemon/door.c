/*
 * A packet is a header of fixed width and five counted texts, and nothing behind them. Which texts
 * an operation has is a row; a packet that has others is refused, so that what a hijacked gateway
 * can say is no more than what this file lists.
 */
#include "daemon/door.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/sock.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD = 1 + 1 + 4 + 4 + 8 + 8 + 4 + 8,
	TARGET_MAX = 512,
	DRIFT_ID = 64,
	SINK_NAME_MAX = 64,
	MAX_FDS = 2
};

enum { HAS_TARGET = 1, HAS_PATH = 2, HAS_DRIFT = 4, HAS_TEXT = 8, HAS_PATHS = 16 };
static const struct rule {
	enum door_op op;
	uint8_t must, may; /* texts */
	uint32_t flags;	   /* that may be set */
} rules[] = {
	{DOOR_RESCAN, HAS_TARGET, HAS_PATH, 0},
	{DOOR_ACCEPT, HAS_TARGET | HAS_DRIFT, HAS_TEXT | HAS_PATHS, 0},
	{DOOR_PATCH, HAS_TARGET | HAS_PATH, 0, 0},
	{DOOR_PING, 0, 0, 0},
	{DOOR_DOCTOR, 0, 0, 0},
	{DOOR_STATUS, 0, 0, 0},
	{DOOR_SINK_BEHIND, HAS_TARGET, 0, 0},
	{DOOR_SINKS, 0, HAS_TEXT, 0},
	{DOOR_SINK_REFUSED, HAS_TARGET | HAS_TEXT, HAS_PATH, 0},
	{DOOR_HOLD_OPEN, HAS_TEXT, HAS_TARGET, 0},
	{DOOR_HOLD_CLOSE, 0, HAS_TEXT, 0},
	{DOOR_PROVE, 0, HAS_TARGET | HAS_PATH, 0},
	{DOOR_IMPORT, 0, 0, 0},
	{DOOR_FORGET, HAS_DRIFT, 0, 0},
	{DOOR_TICK, 0, 0, 0},
	{DOOR_PROGRESS, 0, 0, 0},
	{DOOR_DONE, 0, HAS_TEXT, 0},
	{DOOR_TEXT, 0, HAS_TEXT, DOOR_MORE},
	{DOOR_FILES, 0, HAS_TEXT, DOOR_OLD_ABSENT | DOOR_NEW_ABSENT},
};

static const struct rule *rule_of(enum door_op op)
{
	for (size_t i = 0; i < COUNTOF(rules); i++)
		if (rules[i].op == op)
			return &rules[i];
	return NULL;
}

void door_encode(const struct door_msg *m, struct buf *out)
{
	buf_u8(out, DOOR_VERSION);
	buf_u8(out, (uint8_t)m->op);
	buf_be32(out, m->id);
	buf_be32(out, m->flags);
	buf_be64(out, m->value);
	buf_be64(out, m->value2);
	buf_be32(out, m->uid);
	buf_be64(out, (uint64_t)m->expires);
	buf_bytes(out, m->target);
	buf_bytes(out, m->path);
	buf_bytes(out, m->drift_id);
	buf_bytes(out, m->text);
	buf_bytes(out, m->paths);
}

static bool path_ok(struct span s)
{
	return s.n > 0 && s.n < PATH_MAX && s.p[0] == '/' && !memchr(s.p, 0, s.n);
}

static bool target_ok(struct span s)
{
	return s.n > 0 && s.n <= TARGET_MAX && !memchr(s.p, 0, s.n);
}

static bool drift_id_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return s.n == DRIFT_ID;
}

static bool paths_ok(struct span s)
{
	struct rd r = rd_of(s);

	while (!rd_end(&r))
		if (!path_ok(rd_bytes(&r)))
			return false;
	return !r.bad;
}

static bool texts_ok(const struct door_msg *m, const struct rule *rule)
{
	unsigned has = (m->target.n ? HAS_TARGET : 0u) | (m->path.n ? HAS_PATH : 0u) |
		       (m->drift_id.n ? HAS_DRIFT : 0u) | (m->text.n ? HAS_TEXT : 0u) |
		       (m->paths.n ? HAS_PATHS : 0u);

	if ((has & rule->must) != rule->must || (has & ~(unsigned)(rule->must | rule->may)))
		return false;
	return (!m->target.n || target_ok(m->target)) && (!m->path.n || path_ok(m->path)) &&
	       (!m->drift_id.n || drift_id_ok(m->drift_id)) && paths_ok(m->paths);
}

/* As config_sinks.c allows it. */
static bool sink_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '_' || c == '-' || c == '.'))
			return false;
	}
	return name.n > 0 && name.n <= SINK_NAME_MAX;
}

static bool sink_ok(const struct door_msg *m)
{
	return sink_name_ok(m->target) && m->value > 0 && m->value <= m->value2;
}

static bool sinks_ok(const struct door_msg *m)
{
	struct rd r = rd_of(m->text);
	size_t n = 0;

	while (!rd_end(&r) && n++ < DOOR_SINKS_MAX) {
		if (!sink_name_ok(rd_bytes(&r)))
			return false;
		rd_varint(&r);
		rd_varint(&r);
	}
	return !r.bad && r.p == r.end;
}

static bool refused_ok(const struct door_msg *m)
{
	struct rd r = rd_of(m->text);
	uint64_t n = rd_varint(&r);
	struct span words = rd_bytes(&r);

	return sink_ok(m) && !r.bad && r.p == r.end && n > 0 && n - 1 <= m->value2 - m->value &&
	       words.n <= DOOR_WORDS_MAX;
}

static bool no_nul(struct span s)
{
	return !s.n || !memchr(s.p, 0, s.n);
}

static bool hold_ok(const struct door_msg *m)
{
	struct rd r = rd_of(m->text);
	struct span name = rd_bytes(&r), reason = rd_bytes(&r), path = rd_bytes(&r);

	return !r.bad && r.p == r.end && name.n > 0 && name.n <= DOOR_HOLD_NAME && reason.n > 0 &&
	       path.n < PATH_MAX && no_nul(name) && no_nul(reason) && no_nul(path) &&
	       m->value > 0 && m->value <= DOOR_HOLD_LASTS;
}

static bool msg_ok(const struct door_msg *m)
{
	const struct rule *rule = rule_of(m->op);

	if ((m->op == DOOR_SINK_BEHIND && !sink_ok(m)) || (m->op == DOOR_SINKS && !sinks_ok(m)) ||
		(m->op == DOOR_SINK_REFUSED && !refused_ok(m)))
		return false;
	if (m->op == DOOR_IMPORT && m->value > 1)
		return false;
	if ((m->op == DOOR_HOLD_OPEN && !hold_ok(m)) || (m->op == DOOR_HOLD_CLOSE && !m->value))
		return false;
	return rule && !(m->flags & ~rule->flags) && m->expires >= 0 && texts_ok(m, rule);
}

int door_decode(struct span packet, struct door_msg *ret)
{
	struct rd r = rd_of(packet);
	uint8_t version;

	*ret = (struct door_msg){0};
	if (packet.n > DOOR_MAX || packet.n < HEAD)
		return err_set(-EBADMSG, "a packet of %zu bytes at the door", packet.n);
	version = rd_u8(&r);
	if (version != DOOR_VERSION)
		return err_set(-EBADMSG,
			"the door's version %u, not %u: the roles are of two builds", version,
			DOOR_VERSION);
	ret->op = rd_u8(&r);
	ret->id = rd_be32(&r);
	ret->flags = rd_be32(&r);
	ret->value = rd_be64(&r);
	ret->value2 = rd_be64(&r);
	ret->uid = rd_be32(&r);
	ret->expires = (int64_t)rd_be64(&r);
	ret->target = rd_bytes(&r);
	ret->path = rd_bytes(&r);
	ret->drift_id = rd_bytes(&r);
	ret->text = rd_bytes(&r);
	ret->paths = rd_bytes(&r);
	if (r.bad || r.p != r.end || !msg_ok(ret))
		return err_set(-EBADMSG, "a packet at the door that is not well-formed");
	return 0;
}

int door_listen(const char *path, int gid, int *ret_fd)
{
	return sock_listen(path, SOCK_SEQPACKET, gid, ret_fd);
}

int door_connect(const char *path, int *ret_fd)
{
	return sock_connect(path, SOCK_SEQPACKET, ret_fd);
}

int door_accept(int listen_fd, int gateway_uid, int *ret_fd)
{
	FD int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t n = sizeof(who);

	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return DOOR_AGAIN;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return err_sys("door");
	if (who.uid != 0 && who.uid != geteuid() &&
		(gateway_uid < 0 || who.uid != (uid_t)gateway_uid))
		return err_set(
			-EPERM, "door: uid %u (pid %d) is not the gateway", who.uid, who.pid);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int refused(const char *what)
{
	if (errno == EAGAIN)
		return DOOR_AGAIN;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return DOOR_CLOSED;
	return err_sys("door: %s", what);
}

static void attach(struct msghdr *h, void *room, const int *fds, size_t n_fds)
{
	struct cmsghdr *c;

	h->msg_control = room;
	h->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

/* Room for a control message, aligned as one must be. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

int door_send(int fd, const struct door_msg *m, const int *fds, size_t n_fds)
{
	BUF struct buf packet = {0};
	union control control = {0};
	struct msghdr h = {0};
	struct iovec io;
	ssize_t n;

	must(n_fds <= MAX_FDS);
	door_encode(m, &packet);
	if (buf_err(&packet))
		return buf_err(&packet);
	if (packet.n > DOOR_MAX)
		return err_set(-EMSGSIZE, "%zu bytes do not fit through the door", packet.n);
	if (!msg_ok(m))
		return err_set(-EINVAL, "the other side of the door would refuse this");
	io = (struct iovec){packet.p, packet.n};
	h.msg_iov = &io;
	h.msg_iovlen = 1;
	if (n_fds)
		attach(&h, control.room, fds, n_fds);
	do {
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? refused("send") : 0;
}

/* Every descriptor that came is ours to close, wanted or not; more than fit were never installed.
 */
struct received {
	int fds[MAX_FDS];
	size_t n;
};

static void received_fini(struct received *r)
{
	while (r->n)
		close(r->fds[--r->n]);
}
#define RECEIVED CLEANUP(received_fini)

static void collect(struct msghdr *h, struct received *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (r->n < MAX_FDS)
				r->fds[r->n++] = fd;
			else
				close(fd);
		}
	}
}

/* DOOR_FILES brings two, or one for each side that is there, DOOR_IMPORT one; nothing else brings any. */
static bool count_ok(const struct door_msg *m, size_t n)
{
	size_t absent = !!(m->flags & DOOR_OLD_ABSENT) + !!(m->flags & DOOR_NEW_ABSENT);

	if (m->op == DOOR_IMPORT)
		return n == 1;
	return m->op == DOOR_FILES ? n == MAX_FDS || n == MAX_FDS - absent : n == 0;
}

static ssize_t receive(int fd, struct msghdr *h, struct received *got)
{
	ssize_t n;

	do {
		n = recvmsg(fd, h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		collect(h, got);
	return n;
}

int door_recv(int fd, struct buf *packet, struct door_msg *ret, int fds[2], size_t *ret_n_fds)
{
	union control control = {0};
	struct iovec io;
	struct msghdr h = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	RECEIVED struct received got = {.n = 0};
	ssize_t n;
	int r;

	if (ret_n_fds)
		*ret_n_fds = 0;
	buf_reset(packet);
	if ((r = buf_reserve(packet, DOOR_MAX)) < 0)
		return r;
	io = (struct iovec){packet->p, DOOR_MAX};
	n = receive(fd, &h, &got);
	if (n < 0)
		return refused("receive");
	if (n == 0)
		return DOOR_CLOSED;
	packet->n = (size_t)n;
	packet->p[n] = 0;
	if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return err_set(-EBADMSG, "a packet at the door that is too large");
	if ((r = door_decode(buf_span(packet), ret)) < 0)
		return r;
	if (!count_ok(ret, got.n) || (got.n && !ret_n_fds))
		return err_set(-EBADMSG, "descriptors at the door that do not belong there");
	if (ret_n_fds) {
		memcpy(fds, got.fds, got.n * sizeof(int));
		*ret_n_fds = got.n;
		got.n = 0;
	}
	return 0;
}
