/*
 * Sockets are non-blocking; what waits is poll(), on the socket and on the descriptor that says
 * stop. A plain TCP receiver acknowledges nothing: that its kernel has everything is the best that
 * can be known while the connection lives, and how wide it lets us send tells whether its program
 * reads at all.
 */
#include "net/conn.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "net/tls.h"
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct net_conn {
	int fd, stop_fd;
	bool udp;
	struct tls *tls;
	uint32_t widest; /* the receiver's window, at most */
	char peer[320];
};

/* Waits until the socket can do `events`. */
static int wait_for(struct net_conn *c, short events, int64_t until, const char *what)
{
	struct pollfd p[2] = {
		{.fd = c->fd, .events = events}, {.fd = c->stop_fd, .events = POLLIN}};

	for (;;) {
		int64_t left = until - clock_mono();
		int n = poll(p, 2, left > 0 ? (int)(left / CLOCK_MS) + 1 : 0);

		if (n < 0 && errno != EINTR)
			return err_sys("poll");
		if (n > 0 && p[1].revents)
			return err_set(-ECANCELED, "%s: stopped", c->peer);
		if (n > 0)
			return 0;
		if (n == 0 && left <= 0)
			return err_set(-ETIMEDOUT, "%s: %s took too long", c->peer, what);
	}
}

static void set(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* A receiver that vanished without a word is known to be gone after two minutes. */
static void keep_alive(int fd)
{
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 20);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 120000);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int connect_one(struct net_conn *c, const struct addrinfo *a, int64_t until)
{
	int error = 0, r;
	socklen_t n = sizeof(error);

	fd_close(&c->fd);
	c->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (c->fd < 0)
		return err_sys("%s: socket", c->peer);
	if (!c->udp)
		keep_alive(c->fd);
	if (connect(c->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return err_sys("%s", c->peer);
	r = wait_for(c, POLLOUT, until, "connecting");
	if (r < 0)
		return r;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
		return 0;
	errno = error;
	return err_sys("%s", c->peer);
}

static int connect_any(struct net_conn *c, const struct net_options *o, int64_t until)
{
	struct addrinfo hints = {.ai_socktype = o->udp ? SOCK_DGRAM : SOCK_STREAM,
				.ai_flags = AI_ADDRCONFIG},
			*list = NULL;
	int r = getaddrinfo(o->host, o->port, &hints, &list);

	if (r == EAI_NONAME || r == EAI_ADDRFAMILY) { /* loopback alone counts for nothing there */
		hints.ai_flags = 0;
		r = getaddrinfo(o->host, o->port, &hints, &list);
	}
	if (r != 0)
		return err_set(-EHOSTUNREACH, "%s: %s", c->peer,
			r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	r = err_set(-EHOSTUNREACH, "%s: it has no address", c->peer);
	for (const struct addrinfo *a = list; a && r < 0 && r != -ECANCELED; a = a->ai_next) {
		int64_t now = clock_mono();
		int64_t share = a->ai_next ? (until - now) / 2 : until - now;

		r = connect_one(c, a, now + share);
	}
	freeaddrinfo(list);
	return r;
}

/* A step that waits for the socket: 0 when it may be tried again. */
static int wait_tls(struct net_conn *c, int step, int64_t until, const char *what)
{
	if (step == TLS_WANT_READ || step == TLS_WANT_WRITE)
		return wait_for(c, step == TLS_WANT_READ ? POLLIN : POLLOUT, until, what);
	return step == TLS_CLOSED ? err_set(-ECONNRESET, "%s: the receiver hung up", c->peer)
				  : step;
}

static int prove(struct net_conn *c, const struct net_options *o, int64_t until)
{
	int r = tls_new(&c->tls, c->fd, o->host, o->tls);

	while (r == 0) {
		int step = tls_handshake(c->tls);

		if (step == 0)
			return 0;
		r = wait_tls(c, step, until, "the handshake");
	}
	return r < 0 && r != -ECANCELED ? err_wrap(r, "%s", c->peer) : r;
}

int net_open(struct net_conn **ret, const struct net_options *o)
{
	struct net_conn *c = calloc(1, sizeof(*c));
	int64_t until = clock_mono() + o->timeout;
	int r;

	must(c);
	c->fd = -1;
	c->stop_fd = o->stop_fd;
	c->udp = o->udp;
	snprintf(c->peer, sizeof(c->peer), "%s port %s", o->host, o->port);
	r = connect_any(c, o, until);
	if (r == 0 && o->tls)
		r = prove(c, o, until);
	if (r < 0)
		net_close(c);
	else
		*ret = c;
	return r;
}

static int hung_up(const struct net_conn *c)
{
	return err_set(-ECONNRESET, "%s: the receiver closed the connection", c->peer);
}

enum { ENDED = 1 };

/* What the other side says is thrown away. ENDED: it has closed in order. */
static int drain(struct net_conn *c)
{
	char room[4096];
	ssize_t n;
	int r;

	if (c->tls) {
		r = tls_drain(c->tls);
		return r == TLS_CLOSED ? ENDED : r < 0 ? err_wrap(r, "%s", c->peer) : 0;
	}
	do {
		n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n == 0)
		return c->udp ? 0 : ENDED;
	return err_sys("%s", c->peer);
}

static int is_open(struct net_conn *c)
{
	int r = drain(c);

	return r == ENDED ? hung_up(c) : r;
}

static int write_some(struct net_conn *c, struct span bytes, size_t *ret_n)
{
	ssize_t n;

	*ret_n = 0;
	if (c->tls)
		return tls_write(c->tls, bytes, ret_n);
	n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return TLS_WANT_WRITE;
	if (n < 0)
		return err_sys("%s: sending", c->peer);
	*ret_n = (size_t)n;
	return 0;
}

int net_send(struct net_conn *c, struct span bytes, int64_t timeout)
{
	int64_t until = clock_mono() + timeout;
	int r = is_open(c);

	while (r == 0 && bytes.n > 0) {
		size_t n;
		int step = write_some(c, bytes, &n);

		if (step == 0 && n > 0) {
			bytes = span_make(bytes.p + n, bytes.n - n);
			until = clock_mono() + timeout; /* slow is not dead */
		} else if (step != 0) {
			r = wait_tls(c, step, until, "sending");
		}
	}
	return r;
}

/* A program that does not read lets its kernel's window shrink. Kernels before 5.4 do not say. */
static bool reads(struct net_conn *c)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &i, &n) < 0 ||
		n < offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(i.tcpi_snd_wnd))
		return true;
	if (i.tcpi_snd_wnd > c->widest)
		c->widest = i.tcpi_snd_wnd;
	return i.tcpi_snd_wnd >= c->widest - c->widest / 4;
}

int net_settled(struct net_conn *c)
{
	int r = is_open(c), queued = 0;

	if (r < 0 || c->udp)
		return r;
	if (ioctl(c->fd, SIOCOUTQ, &queued) < 0)
		return err_sys("%s", c->peer);
	return queued > 0 || !reads(c) ? NET_BUSY : 0;
}

int net_finish(struct net_conn *c, int64_t patience)
{
	int64_t until = clock_mono() + patience;
	int r;

	if (c->udp)
		return drain(c);
	c->stop_fd = -1; /* this is how one stops */
	if (c->tls)
		tls_shutdown(c->tls);
	if (shutdown(c->fd, SHUT_WR) < 0)
		return err_sys("%s", c->peer);
	for (;;) {
		r = drain(c); /* what it had not read when it closed would be a reset */
		if (r != 0)
			return r == ENDED ? 0 : r;
		r = wait_for(c, POLLIN | POLLRDHUP, until, "the end");
		if (r < 0)
			return r == -ETIMEDOUT ? NET_BUSY : r;
	}
}

void net_close(struct net_conn *c)
{
	if (!c)
		return;
	if (c->tls)
		tls_shutdown(c->tls);
	tls_free(c->tls);
	fd_close(&c->fd);
	free(c);
}

void net_describe(const struct net_conn *c, struct buf *out)
{
	buf_printf(out, "%s: ", c->peer);
	if (c->tls)
		tls_describe(c->tls, out);
	else
		buf_add_text(out, c->udp ? "udp" : "tcp");
}
