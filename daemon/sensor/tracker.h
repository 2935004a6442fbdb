/*
 * tracker.h - keeps the process table up to date, and lends it to the loop.
 *
 * A thread of its own reads the process connector: a program that writes one file and ends lives for
 * less than a millisecond or two, and what it was can be read only while it does. The thread wakes at
 * every exec, reads a few small files and sleeps again; forks and ends wait until then.
 *
 * The house's threads share queues and counters and nothing else; this table is the exception. A
 * queue would not do: an answer about a pid must rest on every event before the one that asks, so
 * the loop, before it looks, reads what the sockets hold itself. Hence one mutex, held for the reading
 * of a few events at a time and for one answer, with priority inheritance; nobody takes another lock or
 * waits for anything under it, and what comes out of it is a copy.
 *
 * The thread may use a share of one processor (SHARE); beyond that it pauses, the kernel's buffers
 * fill up, and what was lost makes the table doubt: it reads /proc again. Without the connector there
 * is no thread, and answers are read from /proc when asked for.
 */
#pragma once

#include "daemon/sensor/procs.h"
#include "daemon/sensor/ptable.h"

struct tracker;
struct tracker_options {
	bool off;      /* no connector, as if it could not be had */
	int64_t grace; /* see ptable.h */
};
void tracker_new(struct tracker **ret, const struct tracker_options *opt); /* before threads */
void tracker_start(struct tracker *t);
void tracker_free(struct tracker *t); /* the thread ends first */
bool tracker_is_live(const struct tracker *t);
const char *tracker_result(const struct tracker *t); /* is it live, and if not, why */
/* Readable when there is something for tracker_hints() or tracker_note(). */
int tracker_fd(const struct tracker *t);

/* ptable_who(), for an event that was read from the kernel at `read_at`. */
int tracker_who(struct tracker *t, int pid, int64_t since, int64_t read_at, uint64_t *stamp,
	struct arena *mem, struct actor *ret);
void tracker_round(
	struct tracker *t); /* now and then; where there is no thread, what is old goes */
void tracker_rows(struct tracker *t, const struct whose_row *rows, size_t n);
void tracker_gone(struct tracker *t, struct span box); /* ptable_gone() */
void tracker_opened(struct tracker *t, int pid, struct span path);
/* New processes that may live in a mount namespace which nothing else announces. How many of `pids` were
 * filled; *ret_more: some were left out or lost. */
enum { TRACKER_HINTS = 128 };
unsigned tracker_hints(struct tracker *t, int pids[TRACKER_HINTS], bool *ret_more);
bool tracker_note(struct tracker *t, struct session_note *ret);
bool tracker_ran(struct tracker *t, struct ran_note *ret); /* ptable_ran() */
struct tracker_stats {
	struct ptable_stats table;
	uint64_t events, lost, paused;
};
void tracker_stats(struct tracker *t, struct tracker_stats *ret);
