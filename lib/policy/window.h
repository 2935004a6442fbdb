/*
 * window.h - when alerts are held: once, from one moment until another, or again and again, on days of
 * the week from a time of the day on, for so long. Pure but for the host's time zone, which libc knows.
 *
 * By the host's zone, where that has summer time: a time of the day that is left out counts as if the
 * clock had not been put forward yet, and one that comes twice counts the first time. `lasts` is time
 * that passes, whatever clocks show. So each day that is named has exactly one window, of full length.
 */
#pragma once

#include "base/buf.h"

struct window {
	int64_t from, until; /* once: wall ns */
	uint8_t days;	     /* bit 0 Monday … bit 6 Sunday; 0: once */
	bool utc;	     /* `at` is in UTC; else in the host's zone */
	uint32_t at;	     /* second of the day */
	int64_t lasts;	     /* ns */
};
extern const char *const window_days[7]; /* "mon" … */

struct window_time {
	int64_t from, until; /* wall ns; `until` is not in it any more */
};
/* Is it open at `now`? Then *ret is the time that it is open. */
bool window_at(const struct window *w, int64_t now, struct window_time *ret);
/* The next moment after `now` at which it opens or closes; 0: never again. */
int64_t window_next(const struct window *w, int64_t now);
/* Does it end before it begins again, always? 0, or -EINVAL with a sentence. */
int window_check(const struct window *w);
bool window_same(const struct window *a, const struct window *b);
/* "mon, fri at 02:00 for 2h", "from 2026-… until 2026-…" */
void window_words(const struct window *w, struct buf *out);
