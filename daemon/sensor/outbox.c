#include "daemon/sensor/outbox.h"
#include "base/err.h"
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/fd.h"

struct outbox {
	pthread_mutex_t lock;
	struct outbox_answer *head, **tail;
	int fd;
};

int outbox_new(struct outbox **ret)
{
	struct outbox *o = calloc(1, sizeof(*o));

	must(o);
	o->tail = &o->head;
	pthread_mutex_init(&o->lock, NULL);
	o->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->fd < 0) {
		int r = err_sys("eventfd");

		outbox_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

int outbox_fd(struct outbox *o)
{
	return o->fd;
}

void outbox_answer_free(struct outbox_answer *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_fds; i++)
		fd_close(&a->fds[i]);
	buf_free(&a->mem);
	free(a);
}

void outbox_free(struct outbox *o)
{
	struct outbox_answer *a;

	if (!o)
		return;
	while ((a = o->head)) {
		o->head = a->next;
		outbox_answer_free(a);
	}
	fd_close(&o->fd);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void outbox_put(
	struct outbox *o, int asker, const struct door_msg *msg, const int *fds, size_t n_fds)
{
	struct outbox_answer *a = calloc(1, sizeof(*a));
	uint64_t one = 1;

	must(a);
	a->asker = asker;
	a->msg = *msg;
	buf_add_span(&a->mem, msg->text);
	must(!a->mem.err);
	a->msg.text = buf_span(&a->mem);
	for (size_t i = 0; i < n_fds; i++)
		a->fds[a->n_fds++] = fds[i];
	pthread_mutex_lock(&o->lock);
	*o->tail = a;
	o->tail = &a->next;
	pthread_mutex_unlock(&o->lock);
	if (write(o->fd, &one, sizeof(one)) < 0)
		return; /* the counter is at its top: the loop is awake anyway */
}

void outbox_done(
	struct outbox *o, int asker, uint32_t id, enum door_result result, const char *text)
{
	struct door_msg m = {.op = DOOR_DONE, .id = id, .value = result, .text = span_of(text)};

	if (asker >= 0)
		outbox_put(o, asker, &m, NULL, 0);
}

struct outbox_answer *outbox_take(struct outbox *o)
{
	struct outbox_answer *a;
	uint64_t n;

	pthread_mutex_lock(&o->lock);
	a = o->head;
	if (a) {
		o->head = a->next;
		if (!o->head)
			o->tail = &o->head;
	} else if (read(o->fd, &n, sizeof(n)) < 0) {
		a = NULL; /* nothing was pending: fine */
	}
	pthread_mutex_unlock(&o->lock);
	return a;
}
