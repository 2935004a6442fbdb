/* A line at a time for everything that is not body: status, headers, chunk sizes and trailers are
 * all lines, and share one limit. */
#include "client/http.h"
#include "base/err.h"
#include "base/text.h"
#include <strings.h>

enum { MORE = 0, NEXT = 2 };

void http_fini(struct http *h)
{
	buf_free(&h->line);
	buf_free(&h->etag);
	buf_free(&h->type);
}

static int garbage(const char *what)
{
	return err_set(-EPROTO, "the answer is not HTTP that makes sense: %s", what);
}

/* Moves one line into h->line, without its end. NEXT when whole. */
static int take_line(struct http *h, struct span *in)
{
	const uint8_t *nl = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n = nl ? (size_t)(nl - in->p) + 1 : in->n;

	h->head += n;
	if (h->head > HTTP_HEAD_MAX)
		return err_set(
			-EFBIG, "the answer's headers are over %zu KiB", HTTP_HEAD_MAX >> 10);
	buf_add(&h->line, in->p, n);
	*in = span_make(in->p + n, in->n - n);
	if (buf_err(&h->line))
		return -ENOMEM;
	if (!nl)
		return MORE;
	h->line.n--;
	if (h->line.n && h->line.p[h->line.n - 1] == '\r')
		h->line.n--;
	h->line.p[h->line.n] = 0;
	return NEXT;
}

static int status_line(struct http *h)
{
	const char *s = buf_text(&h->line);
	uint64_t v;

	if (h->line.n < 12 || strncmp(s, "HTTP/1.", 7) || s[8] != ' ' || (s[12] && s[12] != ' ') ||
		text_u64(span_make(s + 9, 3), 100, 599, &v))
		return garbage("no status line");
	h->status = (int)v;
	h->keep = s[7] == '1';
	h->phase = HTTP_HEADER;
	return NEXT;
}

static int on_length(struct http *h, struct span v)
{
	uint64_t n;

	if (text_u64(v, 0, INT64_MAX, &n) || (h->has_length && n != h->left))
		return garbage("its length");
	h->has_length = true;
	h->left = n;
	return NEXT;
}

static int on_encoding(struct http *h, struct span v)
{
	if (v.n != 7 || strncasecmp((const char *)v.p, "chunked", 7))
		return garbage("its transfer encoding");
	h->chunked = true;
	return NEXT;
}

static int on_connection(struct http *h, struct span v)
{
	if (v.n == 5 && !strncasecmp((const char *)v.p, "close", 5))
		h->keep = false;
	return NEXT;
}

static int keep_text(struct buf *b, struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] == 0x7f)
			return garbage("a control byte in a header");
	buf_reset(b);
	buf_add_span(b, v);
	return buf_err(b) ? -ENOMEM : NEXT;
}

/* W/"abc" and "abc" are both abc to whoever compares or sends it back. */
static int on_etag(struct http *h, struct span v)
{
	if (span_starts(v, span_of("W/")))
		v = span_make(v.p + 2, v.n - 2);
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v = span_make(v.p + 1, v.n - 2);
	return keep_text(&h->etag, v);
}

static int on_type(struct http *h, struct span v)
{
	const uint8_t *semi = v.n ? memchr(v.p, ';', v.n) : NULL;

	if (semi)
		v.n = (size_t)(semi - v.p);
	while (v.n && v.p[v.n - 1] == ' ')
		v.n--;
	return keep_text(&h->type, v);
}

static const struct {
	const char *name;
	int (*fn)(struct http *h, struct span value);
} headers[] = {
	{"content-length", on_length},
	{"transfer-encoding", on_encoding},
	{"connection", on_connection},
	{"etag", on_etag},
	{"content-type", on_type},
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The head is over: what follows depends on all of it. */
static int head_end(struct http *h)
{
	if (h->status < 200) { /* 100 Continue and the like: the answer is still to come */
		h->phase = HTTP_STATUS;
		h->has_length = h->chunked = false;
		return NEXT;
	}
	if (h->chunked && h->has_length)
		return garbage("two ways to tell its length");
	if (h->headless || h->status == 204 || h->status == 304)
		h->phase = HTTP_END;
	else if (h->chunked)
		h->phase = HTTP_CHUNK_SIZE;
	else if (h->has_length)
		h->phase = h->left ? HTTP_LENGTH : HTTP_END;
	else
		h->phase = HTTP_TO_EOF;
	return NEXT;
}

static int header_line(struct http *h)
{
	struct span s = buf_span(&h->line);
	const uint8_t *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
	size_t n;

	if (s.n == 0)
		return head_end(h);
	if (!colon || colon == s.p || is_blank(s.p[0]) || is_blank(colon[-1]))
		return garbage("a broken header");
	n = (size_t)(colon - s.p);
	for (size_t i = 0; i < COUNTOF(headers); i++)
		if (strlen(headers[i].name) == n &&
			!strncasecmp((const char *)s.p, headers[i].name, n))
			return headers[i].fn(
				h, span_trim(span_make(colon + 1, s.n - n - 1), " \t"));
	return NEXT;
}

static int too_large(void)
{
	return err_set(-EFBIG, "the answer is too large to be true");
}

static int chunk_size_line(struct http *h)
{
	const char *s = buf_text(&h->line);
	size_t digits = strspn(s, "0123456789abcdefABCDEF");

	if (digits == 0 || (s[digits] && !strchr("; \t", s[digits])))
		return garbage("a chunk's size");
	if (digits > 15)
		return too_large();
	h->left = strtoull(s, NULL, 16);
	h->phase = h->left ? HTTP_CHUNK : HTTP_TRAILER;
	h->head = 0; /* chunks may be many; each has a short line */
	return NEXT;
}

static int chunk_end_line(struct http *h)
{
	if (h->line.n)
		return garbage("a chunk longer than it said");
	h->phase = HTTP_CHUNK_SIZE;
	return NEXT;
}

static int trailer_line(struct http *h)
{
	if (h->line.n == 0)
		h->phase = HTTP_END;
	return NEXT;
}

/* Moves at most `n` bytes of body. */
static int take_body(struct http *h, struct span *in, uint64_t n, struct buf *body)
{
	size_t m = in->n < n ? in->n : (size_t)n;

	h->seen += m;
	if (h->max && h->seen > h->max)
		return too_large();
	buf_add(body, in->p, m);
	*in = span_make(in->p + m, in->n - m);
	h->left -= h->phase == HTTP_TO_EOF ? 0 : m;
	return buf_err(body) ? -ENOMEM : MORE;
}

static int by_length(struct http *h, struct span *in, struct buf *body)
{
	int r;

	if (h->max && h->left > h->max - h->seen)
		return too_large();
	r = take_body(h, in, h->left, body);
	if (r || h->left)
		return r;
	h->phase = h->phase == HTTP_CHUNK ? HTTP_CHUNK_END : HTTP_END;
	return NEXT;
}

static int to_eof(struct http *h, struct span *in, struct buf *body)
{
	return take_body(h, in, UINT64_MAX, body);
}

static const struct {
	int (*line)(struct http *h);
	int (*body)(struct http *h, struct span *in, struct buf *body);
} phases[] = {
	[HTTP_STATUS] = {status_line, NULL},
	[HTTP_HEADER] = {header_line, NULL},
	[HTTP_LENGTH] = {NULL, by_length},
	[HTTP_TO_EOF] = {NULL, to_eof},
	[HTTP_CHUNK_SIZE] = {chunk_size_line, NULL},
	[HTTP_CHUNK] = {NULL, by_length},
	[HTTP_CHUNK_END] = {chunk_end_line, NULL},
	[HTTP_TRAILER] = {trailer_line, NULL},
};

static int step(struct http *h, struct span *in, struct buf *body)
{
	int r;

	if (phases[h->phase].body)
		return phases[h->phase].body(h, in, body);
	r = take_line(h, in);
	if (r != NEXT)
		return r;
	if (memchr(buf_text(&h->line), 0, h->line.n))
		return garbage("a NUL byte");
	r = phases[h->phase].line(h);
	buf_reset(&h->line);
	return r;
}

int http_feed(struct http *h, struct span *in, struct buf *body)
{
	while (h->phase != HTTP_END) {
		int r = step(h, in, body);

		if (r < 0)
			return r;
		if (r == MORE && in->n == 0)
			return 0;
	}
	return HTTP_DONE;
}

int http_eof(struct http *h)
{
	h->keep = false;
	if (h->phase == HTTP_END || h->phase == HTTP_TO_EOF)
		return 0;
	if (h->phase == HTTP_STATUS && h->line.n == 0)
		return err_set(-EPROTO, "the connection was closed before an answer came");
	return err_set(-EPROTO, "the answer broke off");
}
