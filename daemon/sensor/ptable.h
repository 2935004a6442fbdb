/*
 * ptable.h - the process table: who a pid was, also after it has ended.
 *
 * An engine without I/O: it is told of forks, execs and ends in order, asks for facts through
 * `reader`, and answers who a process is. A process is its pid and when it was born, never the pid
 * alone: a fork gives the pid to somebody new, whatever was known of it before.
 *
 *   proc       one process: alive, or ended a while ago
 *   kin        a process as its children see it: pid, start, program, and its own parent's kin. It
 *              stays when the process execs something else or ends: that is the ancestry
 *   entrance   where a line of processes came into a namespace that is not ours: the init of a
 *              container, an exec session, or somebody from outside (nsenter). Inherited at fork, so
 *              neither setsid nor a new parent takes it away
 *
 * Everything is bounded: PTABLE_ALIVE processes, PTABLE_ENDED that have ended, for PTABLE_KEEP; 32
 * kin above each; as many entrances as have members or were left less than a while ago. Who is
 * left out is read from /proc when asked for, or is unknown. One thread at a time (tracker.h).
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "box/proc.h"
#include "box/whose.h"
#include "model/actor.h"

enum { PTABLE_ALIVE = 65536, PTABLE_ENDED = 8192 };
#define PTABLE_KEEP (10 * CLOCK_S)

struct ptable_options {
	void *ctx;
	void (*read)(void *ctx, int pid, unsigned want, struct proc_facts *ret);
	int self;	  /* our own process: never an actor */
	uint64_t own_ns;  /* the mount namespace that is the host's */
	int64_t boot;	  /* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
	int64_t wall;	  /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	long tick;	  /* ns of one clock tick */
	bool fed;	  /* events come; else all is read from /proc, and read again */
	int64_t grace;	  /* how long after its last process a session is told closed */
	int64_t quiet;	  /* or after its leader, when nothing else came from it */
	size_t alive_max; /* 0: PTABLE_ALIVE */
	size_t ended_max; /* 0: PTABLE_ENDED */
};
struct ptable;
void ptable_new(struct ptable **ret, const struct ptable_options *opt);
void ptable_free(struct ptable *t);
/* The clocks move against each other. */
void ptable_clocks(struct ptable *t, int64_t boot, int64_t wall);

/* Events; `when` is CLOCK_MONOTONIC, as the kernel stamped them. */
void ptable_fork(struct ptable *t, int parent, int child, int64_t when);
/* Is it in our own namespace? `stale`: it has already run another program since, so what could be
 * read would be that one. */
bool ptable_exec(struct ptable *t, int pid, int64_t when, bool stale);
void ptable_exit(struct ptable *t, int pid, int64_t when);
enum ptable_id { PTABLE_UID, PTABLE_GID };
void ptable_id(struct ptable *t, int pid, enum ptable_id which, uint32_t id);
void ptable_sid(struct ptable *t, int pid);
/* Some were lost: from now on what is alive is believed only when its start time was read again, and
 * what the table does not know may be anything. The caller then calls ptable_seen() for every process
 * there is, and ptable_swept(): whoever was not seen has ended. */
void ptable_lost(struct ptable *t);
void ptable_swept(struct ptable *t, int64_t when);
/* A process that is there: as it is in /proc, unless the table knows it better. */
void ptable_seen(struct ptable *t, int pid, int64_t when);
/* A program file was opened to be run by `pid`; `path` as its container sees it. Where its exec could
 * not be read any more, that is known at least. */
void ptable_opened(struct ptable *t, int pid, struct span path, int64_t when);

/* What containers there are: copied. */
void ptable_rows(struct ptable *t, const struct whose_row *rows, size_t n);

/*
 * Who is `pid`, for an event that came after `since` and has been read before `now` (monotonic)?
 * PTABLE_SAME: what *stamp stands for is still right, nothing is filled. Else *stamp is set, and
 * `ret` (spans live in `mem`; never empty: what is not known says why).
 */
enum { PTABLE_SAME = 1 };
int ptable_who(struct ptable *t, int pid, int64_t since, int64_t now, uint64_t *stamp,
	struct arena *mem, struct actor *ret);

/* What is to be told of sessions; `leader` lives until the next call. */
struct session_note {
	char id[40];
	char box[65];		/* target id */
	int64_t opened, closed; /* wall; closed 0: it was opened */
	bool quiet;		/* closed: only its leader has ended */
	struct buf leader;	/* encoded actor */
};
/* The container is gone: its sessions are over, whether or not all of their ends were told yet. */
void ptable_gone(struct ptable *t, struct span box, int64_t now);
/* Ends what is over by `now`. Ns until there may be something to do; -1: nothing waits. */
int64_t ptable_step(struct ptable *t, int64_t now);
bool ptable_has_note(const struct ptable *t);
/* The next thing to tell; false: nothing. */
bool ptable_note(struct ptable *t, struct session_note *ret);
void session_note_free(struct session_note *n);

/* A program that was run in a container, once for each path since it was last asked for: the latest. */
struct ran_note {
	char box[65];	  /* target id */
	int64_t when;	  /* wall */
	struct buf path;  /* as the container sees it */
	struct buf actor; /* encoded: the process that runs it */
};
bool ptable_has_ran(const struct ptable *t);
bool ptable_ran(struct ptable *t, int64_t now, struct ran_note *ret);
void ran_note_free(struct ran_note *n);

struct ptable_stats {
	size_t alive, ended, sessions;
	uint64_t read, late; /* programs read at exec; of these, ended before */
};
void ptable_stats(const struct ptable *t, struct ptable_stats *ret);
