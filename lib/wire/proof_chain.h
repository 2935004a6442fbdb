/* proof_chain.h - the chains of hosts while they are read; a part of proof.c. */
#pragma once

#include "wire/event.h"
#include "base/json.h"
#include "wire/proof.h"

#define FINDINGS(X)                                                                                \
	X(ALTERED, "altered", "the id is not the digest of the text")                              \
	X(UNREADABLE, "unreadable", "a line that speaks of an event holds none that is whole")     \
	X(LINK, "link", "prev is not the id of the entry before")                                  \
	X(CONFLICT, "conflict", "two different entries have one seq")
#define X_FINDING(id, n, s) FINDING_##id,
enum finding_kind { FINDINGS(X_FINDING) FINDING_N };
enum { FINDINGS_KEPT = 50, HOLES_KEPT = 50 };

struct finding {
	enum finding_kind kind;
	uint64_t line, seq; /* seq 0: not known */
	struct buf why;
};

struct chain;
struct chains {
	struct proof_options opt;
	struct chain *all;  /* uthash, by host */
	struct page *pages; /* uthash: the oldest first */
	size_t n_runs;
	uint64_t line;		   /* that is being read */
	uint64_t outside, foreign; /* entries that were not asked for */
	uint64_t counts[FINDING_N];
	struct finding kept[FINDINGS_KEPT];
	size_t n_kept;
};
void chains_fini(struct chains *cs);
/* One more entry, whose id is right, or is believed; without `has_prev` its prev is not known. */
int chains_add(struct chains *cs, const struct event_link *e, bool has_prev);
void chains_find(struct chains *cs, enum finding_kind kind, uint64_t seq, const char *why);
size_t chains_count(const struct chains *cs);
/* Two checks a host, as members of an array. Returns whether all are right. */
bool chains_show(struct chains *cs, struct json *j);
