/* change.h - one path's drift. A view, like record.h. */
#pragma once

#include "model/actor.h"
#include "model/package.h"
#include "model/record.h"
#include "model/ruling.h"

struct change {
	char kind; /* 'A' added, 'C' changed, 'D' deleted */
	struct span path;
	uint32_t aspects; /* bits (1u << ASPECT_x); LAYER or none for A and D */
	enum severity severity;
	int64_t first, last; /* wall ns: since when it drifts, when it last became as it is now */
	uint64_t seq;	     /* journal entry that recorded it last */
	bool unsettled;	     /* a writer is or may be alive: content may move without an event */
	struct span from;    /* renamed from this path of the baseline; empty: not known to be */
	struct span mount;   /* ASPECT_MOUNT: what covers it, in words */
	struct span old;     /* encoded record of the baseline; empty for A */
	struct span now;     /* encoded record; empty for D */
	struct span actor;   /* encoded actor; empty: none known */
	uint32_t blind;	     /* aspects that the drift id does not look at: a rule says so */
	struct span ruling;  /* encoded ruling; empty: no rule has a word in it */
	struct span package; /* encoded package_note: what its package says of it; empty: nothing */
};
int change_encode(
	const struct change *c, struct buf *out); /* the path is not encoded: it is the key */
int change_decode(struct span path, struct span bytes, struct change *ret);

/* The bytes that stand for this change in the drift id: path, kind and what it differs in, but not
 * times, actor, severity or rules, nor what `blind` says. Equal states give equal bytes. */
void change_identity(const struct change *c, struct buf *out);
