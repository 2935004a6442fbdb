/*
 * span.h - borrowed bytes. Paths are bytes with a length, never C strings: they may hold any byte
 * but NUL and need not be UTF-8. A span owns nothing; whoever hands one out says how long it lives.
 */
#pragma once

#include "base/attr.h"
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n;
};

static inline struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* A copy as a C string, the caller's to free. */
static inline char *span_dup(struct span s)
{
	char *c = strndup(s.p ? (const char *)s.p : "", s.n);

	must(c);
	return c;
}

static inline struct span span_make(const void *p, size_t n)
{
	return (struct span){p, n};
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
	return span_eq(a, span_of(s));
}

/* Order of bytes, the shorter first: the order of `LC_ALL=C sort`. */
static inline int span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* Without what of `blanks` stands at its ends. */
static inline struct span span_trim(struct span s, const char *blanks)
{
	size_t n = strlen(blanks);

	while (s.n && memchr(blanks, s.p[0], n))
		s = span_make(s.p + 1, s.n - 1);
	while (s.n && memchr(blanks, s.p[s.n - 1], n))
		s.n--;
	return s;
}

/* Is `path` the directory `dir` or below it? "/a" holds "/a" and "/a/b", not "/ab"; "/" holds all. */
static inline bool path_within(struct span path, struct span dir)
{
	if (dir.n == 1 && dir.p[0] == '/')
		return path.n > 0 && path.p[0] == '/';
	return span_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/');
}
