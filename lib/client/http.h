/*
 * http.h - reading one HTTP/1.1 answer: bytes in, body bytes out. Does no I/O.
 *
 * Strict where leniency lets two readers disagree: one length, one framing, no folded headers.
 */
#pragma once

#include "base/buf.h"

#define HTTP_HEAD_MAX ((size_t)64 << 10) /* status line, headers and trailers together */
#define HTTP_BODY_MAX ((uint64_t)1 << 30)

enum http_phase {
	HTTP_STATUS,
	HTTP_HEADER,
	HTTP_LENGTH,
	HTTP_TO_EOF,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_END,
};

/* One answer. `max` 0: no limit on the body; to be set before the first byte. */
struct http {
	enum http_phase phase;
	int status;
	bool keep;     /* valid at the end: the connection may carry another request */
	bool headless; /* asked by HEAD: no body follows */
	bool chunked, has_length;
	uint64_t max, left, seen;
	size_t head;	 /* bytes of head and trailers so far */
	struct buf line; /* of the head, incomplete */
	struct buf etag, type;
};
#define HTTP CLEANUP(http_fini)
void http_fini(struct http *h);

/* Takes from `in` what belongs to this answer and appends body bytes to `body`. HTTP_DONE when the
 * answer is whole (what is left in `in` is not its own), 0 when more is needed; -EPROTO or -EFBIG
 * with a sentence. */
enum { HTTP_DONE = 1 };
int http_feed(struct http *h, struct span *in, struct buf *body);
/* The other side closed: 0 when that was a proper end, -EPROTO otherwise. */
int http_eof(struct http *h);
/* Status and headers are known. */
static inline bool http_has_head(const struct http *h)
{
	return h->phase > HTTP_HEADER;
}
