/*
 * jobs.h - the work that opens files, waiting for a worker.
 *
 * Four lanes, the first served first but for one turn in eight: LIVE (what events asked for), WISH
 * (what somebody waits for, and what is short: in order, so that no walk gets before it), SCAN (newest first, so that a
 * walk goes deep and its frontier stays small), BASELINE. And a waiting room for jobs that must be
 * tried again later (a file that a writer still holds). A job is owned by the lane until a worker
 * takes it, then by the worker. A fifth one, HOST, is nobody's but a worker's of its own, who gives
 * way to everybody: baselines and full looks of the host, which is large, and no container waits for it.
 */
#pragma once

#include "base/attr.h"

enum job_lane { JOB_LIVE, JOB_WISH, JOB_SCAN, JOB_BASELINE, JOB_HOST, JOB_LANES };

struct worker;
struct job {
	struct job *next;
	int64_t not_before; /* monotonic ns; in the waiting room */
	/* Does the work and frees the job. `worker` is the running worker's own. */
	void (*run)(struct job *j, struct worker *worker);
	/* Frees it without doing it: at the end of the sensor's life. */
	void (*drop)(struct job *j);
};
struct jobs;

int jobs_new(struct jobs **ret);
void jobs_free(struct jobs *js); /* drops what is left */
void jobs_add(struct jobs *js, enum job_lane lane, struct job *j);
/* Tried again in lane LIVE not before `delay` ns from now. */
void jobs_later(struct jobs *js, struct job *j, int64_t delay);
/* The next job; NULL after jobs_stop(). */
struct job *jobs_take(struct jobs *js);
/* The same for lane HOST alone. */
struct job *jobs_take_host(struct jobs *js);
size_t jobs_len(struct jobs *js, enum job_lane lane);
size_t jobs_waiting(struct jobs *js); /* in the waiting room */
void jobs_stop(struct jobs *js);
