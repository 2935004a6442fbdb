#include "base/queue.h"
#include "base/err.h"
#include <pthread.h>
#include <time.h>

struct lane {
	void **slot;
	size_t head, n;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t room, work;
	size_t limit;
	bool closed;
	struct lane lane[2];
};

int queue_new(struct queue **ret_q, size_t limit)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (q) {
		q->lane[0].slot = calloc(limit, sizeof(void *));
		q->lane[1].slot = calloc(limit, sizeof(void *));
	}
	if (!q || !q->lane[0].slot || !q->lane[1].slot) {
		queue_free(q);
		return err_set(-ENOMEM, "no memory for a queue of %zu", limit);
	}
	q->limit = limit;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->room, &attr);
	pthread_cond_init(&q->work, &attr);
	pthread_condattr_destroy(&attr);
	*ret_q = q;
	return 0;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	if (q->limit) {
		pthread_mutex_destroy(&q->lock);
		pthread_cond_destroy(&q->room);
		pthread_cond_destroy(&q->work);
	}
	free(q->lane[0].slot);
	free(q->lane[1].slot);
	free(q);
}

static int put(struct queue *q, enum queue_lane which, void *item, bool wait)
{
	struct lane *l = &q->lane[which];
	int r = 0;

	pthread_mutex_lock(&q->lock);
	while (wait && !q->closed && l->n == q->limit)
		pthread_cond_wait(&q->room, &q->lock);
	if (q->closed) {
		r = QUEUE_CLOSED;
	} else if (l->n == q->limit) {
		r = QUEUE_FULL;
	} else {
		l->slot[(l->head + l->n++) % q->limit] = item;
		pthread_cond_signal(&q->work);
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

int queue_push(struct queue *q, enum queue_lane lane, void *item)
{
	return put(q, lane, item, true);
}

int queue_offer(struct queue *q, enum queue_lane lane, void *item)
{
	return put(q, lane, item, false);
}

static struct timespec deadline_of(int wait_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += wait_ms / 1000;
	t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

int queue_pop(struct queue *q, int wait_ms, void **ret_item)
{
	struct timespec until = deadline_of(wait_ms < 0 ? 0 : wait_ms);
	struct lane *l;
	int r = 0, late = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->lane[0].n && !q->lane[1].n && !q->closed && !late) {
		if (wait_ms < 0)
			pthread_cond_wait(&q->work, &q->lock);
		else
			late = pthread_cond_timedwait(&q->work, &q->lock, &until);
	}
	l = q->lane[0].n ? &q->lane[0] : &q->lane[1];
	if (l->n) {
		*ret_item = l->slot[l->head];
		l->head = (l->head + 1) % q->limit;
		l->n--;
		pthread_cond_broadcast(&q->room);
	} else {
		r = q->closed ? QUEUE_CLOSED : QUEUE_EMPTY;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

size_t queue_len(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->lane[0].n + q->lane[1].n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->work);
	pthread_cond_broadcast(&q->room);
	pthread_mutex_unlock(&q->lock);
}
