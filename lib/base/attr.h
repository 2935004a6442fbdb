/* attr.h - words for ownership and small compile-time helpers used everywhere. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdbool.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))
#define COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

/* take(p): hands the pointer on and forgets it here, so that cleanup frees nothing. */
#define take(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* A programmer's mistake, in every build: there is no state to go on from. */
#define must(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static inline void free_p(void *p)
{
	free(*(void **)p);
}
#define FREE CLEANUP(free_p)

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
