/*
 * beat.h - what a heartbeat says, as the JSON object that its event carries.
 *
 * It is in the journal, whose chain has no holes, so it may not grow with what is kept: a target is
 * listed when its drift or generation is another than a heartbeat said before, and `full` ones list
 * every target (once an hour and at the start), at most BEAT_TARGETS. The digest is of all of them.
 */
#pragma once

#include "base/json.h"
#include "base/sha.h"

enum { BEAT_TARGETS = 256, BEAT_SINKS = 64 };

struct beat_target {
	struct span id, name;
	const uint8_t *drift_id; /* SHA_LEN */
	uint32_t generation;
};
struct beat_sink {
	struct span name;
	uint64_t acked, lag; /* seq that its receiver has; events behind the journal */
};
struct beat {
	const char *version;
	int64_t interval; /* ns */
	bool full;
	const struct beat_target *targets; /* that are listed */
	size_t n_listed;
	uint64_t n_targets;    /* that run */
	const uint8_t *digest; /* SHA_LEN, see beat_digest_add() */
	uint64_t gaps;	       /* that are open */
	uint64_t holds;	       /* maintenance windows that are open */
	const struct beat_sink *sinks;
	size_t n_sinks;
};
void show_beat(struct json *j, const struct beat *b);
/* A line of the text that the digest is of: "<id> <drift id> <generation>\n", every running target in
 * the order of their numbers (as GET /v1/targets lists them). */
void beat_digest_add(struct buf *text, const struct beat_target *t);
