/*
 * pkgcheck.h - while the baseline of a tree of the host is taken: is each file what its package installed?
 *
 * A baseline takes what is there; so a program that was replaced before boltseal came would be what it
 * should be ever after. Where the tree has package databases of its own, or else the host's, each file is
 * held against its package's digest as it is read, once. What is no configuration file and differs goes
 * into the snapshot without a digest: it is drift until somebody accepts or repairs it. Lives on the host's
 * worker alone, and is freed with the baseline.
 */
#pragma once

#include "base/sha.h"
#include "daemon/sensor/kept.h"
#include "model/package.h"
#include "pkg/digests.h"

struct pkgcheck;

/* NULL: there is no database. Reads it whole. */
struct pkgcheck *pkgcheck_new(
	const struct kept *tree, const struct lower *l, const atomic_bool *stop);
void pkgcheck_free(struct pkgcheck *p);

/* Before the file at `path` of the tree is read. False: no package has it, or none that can be checked. */
bool pkgcheck_begin(struct pkgcheck *p, struct span path, struct sha *sha, struct digests_hit *ret);
/* After: `rec` with its digest, `sha` as it was left. `dir` and `name`: its key in the snapshot. */
void pkgcheck_end(struct pkgcheck *p, const struct digests_hit *h, struct span path, uint32_t dir,
	struct span name, const struct record *rec, struct sha *sha);
/* At the end: the files that differ, and a sentence on all of them. */
void pkgcheck_sum(struct pkgcheck *p, struct buf *odds, struct buf *words);

/* One of `odds`; false: no more. Borrowed. */
struct pkgcheck_odd {
	uint32_t dir;
	struct span name, path, rec; /* rec: encoded, with its digest */
	struct span note;	     /* encoded package_note */
};
bool pkgcheck_odd(struct rd *at, struct pkgcheck_odd *ret);
