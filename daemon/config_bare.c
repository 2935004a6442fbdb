/* The configuration as it may leave this host: an address may carry a key in its path or query, and a
 * header's value is one more often than not. What lies in files stays there: only their names are here. */
#include "base/text.h"
#include "daemon/config.h"
#include <stdio.h>

static const char *bare_url(struct arena *mem, const char *url)
{
	BUF struct buf text = {.p = NULL};

	text_bare_url(&text, span_of(url));
	return (const char *)arena_dup(mem, buf_span(&text)).p;
}

static const char *bare_header(struct arena *mem, const char *header)
{
	return (const char *)arena_printf(
		mem, "%.*s: " TEXT_LEFT_OUT, (int)strcspn(header, ":"), header)
		.p;
}

static struct config_list bare_headers(struct arena *mem, const struct config_list *from)
{
	struct config_list to = {
		.v = arena_alloc(mem, (from->n + 1) * sizeof(*to.v)), .n = from->n};

	for (size_t i = 0; i < from->n; i++)
		to.v[i] = bare_header(mem, from->v[i]);
	to.v[from->n] = NULL;
	return to;
}

/* What must never be shown is not named either. */
static struct config_list left_out(struct arena *mem, size_t n)
{
	struct config_list to = {.v = arena_alloc(mem, (n + 1) * sizeof(*to.v)), .n = n};

	for (size_t i = 0; i < n; i++)
		to.v[i] = TEXT_LEFT_OUT;
	return to;
}

void config_print_bare(const struct config *c, struct buf *out)
{
	CLEANUP(arena_free) struct arena mem = {0};
	struct config copy = *c;

	copy.withhold = left_out(&mem, c->withhold.n);
	copy.sinks = arena_alloc(&mem, (c->n_sinks + 1) * sizeof(*copy.sinks));
	for (size_t i = 0; i < c->n_sinks; i++) {
		struct config_sink *s = &copy.sinks[i];

		*s = c->sinks[i];
		s->address = bare_url(&mem, s->address);
		s->proxy = bare_url(&mem, s->proxy);
		s->headers = bare_headers(&mem, &s->headers);
	}
	config_print(&copy, out);
}
