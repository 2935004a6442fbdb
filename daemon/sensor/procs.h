/*
 * procs.h - new processes of this host as a hint: one of them may live in a mount namespace that
 * nothing else announces. From the kernel's process connector, filtered in the kernel.
 *
 * Reading is bounded: the caller asks at most every PROCS_EVERY, gets at most PROCS_MAX pids, and
 * is told when there were more. Runs on the loop.
 */
#pragma once

#include "base/clock.h"

enum { PROCS_MAX = 128 };
#define PROCS_EVERY (20 * CLOCK_MS)

struct procs {
	int fd; /* -1: not to be had, and why */
	char result[160];
	uint64_t events; /* messages read */
};
/* Tries it with a process of our own: what is open tells of new processes. Before threads. A
 * connector socket that the service manager passed is taken (PrivateNetwork hides our own). */
void procs_open(struct procs *p);
void procs_close(struct procs *p);
/* How many of `pids` were filled; *ret_more: some were left out or lost. */
unsigned procs_read(struct procs *p, int pids[PROCS_MAX], bool *ret_more);
