/*
 * Syslog: datagrams to /dev/log and by UDP (RFC 5426), frames with an octet count by TCP (RFC 6587) and
 * TLS (RFC 5425). Nobody acknowledges anything, so the core keeps its position behind what was sent,
 * until the connection has lived on for a while with nothing left in our kernel.
 */
#include "daemon/config_sinks.h"
#include "daemon/gateway/sink.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/host_name.h"
#include "daemon/sock.h"
#include "net/conn.h"
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_MOST = 8192, UDP_MOST = 2048 };

struct sink_link {
	const struct sink_env *env;
	struct sink_address to;
	struct net_conn *net; /* NULL: `fd`, a Unix datagram socket */
	int fd;
	enum format format;
	struct format_options options;
	bool bsd; /* the header that /dev/log's readers expect */
	char host[HOST_NAME_ROOM];
	struct buf text, out;
};

static void close_link(struct sink_link *l)
{
	if (!l)
		return;
	net_close(l->net);
	fd_close(&l->fd);
	buf_free(&l->text);
	buf_free(&l->out);
	free(l);
}

static int connect_unix(struct sink_link *l)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(l->to.path) >= sizeof(a.sun_path))
		return err_set(-ENAMETOOLONG, "%s: the path is too long", l->to.path);
	strcpy(a.sun_path, l->to.path);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys("%s", l->to.path);
	return 0;
}

static int connect_net(struct sink_link *l)
{
	const struct config_sink *c = l->env->conf;
	struct net_tls tls = {.ca = c->tls.ca,
		.cert = c->tls.cert,
		.key = c->tls.key,
		.crl = c->tls.crl,
		.server_name = c->tls.server_name,
		.fingerprint = c->tls.fingerprint};
	struct net_options o = {.host = l->to.host,
		.port = l->to.port,
		.udp = l->to.scheme == SINK_TO_UDP,
		.tls = l->to.scheme == SINK_TO_TLS ? &tls : NULL,
		.timeout = l->env->timeout,
		.stop_fd = l->env->stop_fd};

	return net_open(&l->net, &o);
}

/* A host's name as a header may have it: printable ASCII without blanks. */
static void learn_host(struct sink_link *l)
{
	host_name(l->host);
	for (char *p = l->host; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

static int open_link(struct sink_link **ret, const struct sink_env *env)
{
	struct sink_link *l = calloc(1, sizeof(*l));
	int r;

	must(l);
	l->fd = -1;
	l->env = env;
	l->options = env->format;
	learn_host(l);
	r = sink_address_parse(env->conf->address, &l->to);
	l->bsd = l->to.scheme == SINK_TO_UNIX &&
		 sink_format(env->conf, FORMAT_JSON) != FORMAT_RFC5424;
	l->format = sink_format(env->conf, l->bsd ? FORMAT_JSON : FORMAT_RFC5424);
	if (!l->options.max && l->format == FORMAT_RFC5424)
		l->options.max = l->to.scheme == SINK_TO_UDP ? UDP_MOST : STREAM_MOST;
	if (r == 0)
		r = l->to.scheme == SINK_TO_UNIX ? connect_unix(l) : connect_net(l);
	if (r < 0)
		close_link(l);
	else
		*ret = l;
	return r;
}

static bool is_json(enum format f)
{
	return f != FORMAT_RFC5424 && f != FORMAT_CEF && f != FORMAT_LEEF;
}

/* "<PRI>Mmm dd hh:mm:ss tag[pid]: ", in local time; "@cee:" marks JSON. */
static void bsd_header(struct sink_link *l, const struct sink_event *e, unsigned priority)
{
	time_t seconds = (time_t)(e->time / CLOCK_S);
	struct tm tm;
	char stamp[32];

	localtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	buf_printf(&l->text, "<%u>%s boltseal[%u]: %s", priority, stamp, l->options.pid,
		is_json(l->format) ? "@cee: " : "");
}

/* What stands in front of a format that is no syslog message by itself. Milliseconds, since not
 * everybody takes more. */
static void header(struct sink_link *l, const struct sink_event *e)
{
	unsigned priority = l->options.facility * 8u + severity_rows[e->severity].syslog;
	time_t seconds = (time_t)(e->time / CLOCK_S);
	struct tm tm;
	char stamp[32];

	if (l->format == FORMAT_RFC5424)
		return;
	if (l->bsd) {
		bsd_header(l, e, priority);
		return;
	}
	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(&l->text, "<%u>1 %s.%03uZ %s boltseal %u %s - ", priority, stamp,
		(unsigned)(e->time % CLOCK_S / CLOCK_MS), l->host, l->options.pid,
		event_kinds[e->type].name);
}

static int make(struct sink_link *l, const struct sink_event *e)
{
	int r;

	buf_reset(&l->text);
	header(l, e);
	r = format_event(l->format, e->json, &l->options, &l->text);
	return r < 0 ? r : buf_err(&l->text);
}

static int wait_writable(struct sink_link *l)
{
	struct pollfd p[2] = {
		{.fd = l->fd, .events = POLLOUT}, {.fd = l->env->stop_fd, .events = POLLIN}};
	int n = poll(p, 2, (int)(l->env->timeout / CLOCK_MS));

	if (n > 0 && p[1].revents)
		return err_set(-ECANCELED, "stopped");
	if (n == 0)
		return err_set(-ETIMEDOUT, "%s: it takes nothing", l->to.path);
	return 0;
}

/* SINK_REFUSED: too large for a datagram. */
static int send_datagram(struct sink_link *l)
{
	for (;;) {
		int r = 0;

		if (l->net)
			r = net_send(l->net, buf_span(&l->text), l->env->timeout);
		else if (send(l->fd, l->text.p, l->text.n, MSG_NOSIGNAL) < 0)
			r = errno == EAGAIN ? -EAGAIN : err_sys("%s", l->to.path);
		if (r == -EMSGSIZE)
			return SINK_REFUSED;
		if (r != -EAGAIN || l->net)
			return r;
		if ((r = wait_writable(l)) < 0)
			return r;
	}
}

static int refuse(struct sink_result *ret, size_t done)
{
	ret->done = done;
	snprintf(ret->reply, sizeof(ret->reply), "%.250s", err_why());
	return SINK_REFUSED;
}

static int send_datagrams(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	ret->sure = true; /* as sure as it will ever be */
	for (size_t i = 0; i < n; i++) {
		int r = make(l, &v[i]);

		if (r == -EBADMSG)
			return refuse(ret, i);
		if (r == 0)
			r = send_datagram(l);
		if (r == SINK_REFUSED)
			return refuse(ret, i);
		ret->done = i;
		if (r < 0)
			return r;
	}
	ret->done = n;
	return 0;
}

static int send_stream(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	size_t i = 0;
	int r = 0, bad = 0;

	buf_reset(&l->out);
	for (; i < n; i++) {
		r = make(l, &v[i]);
		if (r < 0)
			break;
		buf_printf(&l->out, "%zu ", l->text.n);
		buf_add_span(&l->out, buf_span(&l->text));
	}
	if (r == -EBADMSG)
		bad = refuse(ret, 0);
	else if (r < 0 || (r = buf_err(&l->out)) < 0)
		return r;
	r = l->out.n ? net_send(l->net, buf_span(&l->out), l->env->timeout) : 0;
	if (r < 0)
		return r;
	ret->done = i;
	return bad;
}

static int send_events(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	int r = l->net && l->to.scheme != SINK_TO_UDP ? send_stream(l, v, n, ret)
						      : send_datagrams(l, v, n, ret);
	BUF struct buf peer = {0};

	if (r != 0)
		return r;
	if (l->net)
		net_describe(l->net, &peer);
	else
		buf_add_text(&peer, l->to.path);
	snprintf(ret->reply, sizeof(ret->reply), "sent to %.180s; syslog acknowledges nothing",
		buf_text(&peer));
	return 0;
}

static int settle(struct sink_link *l)
{
	int r = l->net ? net_settled(l->net) : 0;

	return r == NET_BUSY ? SINK_AGAIN : r;
}

static int finish(struct sink_link *l, int64_t patience)
{
	int r = l->net ? net_finish(l->net, patience) : 0;

	return r == NET_BUSY ? SINK_AGAIN : r;
}

const struct sink_kind sink_syslog = {
	.name = "syslog",
	.batch = 512,
	.batch_bytes = 512 << 10,
	.open = open_link,
	.send = send_events,
	.close = close_link,
	.window = 5 * CLOCK_S,
	.settle = settle,
	.finish = finish,
};
