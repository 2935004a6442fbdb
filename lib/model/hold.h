/*
 * hold.h - an open maintenance window, and what was held in it so far: a view, like record.h.
 *
 * A window of a rule opens and closes by the calendar, so by the wall clock. One that was opened by
 * command lasts as long as was said: while the host runs that is measured by a clock that nobody sets
 * (and that goes on while the host sleeps); after a reboot the wall clock decides.
 */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

enum { HOLD_PATHS = 100, HOLD_PATHS_BYTES = 32768, HOLD_TARGETS = 256, HOLD_NAME_MAX = 256 };

struct hold {
	uint64_t id; /* seq of its hold.opened entry */
	struct span name, reason, owner;
	struct span file; /* of the rule; empty: opened by command */
	uint32_t line;
	uint32_t target;	/* by command: 0: every one */
	struct span path;	/* by command: path or glob; empty: all */
	uint32_t uid;		/* by command: who */
	int64_t from, until;	/* wall ns: when it was opened, when it is to end */
	struct span boot;	/* by command: id of the boot; empty: not known */
	int64_t boot_until;	/* ns since that boot */
	uint64_t counts[SEV_N]; /* changes held, by what they would have been */
	uint64_t
		n_paths; /* of them all; exact up to HOLD_PATHS, then those not listed count each time */
	struct span paths; /* of hold_next_path() */
	struct span
		targets; /* numbers, varints; those that something was held of, at most HOLD_TARGETS */
};
static inline bool hold_by_rule(const struct hold *h)
{
	return h->file.n > 0;
}
void hold_encode(const struct hold *h, struct buf *out);
int hold_decode(struct span bytes, uint64_t id, struct hold *ret);

struct hold_path {
	uint32_t target;
	char kind;
	enum severity severity;
	struct span path;
};
bool hold_next_path(struct rd *at, struct hold_path *ret);
/* Counts a change: what is listed is the worst, the latest kind of a path. `mem` is where the lists of
 * *h are afterwards. */
void hold_add(struct hold *h, const struct hold_path *c, struct buf *mem);
uint64_t hold_n(const struct hold *h);
enum severity hold_worst(const struct hold *h); /* info: nothing was held */

struct hold_now {
	int64_t wall, boot;  /* ns: since the epoch, since boot */
	struct span boot_id; /* empty: not known */
};
/* ns that are left of one opened by command; 0: it is over. */
int64_t hold_left(const struct hold *h, const struct hold_now *now);
