/*
 * baseline.h - hashing one layer (or plain tree) whole, in parallel, into batches in key order.
 *
 * Directories are listed breadth first by one job at a time, which gives them their numbers; their
 * entries are looked at and hashed by batches on all workers. The ledger puts batches back into
 * order. One layer at a time, and beside it one tree of the host, by a worker of its own (jobs.h).
 */
#pragma once

#include "daemon/sensor/proof.h"
#include "daemon/sensor/worker.h"

struct baseline_options {
	struct proof_image image; /* of a layer */
	struct kept *tree;	  /* the target whose own tree it is; NULL: a layer */
	enum snap_line line;
	uint64_t serial;      /* greater than that of every baseline before */
	int bell;	      /* eventfd that is rung at the end */
	atomic_bool *busy;    /* cleared at the end */
	atomic_ullong *files; /* progress, for status; counts up */
};
/* Takes references of its own. The end is ITEM_SNAP_END, failed or not. */
void baseline_begin(struct examiner *ex, struct lower *l, const struct baseline_options *opt);
