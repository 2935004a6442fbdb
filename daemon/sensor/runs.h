/*
 * runs.h - runs of package managers: many changes that one person or one script asked for, summed up.
 *
 * Every change keeps its own entry in the journal; in a run it carries the run's id, and what is not
 * of high severity by itself is told as info. When the manager has ended one package.run entry follows.
 * No file, no clock, no store: the ledger says what happened and when. What a batch adds counts from
 * runs_commit() on, and runs_abort() takes it back: a batch may be written more than once.
 */
#pragma once

#include "base/json.h"
#include "model/kinds.h"

enum { RUNS_OPEN = 64, RUN_PATHS = 100 };

/* A process and those it descends from, nearest first. */
struct run_process {
	uint32_t pid;
	uint64_t start;
	struct span exe;     /* as the process sees it */
	struct span cmdline; /* NUL-separated; empty: not known */
};
/* The outermost package manager among them; -1: none is. *ret_name is the manager's; *ret_program is
 * the file that has to be trusted for it: the program, or the script that an interpreter runs. Borrowed
 * from the chain. */
int runs_manager(
	const struct run_process *chain, size_t n, const char **ret_name, struct span *ret_program);

struct run;
struct run_change {
	uint32_t target;
	const char *manager;
	const struct run_process *process; /* the manager's */
	struct span session;		   /* id of the exec session it is in; empty: none */
	char kind;			   /* A C D */
	struct span path;
	enum severity severity; /* of the change by itself, whoever made it */
	uint64_t seq;		/* of the change's entry */
	int64_t wall, now;	/* wall and monotonic ns */
};

struct runs;
int runs_new(struct runs **ret);
void runs_free(struct runs *rs);
/* Adds a change; the run's id: the seq of its first entry, or one more than the run's before where that
 * entry is not written, as the change is counted in a flood. 0: more runs are open than RUNS_OPEN. */
uint64_t runs_add(struct runs *rs, const struct run_change *c);
void runs_commit(struct runs *rs);
void runs_abort(struct runs *rs);

/* Is there a process of this pid and start time? */
typedef bool runs_alive(void *ctx, uint32_t pid, uint64_t start);
/* A run that is over at `now`, which it then is, if committed; NULL: none. `all`: every run, whatever
 * it does: the sensor stops, and says that it saw no end. */
const struct run *runs_over(struct runs *rs, int64_t now, bool all, runs_alive *alive, void *ctx);
/* One that is over is not told yet: it is asked what the packages say that it brought. From now on it takes
 * nothing in, and is over once more when runs_answered() says so, or when that takes too long. False: it was
 * asked before. */
bool runs_ask(struct runs *rs, const struct run *r, int64_t now);
/* Of the run of that id: it is over; NULL: it is not there any more. */
const struct run *runs_answered(struct runs *rs, uint32_t target, uint64_t id);
/* When to ask again (monotonic ns); INT64_MAX: no run is open. */
int64_t runs_next(const struct runs *rs);

uint32_t run_target(const struct run *r);
uint64_t run_id(const struct run *r);
struct span run_paths(const struct run *r);   /* as buf_bytes(), one again for each change */
enum severity run_worst(const struct run *r); /* of its changes */
/* What is left of it at its end: each path once, by what it is then. A manager's temporary files, which came
 * and went, are not among them. */
struct run_sum {
	uint64_t n[3];	  /* A C D */
	struct buf paths; /* the first RUN_PATHS, as buf_bytes() */
	/* What the packages say that it brought; NULL: nobody could be asked. */
	const struct run_brought *brought;
};
struct run_brought {
	uint64_t same, edited,
		other;	      /* as they have it; a configuration file; no package's, no program */
	uint64_t odd;	      /* told one by one: not as they have it, or a program of no package */
	const uint64_t *seqs; /* of those entries, the first few */
	size_t n_seqs;
	struct span words; /* what could not be read */
};
/* 'A', 'C' or 'D'; 0: it is no drift any more; -errno. */
typedef int run_state(void *ctx, struct span path);
int run_sum(const struct run *r, run_state *state, void *ctx, struct run_sum *ret);
void run_sum_free(struct run_sum *s);
/* The member `run` of its event. */
void run_show(struct json *j, const struct run *r, const struct run_sum *s);
