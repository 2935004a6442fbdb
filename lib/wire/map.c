/*
 * Sorting needs every name at hand, so a map is collected first. UTF-8 bytes sort as code points;
 * UTF-16 units differ from that for U+E000..U+FFFF alone, which surrogates come before.
 */
#include "wire/map.h"
#include "base/text.h"

static uint8_t weight(uint8_t byte)
{
	return byte == 0xee || byte == 0xef ? (uint8_t)(byte + 0x10) : byte;
}

int map_order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		if (a.p[i] != b.p[i])
			return weight(a.p[i]) < weight(b.p[i]) ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

void map_free(struct map *m)
{
	arena_free(&m->mem);
	free(m->items);
	*m = (struct map){.items = NULL};
}

static struct span as_utf8(struct map *m, struct span raw)
{
	BUF struct buf text = {.p = NULL};

	if (text_is_utf8(raw))
		return arena_dup(&m->mem, raw);
	text_to_utf8(&text, raw);
	return arena_dup(&m->mem, buf_span(&text));
}

static void make_room(struct map *m)
{
	size_t cap = m->cap ? 2 * m->cap : 16;
	struct map_item *more;

	if (m->n < m->cap)
		return;
	more = realloc(m->items, cap * sizeof(*more));
	must(more);
	m->items = more;
	m->cap = cap;
}

void map_add(struct map *m, struct span key, struct span value)
{
	const uint8_t *nul = key.n ? memchr(key.p, 0, key.n) : NULL;

	make_room(m);
	if (nul)
		key.n = (size_t)(nul - key.p);
	m->items[m->n++] = (struct map_item){as_utf8(m, key), as_utf8(m, value)};
}

/* Stable by insertion: maps are small, and of equal names the first stays first. */
static void sort(struct map_item *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct map_item item = items[i];
		size_t at = i;

		for (; at > 0 && map_order(items[at - 1].key, item.key) > 0; at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

void map_show(struct json *j, struct map *m)
{
	sort(m->items, m->n);
	json_open(j, '{');
	for (size_t i = 0; i < m->n; i++) {
		if (i > 0 && span_eq(m->items[i].key, m->items[i - 1].key))
			continue;
		json_key(j, (const char *)m->items[i].key.p);
		json_str(j, m->items[i].value);
	}
	json_close(j, '}');
}
