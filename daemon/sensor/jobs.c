#include "daemon/sensor/jobs.h"
#include "base/clock.h"
#include "base/err.h"
#include <pthread.h>
#include <time.h>

struct lane {
	struct job *head, *tail;
	size_t n;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work, host;
	struct lane lane[JOB_LANES];
	struct job *later; /* sorted by not_before; short */
	size_t n_later;
	bool stopped;
	unsigned turn;
};

/* Whoever keeps the first lanes full, from inside one container, keeps nobody from the last. */
enum { TURNS = 8 };

int jobs_new(struct jobs **ret)
{
	struct jobs *js = calloc(1, sizeof(*js));
	pthread_condattr_t attr;

	if (!js)
		return err_set(-ENOMEM, "out of memory");
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&js->lock, NULL);
	pthread_cond_init(&js->work, &attr);
	pthread_cond_init(&js->host, &attr);
	pthread_condattr_destroy(&attr);
	*ret = js;
	return 0;
}

static void push_back(struct lane *l, struct job *j)
{
	j->next = NULL;
	if (l->tail)
		l->tail->next = j;
	else
		l->head = j;
	l->tail = j;
	l->n++;
}

static void push_front(struct lane *l, struct job *j)
{
	j->next = l->head;
	l->head = j;
	if (!l->tail)
		l->tail = j;
	l->n++;
}

static struct job *pop(struct lane *l)
{
	struct job *j = l->head;

	if (!j)
		return NULL;
	l->head = j->next;
	if (!l->head)
		l->tail = NULL;
	l->n--;
	return j;
}

void jobs_add(struct jobs *js, enum job_lane lane, struct job *j)
{
	pthread_mutex_lock(&js->lock);
	if (lane == JOB_SCAN)
		push_front(&js->lane[lane], j);
	else
		push_back(&js->lane[lane], j);
	pthread_cond_signal(lane == JOB_HOST ? &js->host : &js->work);
	pthread_mutex_unlock(&js->lock);
}

void jobs_later(struct jobs *js, struct job *j, int64_t delay)
{
	struct job **at = &js->later;

	j->not_before = clock_mono() + delay;
	pthread_mutex_lock(&js->lock);
	while (*at && (*at)->not_before <= j->not_before)
		at = &(*at)->next;
	j->next = *at;
	*at = j;
	js->n_later++;
	pthread_cond_signal(&js->work);
	pthread_mutex_unlock(&js->lock);
}

/* With the lock held: what can be done now, else NULL and how long to wait (-1: for ever). */
static struct job *choose(struct jobs *js, int64_t *ret_wait)
{
	struct job *j;

	*ret_wait = -1;
	if (js->later) {
		*ret_wait = js->later->not_before - clock_mono();
		if (*ret_wait <= 0) {
			j = js->later;
			js->later = j->next;
			js->n_later--;
			return j;
		}
	}
	if (++js->turn % TURNS == 0)
		for (int i = JOB_HOST; i-- > 0;)
			if ((j = pop(&js->lane[i])))
				return j;
	for (int i = 0; i < JOB_HOST; i++)
		if ((j = pop(&js->lane[i])))
			return j;
	return NULL;
}

static void wait_for_work(struct jobs *js, int64_t ns)
{
	struct timespec until;
	int64_t at = clock_mono() + ns;

	if (ns < 0) {
		pthread_cond_wait(&js->work, &js->lock);
		return;
	}
	until = (struct timespec){at / CLOCK_S, at % CLOCK_S};
	pthread_cond_timedwait(&js->work, &js->lock, &until);
}

struct job *jobs_take(struct jobs *js)
{
	struct job *j = NULL;
	int64_t wait;

	pthread_mutex_lock(&js->lock);
	while (!js->stopped && !(j = choose(js, &wait)))
		wait_for_work(js, wait);
	pthread_mutex_unlock(&js->lock);
	return j;
}

struct job *jobs_take_host(struct jobs *js)
{
	struct job *j = NULL;

	pthread_mutex_lock(&js->lock);
	while (!js->stopped && !(j = pop(&js->lane[JOB_HOST])))
		pthread_cond_wait(&js->host, &js->lock);
	pthread_mutex_unlock(&js->lock);
	return j;
}

size_t jobs_len(struct jobs *js, enum job_lane lane)
{
	size_t n;

	pthread_mutex_lock(&js->lock);
	n = js->lane[lane].n;
	pthread_mutex_unlock(&js->lock);
	return n;
}

size_t jobs_waiting(struct jobs *js)
{
	size_t n;

	pthread_mutex_lock(&js->lock);
	n = js->n_later;
	pthread_mutex_unlock(&js->lock);
	return n;
}

void jobs_stop(struct jobs *js)
{
	pthread_mutex_lock(&js->lock);
	js->stopped = true;
	pthread_cond_broadcast(&js->work);
	pthread_cond_broadcast(&js->host);
	pthread_mutex_unlock(&js->lock);
}

void jobs_free(struct jobs *js)
{
	struct job *j;

	if (!js)
		return;
	for (int i = 0; i < JOB_LANES; i++)
		while ((j = pop(&js->lane[i])))
			j->drop(j);
	while ((j = js->later)) {
		js->later = j->next;
		j->drop(j);
	}
	pthread_mutex_destroy(&js->lock);
	pthread_cond_destroy(&js->work);
	pthread_cond_destroy(&js->host);
	free(js);
}
