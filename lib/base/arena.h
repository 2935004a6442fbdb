/* arena.h - bump allocation for things that die together. Pointers stay where they are until
 * arena_free(). All-zero is an empty arena. Allocation failure aborts: an arena is for bounded,
 * small things. */
#pragma once

#include "base/span.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *top;
};
#define ARENA CLEANUP(arena_free)

void arena_free(struct arena *a);
void *arena_alloc(struct arena *a, size_t n);	       /* zeroed, 16-byte aligned */
struct span arena_dup(struct arena *a, struct span s); /* followed by a NUL that is not counted */
struct span arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
