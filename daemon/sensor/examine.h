/*
 * examine.h - the only stage that opens files. Runs on the workers.
 *
 * One look at one name: in both views, with the content where the comparison needs it; what was seen
 * is pushed to the ledger. What would not hold still is asked for again later, and the sighting
 * says `unsettled` meanwhile.
 */
#pragma once

#include "daemon/sensor/worker.h"

/* The body of a worker thread: jobs until jobs_stop(). */
void *worker_main(void *examiner);
/* The same of the one that takes lane HOST, whose number is HOST_WORKER. */
void *worker_main_host(void *examiner);

enum ask_flag {
	ASK_BELOW = 1, /* a directory there: everything below it too */
	ASK_LAYER = 2, /* a lower layer was touched here: compare it with its snapshot by content */
	ASK_COVERED = 4, /* a mount covers it: `mount` says what */
	ASK_UNCOVERED = 8,
	ASK_IF_GONE = 16, /* part of a scan that will meet it if it is there */
	ASK_MOVED = 32,	  /* with ASK_BELOW: it was renamed here, with all that is in it */
	ASK_NAMED =
		128, /* with ASK_BELOW: what came into it has events of its own, which come first */
	ASK_LINKED = 64, /* another name of a file that was looked at: its names are under way */
};
/* One look into one directory's names, shared by asks and scans. */
struct place {
	struct worker *worker;
	struct kept *kept;
	struct views *views;
	struct txn *txn;
	struct span dir;       /* path of the directory */
	struct node now, base; /* empty: no directory there in that view */
	struct scan *scan;     /* NULL: none */
	int64_t when;
	unsigned attempt;
	uint64_t look; /* order.h: what is seen from here is of this look */
};
int place_open(struct place *p);
void place_close(struct place *p);
void examine_name(
	struct place *p, struct span name, unsigned flags, struct span actor, struct span mount);
