/* Proving digests takes seconds: a thread does it with transactions of its own, and the job comes
 * back by its address through a pipe. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { JOBS_MAX = 2 };

static void *work(void *arg)
{
	struct job *job = arg;

	job->run(job);
	if (job->code < 0)
		snprintf(job->why, sizeof(job->why), "%.250s", err_why());
	must(write(job->write_fd, &job, sizeof(job)) == sizeof(job));
	return NULL;
}

static void job_free(struct job *job)
{
	buf_free(&job->out);
	free(job);
}

int jobs_start(struct call *c, struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	job->call = c;
	job->store = c->g->store;
	job->write_fd = c->g->job_pipe[1];
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = c->g->n_jobs < JOBS_MAX ? pthread_create(&thread, &attr, work, job) : EAGAIN;
	pthread_attr_destroy(&attr);
	if (r != 0) {
		job_free(job);
		problem(c, 503, "other proofs are running; ask again when they are done");
		return VIEW_ANSWERED;
	}
	c->job = job;
	c->g->n_jobs++;
	return 0;
}

void jobs_forget(struct call *c)
{
	if (!c->job)
		return;
	c->job->call = NULL;
	if (c->job->write_fd < 0) /* it has come back */
		job_free(c->job);
	c->job = NULL;
}

void jobs_turn(struct gateway *g)
{
	struct job *job;

	while (g->n_jobs > 0 && read(g->job_pipe[0], &job, sizeof(job)) == sizeof(job)) {
		g->n_jobs--;
		job->write_fd = -1;
		if (job->call)
			call_wake(job->call);
		else
			job_free(job);
	}
}
