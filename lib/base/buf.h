/*
 * buf.h - growing bytes with a sticky error, and the big-endian/varint codec primitives on them.
 *
 * A writer may add without looking: after the first failed allocation everything further is
 * ignored and buf_err() says -ENOMEM. All-zero is an empty buffer. `p` is always followed by a NUL
 * that is not counted, so text can be handed to C.
 */
#pragma once

#include "base/span.h"

struct buf {
	uint8_t *p;
	size_t n, cap;
	int err;
};
#define BUF CLEANUP(buf_free)

void buf_free(struct buf *b);
void buf_reset(struct buf *b);		  /* empty, memory kept */
struct buf buf_take(struct buf *b);	  /* the content moves out, `b` becomes empty */
int buf_err(const struct buf *b);	  /* 0, or -ENOMEM with a sentence */
int buf_reserve(struct buf *b, size_t n); /* room for `n` more bytes */
static inline struct span buf_span(const struct buf *b)
{
	return span_make(b->p, b->n);
}
/* The text, never NULL. Borrowed until the buffer changes. */
const char *buf_text(const struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
static inline void buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}
void buf_add_text(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, __builtin_va_list ap);
void buf_int(struct buf *b, int64_t v); /* decimal, as "%lld" */

/* Encoding: fixed width is big-endian (so that keys sort), the rest is LEB128. */
void buf_u8(struct buf *b, uint8_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);
void buf_zigzag(struct buf *b, int64_t v);
void buf_bytes(struct buf *b, struct span s); /* varint length, then the bytes */

/* Decoding: a cursor that turns bad once and stays so; what it returns then is zero or empty.
 * Check `bad` at the end, before anything is believed. Spans point into the input. */
struct rd {
	const uint8_t *p, *end;
	bool bad;
};
static inline struct rd rd_of(struct span s)
{
	return (struct rd){s.p, s.n ? s.p + s.n : s.p, false}; /* NULL + 0 is undefined in C */
}
uint8_t rd_u8(struct rd *r);
uint32_t rd_be32(struct rd *r);
uint64_t rd_be64(struct rd *r);
uint64_t rd_varint(struct rd *r); /* the shortest form only */
int64_t rd_zigzag(struct rd *r);
struct span rd_take(struct rd *r, size_t n);
struct span rd_bytes(struct rd *r);
/* A varint of at most `max`; a number of a table's row, a 32-bit id. */
uint64_t rd_upto(struct rd *r, uint64_t max);
static inline bool rd_end(const struct rd *r)
{
	return r->bad || r->p == r->end;
}
/* 0 when everything was read and was well-formed; else -EBADMSG: "<what>: malformed". */
int rd_finish(const struct rd *r, const char *what);
