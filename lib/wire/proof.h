/*
 * proof.h - what a receiver stored of a journal, proven whole and unchanged from its text alone.
 *
 * Bytes in, a verdict out: no file, no daemon, no key. Lines are read as they come: an event alone,
 * behind a syslog header, inside another object (Splunk's `event`), or as a string of one of the
 * members in which receivers keep the original (ECS `event.original`, OCSF `raw_data`). A frame with
 * its octet count (RFC 6587) is a line; bytes between two, or half a one, are a mismatch. Members may
 * stand in any order, events may come twice and in any order, and of several hosts.
 *
 * Proven is, for each host: every entry's id is the digest of its text; every `prev` is the id of the
 * entry before; no seq is missing between the first and the last that were seen. What came after the
 * last, or before the first, cannot be known from the text: `since` and `until` say what must be
 * there. Memory is bounded, see the options.
 *
 * Other formats carry seq, id and prev (CEF no prev) and not what the digest is of: of these it is
 * proven that none is missing, not what they say. That is a mismatch unless `only_complete`, or a
 * forger could put what he likes into the words of another format.
 */
#pragma once

#include "base/json.h"

struct event_link;
struct json_t;

struct proof;
struct proof_options {
	const char *host;      /* only of this one; NULL: of every host */
	uint64_t since, until; /* seqs that must be there, both included; 0: as far as it goes */
	bool allow_holes;      /* missing seqs are told and are no mismatch */
	bool only_complete;    /* content that cannot be proven is told and is no mismatch */
	/* Bounds, 0: what is sensible. Stretches without a hole, at about 200 bytes each; 512 seqs
	 * whose repeats can be compared with their first copy, at 4 KiB. */
	size_t max_runs, max_pages;
	/* Who wants to hear of every whole entry (`checkpoint`: its member, or NULL), and to add checks at the
	 * end, returning whether they are right: lib/audit, which knows of signatures. NULL: nobody. */
	int (*entry)(void *ctx, const struct event_link *e, const struct json_t *checkpoint);
	bool (*more)(void *ctx, struct json *j);
	void *ctx;
};
int proof_new(struct proof **ret, const struct proof_options *options);
void proof_free(struct proof *p);
/* The next bytes, cut anywhere. -E2BIG with a sentence: more holes or hosts than it may remember;
 * nothing more can be said then. */
int proof_feed(struct proof *p, struct span bytes);
/* The end, once. Appends {"checks":[{"check","detail","ok","subject",…},…],"clean":…}; conf/openapi.yaml
 * has the same shape for what the daemon proves. -ENODATA with a sentence: there was no event. */
int proof_end(struct proof *p, struct buf *out, bool *ret_clean);
