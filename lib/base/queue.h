/*
 * queue.h - a bounded queue that moves ownership of pointers between threads.
 *
 * The only mutable state that two threads of this program share, besides counters. Two lanes: what
 * goes into QUEUE_FRONT is taken before anything in QUEUE_BACK; within a lane the order is that of
 * arrival. Any number of threads on either side.
 */
#pragma once

#include "base/attr.h"

struct queue;
enum queue_lane { QUEUE_FRONT, QUEUE_BACK };
enum { QUEUE_CLOSED = 1, QUEUE_FULL = 2, QUEUE_EMPTY = 3 };

int queue_new(struct queue **ret_q, size_t limit);
void queue_free(struct queue *q); /* what is still inside is the caller's to drain first */

/* The item is taken on 0 only. Waits for room; QUEUE_CLOSED after queue_close(). */
int queue_push(struct queue *q, enum queue_lane lane, void *item);
/* As queue_push, but QUEUE_FULL instead of waiting. */
int queue_offer(struct queue *q, enum queue_lane lane, void *item);
/* Waits at most `wait_ms` (negative: for ever). QUEUE_EMPTY when time is up, QUEUE_CLOSED when
 * closed and drained. */
int queue_pop(struct queue *q, int wait_ms, void **ret_item);
size_t queue_len(struct queue *q);
void queue_close(struct queue *q);
