/*
 * One exchange at a time on one kept connection. A connection that the daemon closed while it was
 * idle looks just like one that breaks before the answer's first byte: a GET is then asked again on
 * a new connection, once. Anything that acts gets a new connection at once, so that it is never
 * sent twice.
 */
#include "client/client.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "client/conn.h"
#include "client/http.h"
#include <stdio.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, LINE_MAX_BYTES = 16 << 20, PATIENCE_MS = 60000 };

/* What is asked, and where the answer goes. */
struct exchange {
	struct boltseal *h;
	const char *method;
	struct span request;
	int wait_ms;
	struct http http;
	struct buf body;
	boltseal_line *fn; /* NULL: the body is kept */
	void *arg;
	const struct upload *file; /* goes behind the request; NULL: none */
};

static void exchange_fini(struct exchange *x)
{
	http_fini(&x->http);
	buf_free(&x->body);
}

int client_fail(struct boltseal *h, int code)
{
	fd_close(&h->fd);
	snprintf(h->why, sizeof(h->why), "%s", err_why());
	return code;
}

int client_answer(struct buf *text, struct boltseal_reply *reply)
{
	reply->status = 200;
	reply->etag = strdup("");
	reply->content_type = strdup("application/json");
	must(reply->etag && reply->content_type);
	reply->body_len = text->n;
	reply->body = (char *)buf_take(text).p;
	return 0;
}

int boltseal_open(struct boltseal **ret, const char *socket)
{
	struct boltseal *h = calloc(1, sizeof(*h));

	*ret = NULL;
	if (!h)
		return -ENOMEM;
	h->fd = -1;
	h->patience = PATIENCE_MS;
	h->socket = strdup(socket ? socket : BOLTSEAL_SOCKET);
	if (!h->socket) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void boltseal_close(struct boltseal *h)
{
	if (!h)
		return;
	fd_close(&h->fd);
	free(h->socket);
	free(h);
}

const char *boltseal_why(const struct boltseal *h)
{
	return !h ? "out of memory" : h->why[0] ? h->why : "nothing failed";
}

void boltseal_patience(struct boltseal *h, int milliseconds)
{
	h->patience = milliseconds;
}

void boltseal_reply_free(struct boltseal_reply *reply)
{
	free(reply->etag);
	free(reply->content_type);
	free(reply->body);
	*reply = (struct boltseal_reply){0};
}

/* A header or path with a line break would be two headers: whoever put a name into it unescaped
 * gets an error and not a second request. */
static int add_checked(struct buf *out, const char *s, const char *what)
{
	for (const char *p = s; *p; p++)
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			return text_refuse(-EINVAL, span_of(s), what);
	buf_add_text(out, s);
	return 0;
}

static int format_request(struct buf *out, const char *method, const char *path,
	const char *const headers[], const char *body, const struct upload *file)
{
	int r;

	buf_printf(out, "%s ", method);
	if (path[0] != '/' || strchr(path, ' '))
		return text_refuse(-EINVAL, span_of(path), "not an encoded path");
	r = add_checked(out, path, "not an encoded path");
	if (r)
		return r;
	buf_add_text(out,
		" HTTP/1.1\r\nHost: boltseal\r\nUser-Agent: boltseal/" BOLTSEAL_VERSION "\r\n");
	for (size_t i = 0; headers && headers[i]; i++) {
		r = add_checked(out, headers[i], "not a header");
		if (r)
			return r;
		buf_add_text(out, "\r\n");
	}
	if (file)
		buf_printf(out, "Content-Length: %llu\r\n", file->size);
	else if (body || strcmp(method, "POST") == 0)
		buf_printf(out, "Content-Length: %zu\r\n", body ? strlen(body) : 0);
	if (body)
		buf_add_text(out, "Content-Type: application/json\r\n");
	buf_add_text(out, "\r\n");
	buf_add_text(out, body ? body : "");
	return buf_err(out);
}

static bool is_ok(int status)
{
	return status >= 200 && status < 300;
}

/* What `fn` asked for must not be taken for a state of ours, whatever number it chose. */
struct outcome {
	int r;
	bool stopped;
};

/* The next line, or at the end what is left; false when there is none yet. */
static bool next_line(const struct buf *b, size_t *from, bool at_end, struct span *ret)
{
	const uint8_t *s, *nl;
	size_t n;

	if (*from >= b->n)
		return false;
	s = b->p + *from;
	nl = memchr(s, '\n', b->n - *from);
	if (!nl && !at_end)
		return false;
	n = nl ? (size_t)(nl - s) : b->n - *from;
	*from += n + (nl != NULL);
	n -= n && s[n - 1] == '\r';
	*ret = span_make(s, n);
	return true;
}

static struct outcome deliver(struct exchange *x, bool at_end)
{
	size_t from = 0;
	struct span line;
	int r = 0;

	if (!x->fn || !is_ok(x->http.status))
		return (struct outcome){0, false};
	while (r == 0 && next_line(&x->body, &from, at_end, &line))
		if (line.n)
			r = x->fn(x->arg, (const char *)line.p, line.n);
	if (r)
		return (struct outcome){r, true};
	if (from) {
		x->body.n -= from;
		memmove(x->body.p, x->body.p + from, x->body.n + 1); /* with its NUL */
	}
	if (x->body.n > LINE_MAX_BYTES)
		r = err_set(-EFBIG, "a line of the answer is too long to be true");
	return (struct outcome){r, false};
}

/* One piece off the socket. HTTP_DONE when the answer is whole. */
static int receive(struct exchange *x)
{
	uint8_t in[READ_SIZE];
	struct span got;
	int r, n = conn_recv(x->h->fd, x->wait_ms, in, sizeof(in));

	if (n < 0)
		return n;
	got = span_make(in, (size_t)n);
	r = n ? http_feed(&x->http, &got, &x->body) : http_eof(&x->http);
	if (r == 0 && n == 0)
		r = HTTP_DONE;
	if (got.n)
		x->http.keep = false; /* it said more than was asked */
	return r;
}

static struct outcome read_answer(struct exchange *x)
{
	while (true) {
		int r = receive(x);
		struct outcome o;

		/* The body's limit depends on the status: a stream of events has no end. */
		if (http_has_head(&x->http) && x->fn && is_ok(x->http.status))
			x->http.max = 0;
		if (r < 0)
			return (struct outcome){r, false};
		o = deliver(x, r == HTTP_DONE);
		if (o.r || r == HTTP_DONE)
			return o;
	}
}

/* Who does not want it says so before all of it is there, and closes. */
static int send_file(struct exchange *x)
{
	static uint8_t piece[READ_SIZE];
	unsigned long long done = 0;
	int r = 0;

	while (r == 0 && done < x->file->size) {
		size_t most = x->file->size - done < sizeof(piece) ? (size_t)(x->file->size - done)
								   : sizeof(piece);
		ssize_t n = read(x->file->fd, piece, most);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("the file cannot be read");
		if (n == 0)
			return err_set(-EIO, "the file became shorter while it was sent");
		r = conn_send(x->h->fd, span_make(piece, (size_t)n));
		done += (size_t)n;
		if (x->file->fn)
			x->file->fn(x->file->arg, done, x->file->size);
	}
	return r;
}

static struct outcome ask_once(struct exchange *x)
{
	int r, sent;

	if (x->h->fd < 0) {
		r = conn_open(x->h->socket, &x->h->fd);
		if (r)
			return (struct outcome){r, false};
	}
	sent = conn_send(x->h->fd, x->request); /* CONN_GONE: it may have said why */
	if (sent == 0 && x->file)
		sent = send_file(x);
	if (sent < 0)
		return (struct outcome){sent, false};
	return read_answer(x);
}

static bool nothing_came(const struct exchange *x)
{
	return x->http.phase == HTTP_STATUS && x->http.line.n == 0 && x->http.status == 0;
}

static struct outcome ask(struct exchange *x)
{
	bool again, get = strcmp(x->method, "GET") == 0;
	struct outcome o;

	if (!get)
		fd_close(&x->h->fd);
	again = x->h->fd >= 0;
	o = ask_once(x);
	if (!o.stopped && o.r == -EPROTO && again && nothing_came(x)) {
		fd_close(&x->h->fd);
		o = ask_once(x);
	}
	if (!o.stopped && o.r == -EPROTO)
		err_set(o.r,
			"boltseald at %s: %s: `boltseal doctor` tells why, `journalctl -u boltseald` may say more; "
			"or try again",
			x->h->socket, err_why());
	return o;
}

static char *text_of(struct buf *b)
{
	struct buf own = buf_take(b);

	return own.p ? (char *)own.p : strdup("");
}

static int fill_reply(struct exchange *x, struct boltseal_reply *reply)
{
	reply->status = x->http.status;
	reply->body_len = x->body.n;
	reply->etag = text_of(&x->http.etag);
	reply->content_type = text_of(&x->http.type);
	reply->body = text_of(&x->body);
	if (!reply->etag || !reply->content_type || !reply->body)
		return err_set(-ENOMEM, "out of memory");
	return 0;
}

static int run_exchange(struct exchange *x, const char *path, const char *const headers[],
	const char *body, struct boltseal_reply *reply)
{
	BUF struct buf request = {0};
	struct outcome o = {0};

	boltseal_reply_free(reply);
	x->http.headless = strcmp(x->method, "HEAD") == 0;
	x->http.max = HTTP_BODY_MAX;
	x->wait_ms = x->fn || strcmp(x->method, "POST") == 0 ? -1 : x->h->patience;
	o.r = format_request(&request, x->method, path, headers, body, x->file);
	if (o.r)
		return client_fail(x->h, o.r);
	x->request = buf_span(&request);
	o = ask(x);
	if (o.r < 0 && !o.stopped)
		return client_fail(x->h, o.r);
	if (!x->http.keep || o.stopped)
		fd_close(&x->h->fd);
	if (!o.r)
		o.r = fill_reply(x, reply);
	return o.r < 0 && !o.stopped ? client_fail(x->h, o.r) : o.r;
}

int boltseal_request(struct boltseal *h, const char *method, const char *path,
	const char *const headers[], const char *body, struct boltseal_reply *reply)
{
	CLEANUP(exchange_fini) struct exchange x = {.h = h, .method = method};

	return run_exchange(&x, path, headers, body, reply);
}

int client_upload(struct boltseal *h, const char *path, const struct upload *file,
	struct boltseal_reply *reply)
{
	CLEANUP(exchange_fini) struct exchange x = {.h = h, .method = "POST", .file = file};

	return run_exchange(&x, path,
		(const char *const[]){"Content-Type: application/octet-stream", NULL}, NULL, reply);
}

int boltseal_stream(struct boltseal *h, const char *method, const char *path, const char *accept,
	const char *body, boltseal_line *fn, void *arg, struct boltseal_reply *reply)
{
	CLEANUP(exchange_fini)
	struct exchange x = {.h = h, .method = method, .fn = fn, .arg = arg};
	BUF struct buf line = {0};

	buf_printf(&line, "Accept: %s", accept ? accept : "application/x-ndjson");
	return run_exchange(&x, path, (const char *const[]){buf_text(&line), NULL}, body, reply);
}
