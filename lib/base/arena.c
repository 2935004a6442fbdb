#include "base/arena.h"
#include "base/buf.h"
#include <stdarg.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t n, cap;
	_Alignas(16) uint8_t data[];
};
enum { CHUNK = 8192 };

void arena_free(struct arena *a)
{
	while (a->top) {
		struct arena_chunk *next = a->top->next;

		free(a->top);
		a->top = next;
	}
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->top;
	size_t need = (n + 15) & ~(size_t)15;
	void *p;

	must(need >= n);
	if (!c || c->cap - c->n < need) {
		size_t cap = need > CHUNK ? need : CHUNK;

		c = calloc(1, sizeof(*c) + cap);
		must(c);
		c->cap = cap;
		c->next = a->top;
		a->top = c;
	}
	p = c->data + c->n;
	c->n += need;
	return p;
}

struct span arena_dup(struct arena *a, struct span s)
{
	uint8_t *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return span_make(p, s.n);
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
	BUF struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	must(!text.err);
	return arena_dup(a, buf_span(&text));
}
