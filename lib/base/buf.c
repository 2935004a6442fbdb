#include "base/buf.h"
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = 0;
	if (b->p)
		b->p[0] = 0;
}

struct buf buf_take(struct buf *b)
{
	struct buf out = *b;

	*b = (struct buf){0};
	return out;
}

int buf_err(const struct buf *b)
{
	return b->err ? err_set(-ENOMEM, "out of memory") : 0;
}

const char *buf_text(const struct buf *b)
{
	return b->p ? (const char *)b->p : "";
}

int buf_reserve(struct buf *b, size_t n)
{
	size_t need, cap;
	uint8_t *p;

	if (b->err)
		return b->err;
	if (__builtin_add_overflow(b->n, n, &need) || __builtin_add_overflow(need, 1, &need))
		return b->err = -ENOMEM;
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 32;
	while (cap < need && cap < SIZE_MAX / 2)
		cap *= 2;
	p = cap >= need ? realloc(b->p, cap) : NULL;
	if (!p)
		return b->err = -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if ((b->err || n >= b->cap - b->n) && buf_reserve(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void buf_add_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->n;
	va_list again;
	int n;

	if (b->err)
		return;
	va_copy(again, ap);
	n = vsnprintf(room ? (char *)b->p + b->n : NULL, room, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n >= room) {
		if (buf_reserve(b, (size_t)n)) {
			if (room)
				b->p[b->n] = 0;
			return;
		}
		n = vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	}
	if (n > 0)
		b->n += (size_t)n;
}

void buf_int(struct buf *b, int64_t v)
{
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (v < 0)
		buf_u8(b, '-');
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_u8(struct buf *b, uint8_t v)
{
	if ((b->err || b->cap - b->n < 2) && buf_reserve(b, 1))
		return;
	b->p[b->n++] = v;
	b->p[b->n] = 0;
}

void buf_be32(struct buf *b, uint32_t v)
{
	uint8_t o[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	buf_add(b, o, sizeof(o));
}

void buf_be64(struct buf *b, uint64_t v)
{
	buf_be32(b, (uint32_t)(v >> 32));
	buf_be32(b, (uint32_t)v);
}

void buf_varint(struct buf *b, uint64_t v)
{
	uint8_t o[10];
	size_t n = 0;

	do {
		o[n] = (uint8_t)(v & 0x7f);
		v >>= 7;
		if (v)
			o[n] |= 0x80;
		n++;
	} while (v);
	buf_add(b, o, n);
}

void buf_zigzag(struct buf *b, int64_t v)
{
	buf_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void buf_bytes(struct buf *b, struct span s)
{
	buf_varint(b, s.n);
	buf_add_span(b, s);
}

struct span rd_take(struct rd *r, size_t n)
{
	struct span s = {r->p, n};

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return (struct span){0};
	}
	if (n)
		r->p += n;
	return s;
}

uint8_t rd_u8(struct rd *r)
{
	struct span s = rd_take(r, 1);

	return s.n ? s.p[0] : 0;
}

uint32_t rd_be32(struct rd *r)
{
	struct span s = rd_take(r, 4);

	if (!s.n)
		return 0;
	return (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3];
}

uint64_t rd_be64(struct rd *r)
{
	uint64_t hi = rd_be32(r);

	return hi << 32 | rd_be32(r);
}

uint64_t rd_varint(struct rd *r)
{
	uint64_t v = 0;
	int shift;

	for (shift = 0; shift < 64; shift += 7) {
		uint8_t c = rd_u8(r);

		if (r->bad)
			return 0;
		if ((shift == 63 && c > 1) || (shift && c == 0))
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

int64_t rd_zigzag(struct rd *r)
{
	uint64_t v = rd_varint(r);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct span rd_bytes(struct rd *r)
{
	uint64_t n = rd_varint(r);

	if (n > (uint64_t)(r->end - r->p)) {
		r->bad = true;
		return (struct span){0};
	}
	return rd_take(r, (size_t)n);
}

uint64_t rd_upto(struct rd *r, uint64_t max)
{
	uint64_t v = rd_varint(r);

	if (v <= max)
		return v;
	r->bad = true;
	return 0;
}

int rd_finish(const struct rd *r, const char *what)
{
	if (r->bad || r->p != r->end)
		return err_set(-EBADMSG, "%s: malformed", what);
	return 0;
}
