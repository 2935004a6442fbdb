/*
 * journal.h - the append-only list of events, and the gaps that are open.
 *
 * An entry is a small header (to filter by) and the event's canonical JSON text. seq starts at 1
 * and has no holes. The chain: an event's `id` is the SHA-256 of its JSON text without the member
 * "id"; `prev` is the id of the entry before (64 zeros for the first). The text is made by the
 * caller (wire/event.h), who asks for seq and prev first.
 */
#pragma once

#include "model/gap.h"
#include "store/env.h"

struct journal_head {
	uint64_t first, last;	     /* 0,0: empty */
	uint8_t last_id[SHA_LEN];    /* zeros when empty */
	uint8_t trimmed_id[SHA_LEN]; /* id of entry first-1, which retention removed */
};
int journal_head(struct txn *t, struct journal_head *ret);

struct journal_entry {
	uint64_t seq;
	int64_t time;
	enum event_type type;
	enum severity severity;
	uint32_t target;  /* 0: none */
	struct span path; /* the change's path; empty: none */
	uint8_t id[SHA_LEN];
	struct span json; /* one line, no newline at its end */
};
/* seq must be last+1 (-EINVAL otherwise). */
int journal_append(struct txn *t, const struct journal_entry *e);
int journal_get(struct txn *t, uint64_t seq, struct journal_entry *ret);
/* The first entry with seq >= `from`; STORE_ABSENT. */
int journal_next(struct txn *t, uint64_t from, struct journal_entry *ret);
/* The same among one target's entries, by the index. */
int journal_next_of(struct txn *t, uint32_t target, uint64_t from, struct journal_entry *ret);
/* The last entry's seq with time < `wall` plus one (binary search): where to begin for `since`. */
int journal_seek_time(struct txn *t, int64_t wall, uint64_t *ret_seq);
/* Removes entries below `seq`, at most `budget`; the last entry of all always stays. */
int journal_trim(struct txn *t, uint64_t seq, unsigned budget, bool *ret_more);

int gap_put(struct txn *t, const struct gap *g);
int gap_get(struct txn *t, uint64_t id, struct gap *ret);
int gap_delete(struct txn *t, uint64_t id); /* STORE_ABSENT when not there */
/* Start with *id = 0. STORE_ABSENT at the end. */
int gap_next(struct txn *t, uint64_t *id, struct gap *ret);

/* Small named values: "host_id", "last_alive" and the like. -EINVAL: "format" and names that begin
 * with a dot are the store's own. */
#define META_FLOODED "flooded" /* varints: changes counted in floods, and folded, ever */
int meta_get(struct txn *t, const char *key, struct span *ret);
int meta_put(struct txn *t, const char *key, struct span value);

/* What was counted and has yet to be told (model/flood.h): of a target, 0: of all, by an empty path;
 * or of one path in it. What is lent lives as always. */
int tally_put(struct txn *t, uint32_t target, struct span path, const struct buf *value);
int tally_get(struct txn *t, uint32_t target, struct span path, struct span *ret);
int tally_delete(struct txn *t, uint32_t target, struct span path); /* STORE_ABSENT as above */
/* Any one of them; STORE_ABSENT when none is left. */
int tally_first(struct txn *t, uint32_t *ret_target, struct span *ret_path, struct span *ret);
