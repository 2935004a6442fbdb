/* map.h - JSON objects whose names come from outside (labels, xattrs): sorted as RFC 8785 wants,
 * each name once. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* RFC 8785 sorts names by UTF-16 code units; both are valid UTF-8. */
int map_order(struct span a, struct span b);

struct map_item {
	struct span key, value;
};
/* Collects; names and values become valid UTF-8, a name's first NUL ends it. All-zero is empty. */
struct map {
	struct arena mem;
	struct map_item *items;
	size_t n, cap;
};
#define MAP CLEANUP(map_free)
void map_free(struct map *m);
void map_add(struct map *m, struct span key, struct span value);
/* Writes the object, values as strings. Of equal names the first that was added stays. */
void map_show(struct json *j, struct map *m);
