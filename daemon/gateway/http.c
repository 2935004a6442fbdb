/*
 * libmicrohttpd as a parser of requests and a writer of answers, run from our loop. What it does
 * not do is done around it (measured on 0.9.75): it takes bodies without end, cuts paths at %00,
 * takes Content-Length beside Transfer-Encoding, and times out the silent but not the slow. So it
 * decodes nothing (we read the raw target), bodies are counted, and peers.c holds the clock.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include <microhttpd.h>
#include <stdio.h>
#include <strings.h>

enum { CONNECTION_MEMORY = 32768, BLOCK = 32768 };

static size_t leave_escaped(void *cls UNUSED, struct MHD_Connection *conn UNUSED, char *s)
{
	return strlen(s);
}

static void mhd_log(void *cls UNUSED, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_debug("libmicrohttpd: %s", line);
}

static struct peer *peer_of(struct gateway *g, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	return i ? peers_find(g, i->connect_fd) : NULL;
}

/* The first that is heard of a request; what it returns comes along from here on. */
static void *on_line(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct call *c = calloc(1, sizeof(*c));
	const char *q = strchr(uri, '?');
	size_t n = q ? (size_t)(q - uri) : strlen(uri);

	must(c);
	c->g = cls;
	c->conn = conn;
	c->peer = peer_of(c->g, conn);
	c->path = arena_dup(&c->mem, span_make(uri, n));
	c->raw_query = q ? arena_dup(&c->mem, span_of(q + 1)) : span_of("");
	if (c->peer)
		c->peer->call = c;
	c->g->n_requests++;
	return c;
}

static bool is_gone(const struct call *c)
{
	return !c->peer || c->peer->gone;
}

static ssize_t on_read(void *cls, uint64_t pos UNUSED, char *to, size_t max)
{
	struct call *c = cls;
	size_t n;

	if (is_gone(c))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (c->sent == c->out.n) {
		enum fill f;

		buf_reset(&c->out);
		c->sent = 0;
		f = c->fill(c);
		if (c->out.n == 0 && f == FILL_END)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (c->out.n == 0 && f == FILL_WAIT) {
			c->suspended = true;
			MHD_suspend_connection(c->conn);
		}
		if (c->out.n == 0)
			return 0;
	}
	n = c->out.n - c->sent < max ? c->out.n - c->sent : max;
	memcpy(to, c->out.p + c->sent, n);
	c->sent += n;
	c->last_sent = clock_mono();
	if (c->peer)
		c->peer->progress = c->last_sent;
	return (ssize_t)n;
}

static struct MHD_Response *response_of(struct call *c)
{
	size_t n = c->out.n;
	void *p;

	if (c->fill)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, c, NULL);
	if (n == 0)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	p = buf_take(&c->out).p;
	return MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer(struct call *c)
{
	struct MHD_Response *r = response_of(c);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	c->answered = true;
	c->g->n_answers[c->status / 100 % 6]++;
	if (c->type)
		MHD_add_response_header(r, "Content-Type", c->type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	for (unsigned i = 0; i < c->n_headers; i++)
		MHD_add_response_header(r, c->header[i].name, c->header[i].value);
	ok = MHD_queue_response(c->conn, c->status, r);
	MHD_destroy_response(r);
	if (c->peer) {
		c->peer->first = false;
		c->peer->deadline = 0;
		c->peer->progress = clock_mono();
	}
	return ok;
}

const char *call_request_header(struct call *c, const char *name)
{
	return MHD_lookup_connection_value(c->conn, MHD_HEADER_KIND, name);
}

/* An answer that leaves a body unread must end the connection, or the rest would be the next
 * request. */
static enum MHD_Result refuse(struct call *c)
{
	call_header(c, "Connection", "close");
	return answer(c);
}

static enum MHD_Result begin(struct call *c, const char *method)
{
	const char *length = call_request_header(c, "Content-Length");
	const char *coding = call_request_header(c, "Transfer-Encoding");

	c->begun = true;
	c->method = (const char *)arena_dup(&c->mem, span_of(method)).p;
	if (length && coding) {
		problem(c, 400,
			"both Content-Length and Transfer-Encoding are given; send one of them");
		return refuse(c);
	}
	if (call_check(c) != 0)
		return length || coding ? refuse(c) : answer(c);
	return body_begin(c, length) ? MHD_YES : refuse(c);
}

static enum MHD_Result more_body(struct call *c, const char *data, size_t *n)
{
	body_add(c, data, *n);
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result finish(struct call *c)
{
	if (body_end(c) != 0)
		return refuse(c);
	c->peer->deadline = 0;
	call_dispatch(c);
	if (c->answered)
		return answer(c);
	c->suspended = true;
	MHD_suspend_connection(c->conn);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls UNUSED, struct MHD_Connection *conn UNUSED,
	const char *url UNUSED, const char *method, const char *version UNUSED, const char *data,
	size_t *n, void **con_cls)
{
	struct call *c = *con_cls;

	if (!c || is_gone(c))
		return MHD_NO;
	if (!c->begun)
		return begin(c, method);
	if (*n > 0)
		return more_body(c, data, n);
	return finish(c);
}

static void unlink_stream(struct gateway *g, struct call *c)
{
	struct call **at = &g->streams;

	while (*at && *at != c)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = c->next;
	g->n_streams--;
}

static void on_completed(void *cls, struct MHD_Connection *conn UNUSED, void **con_cls,
	enum MHD_RequestTerminationCode code UNUSED)
{
	struct gateway *g = cls;
	struct call *c = *con_cls;

	if (!c)
		return;
	unlink_stream(g, c);
	if (c->peer)
		c->peer->deadline = clock_mono() + g->limits.idle;
	call_free(c);
	*con_cls = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **ctx UNUSED,
	enum MHD_ConnectionNotificationCode code)
{
	struct gateway *g = cls;
	struct peer *p = code == MHD_CONNECTION_NOTIFY_CLOSED ? peer_of(g, conn) : NULL;

	if (p)
		peers_drop(g, p);
}

void call_wake(struct call *c)
{
	if (!c->suspended)
		return;
	c->suspended = false;
	if (c->peer)
		c->peer->progress = clock_mono();
	MHD_resume_connection(c->conn);
}

int http_start(struct gateway *g)
{
	const union MHD_DaemonInfo *info;

	g->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
					  MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, g, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL,
		MHD_OPTION_CONNECTION_LIMIT, g->limits.connections + 1,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_line, g, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		g, MHD_OPTION_NOTIFY_CONNECTION, on_connection, g, MHD_OPTION_END);
	if (!g->mhd)
		return err_set(-EIO, "libmicrohttpd would not start");
	info = MHD_get_daemon_info(g->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	g->mhd_fd = info ? info->epoll_fd : -1;
	return 0;
}

void http_stop(struct gateway *g)
{
	if (!g->mhd)
		return;
	for (struct peer *p = g->peers; p; p = p->next) {
		if (p->call)
			call_wake(p->call);
	}
	MHD_stop_daemon(g->mhd);
	g->mhd = NULL;
}

int http_add(struct gateway *g, int fd)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};

	if (MHD_add_connection(g->mhd, fd, &sa, sizeof(sa)) != MHD_YES)
		return err_sys("a connection could not be taken");
	return 0;
}
