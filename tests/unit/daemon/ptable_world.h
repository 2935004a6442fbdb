/* ptable_world.h - a world of made-up processes around a process table: what they do is queued as events, and
 * /proc shows how they are now. */
#pragma once

#include "daemon/sensor/ptable.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

#define TICK (10 * CLOCK_MS)
#define OWN 4026531840U
#define BOX_NS 4026539999U
enum { PIDS = 60, INIT = 1, RUNC = 2, SHELL = 3 };
enum state { UNUSED_PID, ALIVE, ZOMBIE };
enum root { NO_ROOT, ROOT_WORKLOAD, ROOT_SESSION, ROOT_OUTSIDE };

struct man {
	enum state state;
	uint64_t start;
	int ppid, sid, exe;
	uint32_t uid;
	bool boxed, init;
	bool aside;  /* in mounts of its own */
	bool copies; /* the runtime itself, with the container's root as its own */
	enum root root;
	char session[40];
};
struct event {
	char what; /* f, x, e, s */
	int parent, pid;
	int64_t when;
};
struct world {
	struct man man[PIDS];
	struct event queue[8192];
	size_t n, done;
	int64_t now, since;
	int box_init;
	uint64_t seed, asked, named;
	struct ptable *t;
	bool lossy; /* events have been lost: what lines are known by is what /proc tells */
};

static inline uint64_t any(struct world *w, uint64_t n)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->seed >> 33) % n;
}

static inline void put(char *to, size_t room, uint16_t *n, const char *fmt, int v)
{
	int len = snprintf(to, room, fmt, v);

	*n = (uint16_t)len;
}

static const char *name_of(int exe)
{
	static char name[40];

	if (exe == 0)
		return "/sbin/init";
	if (exe == 1)
		return "/usr/bin/runc";
	snprintf(name, sizeof(name), "/bin/prog%d", exe);
	return name;
}

static inline void read_man(void *ctx, int pid, unsigned want, struct proc_facts *f)
{
	struct world *w = ctx;
	struct man *m = pid > 0 && pid < PIDS ? &w->man[pid] : NULL;

	memset(f, 0, sizeof(*f));
	f->login_uid = f->login_session = UINT32_MAX;
	if (!m || m->state == UNUSED_PID)
		return;
	if (want & PROC_STAT) {
		f->stat = (struct proc_stat){.start = m->start,
			.ppid = m->ppid,
			.sid = m->sid,
			.state = m->state == ZOMBIE ? 'Z' : 'S'};
		snprintf(f->stat.comm, sizeof(f->stat.comm), "%.15s",
			strrchr(name_of(m->exe), '/') + 1);
	}
	if (want & PROC_IDS) {
		f->uid = f->gid = m->uid;
		f->ns_levels = m->boxed && !m->copies ? 2 : 1;
		f->ns_pid = m->init ? 1 : pid + 100;
	}
	f->got = want & (PROC_STAT | PROC_IDS | PROC_LOGIN);
	if (m->state == ZOMBIE)
		return;
	f->got = want;
	f->again = want & PROC_AGAIN && m->copies;
	if (want & (PROC_IMAGE | PROC_EXE))
		f->n_exe = (uint16_t)snprintf(f->exe, sizeof(f->exe), "%s", name_of(m->exe));
	if (want & PROC_IMAGE)
		put(f->cmdline, sizeof(f->cmdline), &f->n_cmdline, "prog%d", m->exe);
	if (want & (PROC_IMAGE | PROC_CWD))
		put(f->cwd, sizeof(f->cwd), &f->n_cwd, "/cwd%d", pid);
	if (want & PROC_NS)
		f->mnt_ns = m->aside ? BOX_NS + 1 : m->boxed ? BOX_NS : OWN;
}

static inline void queue(struct world *w, char what, int parent, int pid)
{
	if (w->n == sizeof(w->queue) / sizeof(w->queue[0])) {
		memmove(w->queue, w->queue + w->done, (w->n - w->done) * sizeof(w->queue[0]));
		w->n -= w->done;
		w->done = 0;
	}
	w->queue[w->n++] = (struct event){what, parent, pid, w->now};
}

static inline bool execs_again(const struct world *w)
{
	for (size_t i = w->done + 1; i < w->n; i++)
		if (w->queue[i].what == 'x' && w->queue[i].pid == w->queue[w->done].pid)
			return true;
	return false;
}

static inline void deliver(struct world *w)
{
	for (; w->done < w->n; w->done++) {
		struct event *e = &w->queue[w->done];

		if (e->what == 'f')
			ptable_fork(w->t, e->parent, e->pid, e->when);
		else if (e->what == 'x')
			ptable_exec(w->t, e->pid, e->when, execs_again(w));
		else if (e->what == 's')
			ptable_sid(w->t, e->pid);
		else
			ptable_exit(w->t, e->pid, e->when);
	}
}

static inline void lose(struct world *w)
{
	w->done = w->n;
	w->lossy = true;
	ptable_lost(w->t);
	for (int pid = 1; pid < PIDS; pid++)
		if (w->man[pid].state != UNUSED_PID)
			ptable_seen(w->t, pid, w->now);
	ptable_swept(w->t, w->now);
}

static inline int pick(struct world *w, enum state state, int from)
{
	for (int i = 0; i < 200; i++) {
		int pid = from + (int)any(w, (uint64_t)(PIDS - from));

		if (w->man[pid].state == state)
			return pid;
	}
	return 0;
}

/* Births are some ticks apart: so near, events lost between them, the table takes one for the other. */
static inline int w_fork(struct world *w, int parent)
{
	int pid = pick(w, UNUSED_PID, 4);
	struct man *m = &w->man[pid];

	if (!pid || w->man[parent].state != ALIVE)
		return 0;
	w->now = (w->now / TICK + 5) * TICK;
	*m = w->man[parent];
	m->ppid = parent;
	m->init = false;
	m->start = (uint64_t)(w->now / TICK);
	queue(w, 'f', parent, pid);
	w->now += 1000;
	return pid;
}

static inline void w_exec(struct world *w, int pid)
{
	w->man[pid].exe = 2 + (int)any(w, 50);
	queue(w, 'x', 0, pid);
	w->now += 1000;
}

static inline void enter_box(struct world *w, int pid, enum root root)
{
	struct man *m = &w->man[pid];

	if (!pid)
		return;
	m->boxed = true;
	m->root = root;
	m->sid = root == ROOT_OUTSIDE ? m->sid : pid;
	m->session[0] = 0;
	if (root == ROOT_SESSION)
		snprintf(m->session, sizeof(m->session), "%d-%llu", pid,
			(unsigned long long)m->start);
	w_exec(w, pid);
}

static inline void w_exit(struct world *w, int pid)
{
	w->man[pid].state = ZOMBIE;
	for (int i = 4; i < PIDS; i++)
		if (w->man[i].state != UNUSED_PID && w->man[i].ppid == pid)
			w->man[i].ppid = w->man[i].boxed && w->man[i].root != ROOT_OUTSIDE
						 ? w->box_init
						 : INIT;
	queue(w, 'e', 0, pid);
	w->now += 1000;
}

static inline void w_open(struct world *w, uint64_t seed, bool fed)
{
	struct ptable_options o = {.ctx = w,
		.read = read_man,
		.self = 9999,
		.own_ns = OWN,
		.tick = TICK,
		.fed = fed,
		.grace = CLOCK_S,
		.quiet = 60 * CLOCK_S};
	struct whose_row row = {span_of("box"), BOX_NS, 0, 0, 0};

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->now = 100 * CLOCK_S;
	w->man[INIT] = (struct man){.state = ALIVE, .start = 1, .sid = 1};
	w->man[RUNC] = (struct man){.state = ALIVE, .start = 2, .ppid = 1, .sid = 2, .exe = 1};
	w->man[SHELL] = (struct man){.state = ALIVE, .start = 3, .ppid = 1, .sid = 3, .exe = 9};
	ptable_new(&w->t, &o);
	for (int pid = 1; pid <= SHELL; pid++)
		ptable_seen(w->t, pid, w->now);
	ptable_rows(w->t, &row, 1);
	w->box_init = w_fork(w, RUNC);
	w->man[w->box_init].init = true;
	enter_box(w, w->box_init, ROOT_WORKLOAD);
}

static inline void w_close(struct world *w)
{
	struct ptable_stats s;

	ptable_stats(w->t, &s);
	assert_true(s.alive <= PIDS);
	ptable_free(w->t);
}
