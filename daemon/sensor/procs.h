/*
 * procs.h - forks, execs, ends and changes of user of this host's processes, from the kernel's process
 * connector. Threads are left out by a filter in the kernel.
 *
 * Two sockets: one tells execs, which somebody has to look at at once, for the process may end soon;
 * the other all that can wait until then, so that it wakes nobody. They are read together and put
 * in order by the kernel's time. A socket that the service manager passed (PrivateNetwork hides our
 * own) tells everything; a second one, if it passed two, takes its half.
 */
#pragma once

#include "base/clock.h"

enum procs_what { PROCS_FORK, PROCS_EXEC, PROCS_EXIT, PROCS_UID, PROCS_GID, PROCS_SID };
struct procs_event {
	enum procs_what what;
	int64_t when; /* CLOCK_MONOTONIC */
	int pid;      /* fork: the child */
	int parent;   /* fork */
	uint32_t id;  /* uid, gid: the effective one */
};
struct procs {
	int exec_fd, rest_fd; /* -1: not to be had, and why; rest_fd alone -1: exec_fd tells all */
	char result[160];
	uint64_t events; /* messages read */
};
/* Tries it with a process of our own: what is open tells of new processes. Before threads. */
void procs_open(struct procs *p);
/* Says it and lets go: before Linux 6.6 the kernel counts who listens by what was said, and needs
 * CAP_NET_ADMIN for it; so somebody else may say it for a sensor that has sockets passed. Later each
 * socket speaks for itself, and this does nothing. */
int procs_say(bool listen);
void procs_close(struct procs *p);
/* The next message of one of the two. 0; PROCS_NONE; PROCS_LOST: some had no room. */
enum { PROCS_NONE = 1, PROCS_LOST = 2 };
int procs_next(struct procs *p, int fd, struct procs_event *ret);
