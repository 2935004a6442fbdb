/*
 * ptable_own.h - what the files of the process table share; nobody else includes it.
 *
 *   ptable.c        processes in and out, events
 *   ptable_kin.c    images and kin: counted, immutable once shared
 *   ptable_enter.c  entrances: what they are, sessions, what is to be told
 *   ptable_who.c    the answer
 *   ptable_ran.c    which programs were run in containers
 */
#pragma once

#include "daemon/sensor/ptable.h"
#include <uthash.h>

/* A program as it was when read. */
struct image {
	unsigned refs;
	bool whole; /* not only its file, but command line and directory too */
	char comm[PROC_COMM_MAX];
	uint64_t mnt_ns; /* in which it was run; 0: not read */
	uint32_t n_exe, n_cwd, n_cmdline;
	char text[]; /* exe, cwd, cmdline */
};
struct kin {
	unsigned refs, depth;
	int pid;
	uint64_t start; /* 0: not read */
	struct image *img;
	struct kin *up;
};
enum enter_kind { ENTER_OPEN, ENTER_WORKLOAD, ENTER_SESSION, ENTER_OUTSIDE, ENTER_VAGUE };
struct entrance {
	struct entrance *next, **prev;
	unsigned refs, members; /* alive */
	enum enter_kind kind;
	bool told_open, told_quiet, told_closed;
	bool nested; /* in a pid namespace that is not ours */
	bool init;   /* pid 1 of a pid namespace */
	int leader_pid;
	struct kin *leader;
	uint64_t mnt_ns;
	uint32_t dev_major, dev_minor;
	int64_t opened; /* monotonic, as are these; 0: not yet */
	int64_t leader_ended, emptied, active;
	bool has_ids;
	uint32_t uid, gid, login_uid, login_session;
	int tty;
	char id[40], box[65];
};
struct proc {
	UT_hash_handle hh;
	struct proc *next, *prev; /* of the ended ones, oldest first */
	int pid;
	struct kin *me;
	struct entrance *in;
	int64_t born;	   /* monotonic; estimated where the fork was not seen */
	int64_t ended;	   /* 0: alive, as far as is known */
	int64_t checked;   /* when /proc was last asked */
	int64_t used;	   /* when somebody last asked */
	int64_t pid_freed; /* when who had the pid before ended; 0: nobody known */
	uint64_t stamp;
	bool forked;	      /* its fork was seen */
	bool due;	      /* its program was not read as it is now */
	bool execed;	      /* it is not its parent's any more */
	struct image *before; /* what it had run itself until exec_at; NULL: nothing */
	int64_t exec_at;
	char *opened;  /* the program file that it was last seen opening; or NULL */
	bool seen;     /* in the sweep under way */
	bool unplaced; /* it ran a program, and in which namespace could not be read */
	bool orphan;   /* met below an init that may not be its first parent */
	bool doubtful; /* events were lost since */
	bool has_ids;
	uint32_t uid, gid, login_uid, login_session;
	int sid, tty;
};
struct note {
	struct note *next;
	struct session_note n;
};
struct ptable {
	struct ptable_options o;
	struct proc *all;
	struct proc *ended; /* utlist */
	size_t n_ended;
	struct entrance *entrances;
	size_t n_entrances;
	struct whose_row *rows;
	char **row_ids;
	size_t n_rows;
	uint64_t stamp, rows_stamp; /* an answer's is the sum of its process's and rows_stamp */
	int64_t credit, credit_at;  /* host programs that may be read at once; see ptable.c */
	struct note *notes, **notes_tail;
	size_t n_notes;
	struct ran *ran; /* ptable_ran.c */
	struct proc_facts facts;
	uint64_t n_read, n_late;
};

/* ptable_kin.c */
struct image *image_ref(struct image *i);
void image_unref(struct image *i);
struct image *image_new(const struct proc_facts *f, const char *comm);
struct image *image_of_path(struct span exe);
struct image *image_at(const struct image *i, const char *cwd, size_t n); /* the same, elsewhere */
static inline struct span image_exe(const struct image *i)
{
	return i ? span_make(i->text, i->n_exe) : (struct span){0};
}
static inline struct span image_cwd(const struct image *i)
{
	return i ? span_make(i->text + i->n_exe, i->n_cwd) : (struct span){0};
}
static inline struct span image_cmdline(const struct image *i)
{
	return i ? span_make(i->text + i->n_exe + i->n_cwd, i->n_cmdline) : (struct span){0};
}
struct kin *kin_ref(struct kin *k);
void kin_unref(struct kin *k);
/* Takes the image; `up` is referenced. */
struct kin *kin_new(int pid, struct image *img, struct kin *up);
bool kin_is_runtime(const struct kin *k);

/* ptable.c */
struct proc *ptable_find(struct ptable *t, int pid);
void ptable_retire(struct ptable *t, struct proc *p); /* the pid is somebody else's */
/* Reads it from /proc with those above it, if it is there. NULL: it is not. */
struct proc *ptable_read(struct ptable *t, int pid, int64_t now, unsigned depth);
void ptable_take_ids(struct proc *p, const struct proc_facts *f);
/* Gives it the program in `f`; it keeps its ancestry. */
void ptable_take_image(struct ptable *t, struct proc *p, const struct proc_facts *f);
int64_t ptable_born(const struct ptable *t, uint64_t start);
uint64_t ptable_start(const struct ptable *t, int64_t born); /* the other way, to a tick or so */
/* Is it who it was? Reads what may have changed without an event. False: it is gone; it stays in the
 * table unless the pid is somebody else's now (then NULL is in *p, or who has it). */
bool ptable_refresh(struct ptable *t, struct proc **p, int64_t now);

/* ptable_ran.c: `p` runs what its image says. */
void ran_add(struct ptable *t, const struct proc *p, int64_t when);
void ran_free(struct ptable *t);

/* ptable_enter.c */
void enter(struct ptable *t, struct proc *p, const struct proc_facts *f, int64_t when);
void enter_join(struct ptable *t, struct proc *p, struct entrance *e);
void enter_left(struct proc *p, int64_t when); /* it ended */
void enter_unref(struct ptable *t, struct entrance *e);
void enter_decide(struct ptable *t, struct entrance *e);
int64_t enter_step(struct ptable *t, int64_t now); /* as ptable_step() */
