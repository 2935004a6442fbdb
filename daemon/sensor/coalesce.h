/*
 * coalesce.h - many touches become one ask: per target and directory, a set of names, held back for
 * the debounce so that a burst of writes is looked at once. Bounded: what finds no room is the
 * caller's to tell as a gap.
 */
#pragma once

#include "daemon/sensor/ask.h"

struct coalesce;
enum { COALESCE_FULL = 1 };
int coalesce_new(struct coalesce **ret, int64_t debounce, size_t limit);
void coalesce_free(struct coalesce *c);
struct touch {
	struct kept *kept;
	struct span path; /* "/a/b"; "/" is the root itself */
	unsigned flags;	  /* ASK_* */
	bool wrote;	  /* more than attributes: of several actors he goes first who did */
	struct span actor, mount;
	int64_t when; /* wall */
};
int coalesce_add(struct coalesce *c, const struct touch *t);
/* Hands over what is due at `now` (monotonic); `read_to`: all events until then were added. Returns ns until the next is due; -1: none waits. While
 * the workers are behind it hands over nothing: what waits here is looked at once, however often it is
 * touched, and not again and again from a lane that grows. */
int64_t coalesce_flush(struct coalesce *c, struct examiner *ex, int64_t now, int64_t read_to);
/* Forgets what waits for a target that is gone. */
void coalesce_drop(struct coalesce *c, const struct kept *k);
size_t coalesce_len(const struct coalesce *c);
