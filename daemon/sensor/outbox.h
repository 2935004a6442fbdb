/* outbox.h - answers on their way to the door: pushed by any thread, sent by the loop alone. */
#pragma once

#include "daemon/door.h"

struct outbox;
struct outbox_answer {
	struct outbox_answer *next;
	int asker; /* connection number; -1: every connection (ticks) */
	struct door_msg msg;
	struct buf mem; /* owns msg.text */
	int fds[2];
	size_t n_fds;
};
int outbox_new(struct outbox **ret);
void outbox_free(struct outbox *o);
int outbox_fd(struct outbox *o); /* eventfd for the loop */
/* Copies text; takes the descriptors. */
void outbox_put(
	struct outbox *o, int asker, const struct door_msg *msg, const int *fds, size_t n_fds);
/* Shorthand for DOOR_DONE. */
void outbox_done(
	struct outbox *o, int asker, uint32_t id, enum door_result result, const char *text);
/* The oldest, or NULL. Free with outbox_answer_free(). */
struct outbox_answer *outbox_take(struct outbox *o);
void outbox_answer_free(struct outbox_answer *a);
