/*
 * scan.h - a full look at a scope of a target: just another intake, whose slices are worker jobs.
 *
 * Walks what may differ (an overlay's upper tree; a plain tree whole) and looks again at every path
 * that is in the drift set. Its end comes to the ledger after all of its sightings.
 */
#pragma once

#include "daemon/sensor/ask.h"

struct scan_options {
	struct span scope; /* path; empty or "/": everything */
	bool trust_seen;   /* skip hashing where inode and stat are as last seen */
	int asker;	   /* door connection to answer and to send progress; -1: none */
	uint32_t ask_id;
	struct heal *heal; /* a gap over several targets; NULL: none. A reference is taken */
	struct maker by;   /* who made the scope, where that is why it is scanned */
	void (*layers)(struct scan *s); /* looks at the layers too; NULL: they are trusted */
	bool below_only; /* the scope's own entry was just looked at: start with what is in it */
};
struct scan *scan_ref(struct scan *s);
void scan_unref(struct scan *s); /* the last one tells the ledger */
void scan_begin(struct examiner *ex, struct kept *k, const struct scan_options *opt);
/* struct examiner's hook: one more directory of the walk; without a scan, a new one of that scope. */
void scan_below(struct examiner *ex, struct kept *k, struct scan *s, struct span dir,
	const struct maker *by);
/* Counts a look, and tells the asker now and then. */
void scan_step(struct scan *s);

/* A gap over all targets ends when the last of its scans does. */
struct heal {
	atomic_uint refs;
	uint64_t gap; /* id; 0: not known yet when made: then all gaps over target 0 */
};
struct heal *heal_new(uint64_t gap);
