/* unit.h - what every unit test of the library begins with. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

/* A span of a literal that may hold NUL bytes. */
#define LIT(s) ((struct span){(const uint8_t *)(s), sizeof(s) - 1})
/* The same where only a constant will do: a row of a static table. */
#define ROW(s)                                                                                     \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

/* Numbers that look random and are the same in every run, so that a failure can be had again. */
static inline uint64_t any(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *seed;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t any_below(uint64_t *seed, uint64_t n)
{
	return any(seed) % n;
}

/* Fewer or more bits, so that short and long varints both come up. */
static inline uint64_t any_size(uint64_t *seed)
{
	return any(seed) >> any_below(seed, 64);
}

static inline struct span any_bytes(uint64_t *seed, uint8_t *room, size_t max)
{
	size_t n = any_below(seed, max + 1);

	for (size_t i = 0; i < n; i++)
		room[i] = (uint8_t)any(seed);
	return span_make(room, n);
}

static inline void assert_span(struct span got, struct span want)
{
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
}

static inline void assert_text(struct buf *got, const char *want)
{
	assert_string_equal(buf_text(got), want);
	assert_int_equal(got->n, strlen(want));
	buf_reset(got);
}

/* Bytes in memory that ends where they end: reading past them is caught by the sanitizer. */
static inline struct span exact_copy(struct span s)
{
	uint8_t *p = malloc(s.n ? s.n : 1);

	must(p);
	if (s.n)
		memcpy(p, s.p, s.n);
	return span_make(p, s.n);
}
static inline void exact_free(struct span s)
{
	free((void *)(uintptr_t)s.p);
}

/* Does the codec hold for these bytes: 0 or -EBADMSG from a decoder, never anything else; and what
 * it takes it gives back byte for byte? `recode` decodes `in` and, where that works, encodes. */
typedef int (*recode_fn)(struct span in, struct buf *out);
static inline void assert_recodes(recode_fn recode, struct span bytes)
{
	struct span in = exact_copy(bytes);
	BUF struct buf out = {0};
	int r = recode(in, &out);

	if (r == 0)
		assert_span(buf_span(&out), in);
	else
		assert_int_equal(r, -EBADMSG);
	exact_free(in);
}

/* Every cut, every extension by a byte and many flips of a good encoding. */
static inline void assert_sturdy(recode_fn recode, struct span good, uint64_t *seed)
{
	BUF struct buf hurt = {0}, out = {0};

	assert_int_equal(recode(good, &out), 0);
	assert_span(buf_span(&out), good);
	for (size_t n = 0; n < good.n; n++) {
		struct span cut = exact_copy(span_make(good.p, n));

		assert_int_equal(recode(cut, &out), -EBADMSG);
		exact_free(cut);
	}
	buf_add_span(&hurt, good);
	buf_u8(&hurt, (uint8_t)any(seed));
	assert_int_equal(recode(buf_span(&hurt), &out), -EBADMSG);
	hurt.n--;
	for (int i = 0; i < 64; i++) {
		size_t at = any_below(seed, good.n);
		uint8_t was = hurt.p[at];

		hurt.p[at] = (uint8_t)any(seed);
		assert_recodes(recode, buf_span(&hurt));
		if (i % 4)
			hurt.p[at] = was;
	}
}
