/* sink_run.h - what the files of one sink's thread share. */
#pragma once

#include "base/clock.h"
#include "daemon/gateway/sink_impl.h"

#define KEEP_EVERY CLOCK_S
enum { SINK_MARKS = 64 };

/* A place in the journal: a seq, and the id of that event. */
struct place {
	uint64_t seq;
	uint8_t id[SHA_LEN];
};
struct mark {
	struct place at;
	int64_t sent; /* mono */
};
struct run {
	struct sink *s;
	struct sink_env env;
	unsigned told; /* what its kind has warned of */
	struct sink_link *link;
	bool placed, was_well;
	uint64_t epoch, ticks;
	struct place acked, sent;
	struct sink_cursor kept; /* what the file says */
	bool has_file;
	int64_t kept_at, settle_at;
	struct mark marks[SINK_MARKS]; /* sent and not acknowledged, oldest first */
	size_t n_marks;
	unsigned failures;
	size_t limit, most; /* events of a batch: now, and ever */
	bool told_keep;
	int64_t ring_at; /* mono: no sooner again for the sake of what was refused */
	/* the batch */
	struct arena mem;
	struct sink_event *v;
	size_t n;
	struct place through;
	uint64_t left_out;
};

static inline bool run_stopped(const struct run *r)
{
	return atomic_load(&r->s->stop);
}

/* sink_run_look.c: the next batch into v, n, through; first the position, where it is not known. The
 * ticks are noted before, so that none that comes meanwhile is slept through. -EAGAIN: there is no
 * store now. */
int run_look(struct run *r);
/* sink_refused.c: notes what was refused; that, where it is to be told, the loop is told of it. */
void run_refused(struct run *r, const struct sink_refusals *more);
/* Is it one of the entries that tell of refusals? */
bool run_is_word(const struct sink_event *e);
void run_ring(struct run *r);
/* When that is to be done next (mono); 0: never. */
int64_t run_ring_due(const struct run *r);
/* Keeps `acked`, once a second at most unless `now`. */
void run_keep(struct run *r, bool now);
