#include "daemon/sensor/tracker.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/log.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 128, SWEEP_SLICE = 32 };
/* While forks come they are fetched so often, and for so many times more after the last. */
enum { BUSY_MS = 10, BUSY_ROUNDS = 3 };
/* A share of one processor, over windows of WINDOW; then PAUSE. */
enum { SHARE_PERCENT = 15 };
#define WINDOW (100 * CLOCK_MS)
#define PAUSE (20 * CLOCK_MS)
#define SWEEP_EVERY CLOCK_S
#define SESSION_QUIET (60 * CLOCK_S)

struct tracker {
	struct procs procs;
	struct ptable *table;
	pthread_t thread;
	bool running;
	int proc_fd, bell_fd, stop_fd;

	pthread_mutex_t lock; /* of all that follows, and of the table and the sockets */
	int64_t drained;      /* monotonic: all that came before is in the table */
	bool sweep_due;
	int hint[TRACKER_HINTS];
	unsigned n_hint;
	bool more;
	uint64_t lost;
	atomic_ullong paused;
	struct procs_event batch[BATCH];
};

static int64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

static void set_clocks(struct tracker *t)
{
	int64_t mono = clock_mono();

	ptable_clocks(t->table, clock_of(CLOCK_BOOTTIME) - mono, clock_wall() - mono);
}

static void read_proc(void *ctx, int pid, unsigned want, struct proc_facts *ret)
{
	struct tracker *t = ctx;

	proc_read(t->proc_fd, pid, want, ret);
}

void tracker_new(struct tracker **ret, const struct tracker_options *opt)
{
	struct tracker *t = calloc(1, sizeof(*t));
	pthread_mutexattr_t attr;
	struct ptable_options o = {.ctx = t,
		.read = read_proc,
		.self = getpid(),
		.own_ns = proc_host_mnt_ns(),
		.tick = CLOCK_S / sysconf(_SC_CLK_TCK),
		.grace = opt->grace,
		.quiet = SESSION_QUIET};

	must(t);
	t->proc_fd = proc_dir();
	t->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(t->bell_fd >= 0 && t->stop_fd >= 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	must(pthread_mutex_init(&t->lock, &attr) == 0);
	pthread_mutexattr_destroy(&attr);
	if (opt->off) {
		t->procs.exec_fd = t->procs.rest_fd = -1;
		snprintf(t->procs.result, sizeof(t->procs.result),
			"off by configuration (watch.processes)");
	} else {
		procs_open(&t->procs);
	}
	o.fed = t->procs.exec_fd >= 0;
	ptable_new(&t->table, &o);
	set_clocks(t);
	*ret = t;
}

bool tracker_is_live(const struct tracker *t)
{
	return t->procs.exec_fd >= 0;
}

const char *tracker_result(const struct tracker *t)
{
	return t->procs.result;
}

int tracker_fd(const struct tracker *t)
{
	return t->bell_fd;
}

static void ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		must(errno == EAGAIN);
}

static bool has_word(const struct tracker *t)
{
	return ptable_has_note(t->table) || ptable_has_ran(t->table);
}

/* ---- events into the table: with the lock ---- */

static void hint(struct tracker *t, int pid, bool ours)
{
	bool last = t->n_hint && t->hint[t->n_hint - 1] == pid;

	if (ours && last)
		t->n_hint--; /* it was forked, and is in our namespace: nothing to see */
	if (ours || last)
		return;
	if (t->n_hint == TRACKER_HINTS) {
		t->more = true;
		return;
	}
	t->hint[t->n_hint++] = pid;
	if (t->n_hint == 1)
		ring(t->bell_fd);
}

/* `stale`: see ptable_exec(). */
static void apply(struct tracker *t, const struct procs_event *e, bool stale)
{
	bool ours = false;

	if (e->what == PROCS_FORK)
		ptable_fork(t->table, e->parent, e->pid, e->when);
	else if (e->what == PROCS_EXEC)
		ours = ptable_exec(t->table, e->pid, e->when, stale);
	else if (e->what == PROCS_EXIT)
		ptable_exit(t->table, e->pid, e->when);
	else if (e->what == PROCS_SID)
		ptable_sid(t->table, e->pid);
	else
		ptable_id(t->table, e->pid, e->what == PROCS_UID ? PTABLE_UID : PTABLE_GID, e->id);
	if (e->what == PROCS_FORK || e->what == PROCS_EXEC)
		hint(t, e->pid, ours);
}

static int by_time(const void *a, const void *b)
{
	const struct procs_event *x = a, *y = b;

	return x->when < y->when ? -1 : x->when > y->when;
}

static unsigned fetch(struct tracker *t, int fd, unsigned n, unsigned limit)
{
	int r = 0;

	while (n < limit && r != PROCS_NONE) {
		r = procs_next(&t->procs, fd, &t->batch[n]);
		n += r == 0;
		if (r != PROCS_LOST)
			continue;
		t->lost++;
		t->more = t->sweep_due = true;
		ptable_lost(t->table);
	}
	return n;
}

static bool execs_again(const struct tracker *t, unsigned i, unsigned n)
{
	const struct procs_event *e = &t->batch[i];

	for (i++; e->what == PROCS_EXEC && i < n; i++)
		if (t->batch[i].what == PROCS_EXEC && t->batch[i].pid == e->pid)
			return true;
	return false;
}

/* Execs are fetched first: what they were forked by is then surely there as well. */
static unsigned drain(struct tracker *t)
{
	int64_t began = clock_mono();
	unsigned n, all = 0;

	do {
		n = fetch(t, t->procs.exec_fd, 0, BATCH / 4);
		n = fetch(t, t->procs.rest_fd, n, BATCH);
		qsort(t->batch, n, sizeof(t->batch[0]), by_time);
		for (unsigned i = 0; i < n; i++)
			apply(t, &t->batch[i], execs_again(t, i, n));
		all += n;
	} while (n >= BATCH / 4 && all < 16 * BATCH);
	if (n < BATCH / 4)
		t->drained = began;
	return all;
}

/* ---- the thread ---- */

/* Everything that runs now: at the start, and after events were lost. In slices: the loop may want
 * an answer. */
static void sweep(struct tracker *t)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	pthread_mutex_lock(&t->lock);
	t->sweep_due = false;
	while (dir && (e = readdir(dir))) {
		int pid = atoi(e->d_name);

		if (pid > 0)
			ptable_seen(t->table, pid, clock_mono());
		if (++n % SWEEP_SLICE == 0) {
			pthread_mutex_unlock(&t->lock);
			pthread_mutex_lock(&t->lock);
			drain(t);
		}
	}
	if (!t->sweep_due) /* nothing was lost meanwhile */
		ptable_swept(t->table, clock_mono());
	pthread_mutex_unlock(&t->lock);
	if (dir)
		closedir(dir);
}

static void hurry(void)
{
	struct sched_param p = {.sched_priority = 1};

	if (pthread_setschedparam(pthread_self(), SCHED_RR, &p) != 0)
		setpriority(PRIO_PROCESS, (id_t)gettid(), -15);
}

struct share {
	int64_t window, used; /* monotonic, of this thread's time: where the window began */
};

static void keep_to_share(struct tracker *t, struct share *s)
{
	int64_t now = clock_mono(), used = clock_thread();
	struct timespec pause = {0, PAUSE};

	if (now - s->window >= WINDOW) {
		*s = (struct share){now, used};
		return;
	}
	if ((used - s->used) * 100 < SHARE_PERCENT * WINDOW)
		return;
	atomic_fetch_add(&t->paused, 1);
	nanosleep(&pause, NULL);
}

static void *thread_main(void *arg)
{
	struct tracker *t = arg;
	struct pollfd fds[3] = {{.fd = t->stop_fd, .events = POLLIN},
		{.fd = t->procs.exec_fd, .events = POLLIN}, {.events = POLLIN}};
	struct share share = {clock_mono(), clock_thread()};
	int64_t next_sweep = 0;
	unsigned busy = 0;

	sweep(t);
	hurry();
	for (;;) {
		int64_t wait;
		unsigned n;
		bool due;

		pthread_mutex_lock(&t->lock);
		set_clocks(t);
		n = drain(t);
		wait = ptable_step(t->table, clock_mono());
		if (has_word(t))
			ring(t->bell_fd);
		due = t->sweep_due;
		pthread_mutex_unlock(&t->lock);
		if (due && clock_mono() >= next_sweep) {
			next_sweep = clock_mono() + SWEEP_EVERY;
			sweep(t);
		}
		busy = n ? BUSY_ROUNDS : busy ? busy - 1 : 0;
		fds[2].fd = busy ? -1 : t->procs.rest_fd;
		wait = busy ? BUSY_MS : due ? 1000 : wait < 0 ? -1 : wait / CLOCK_MS + 1;
		keep_to_share(t, &share);
		if (poll(fds, COUNTOF(fds), (int)wait) > 0 && fds[0].revents)
			return NULL;
	}
}

void tracker_start(struct tracker *t)
{
	if (!tracker_is_live(t))
		return;
	must(pthread_create(&t->thread, NULL, thread_main, t) == 0);
	t->running = true;
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	if (t->running) {
		ring(t->stop_fd);
		pthread_join(t->thread, NULL);
	}
	ptable_free(t->table);
	procs_close(&t->procs);
	fd_close(&t->proc_fd);
	fd_close(&t->bell_fd);
	fd_close(&t->stop_fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- for the loop ---- */

int tracker_who(struct tracker *t, int pid, int64_t since, int64_t read_at, uint64_t *stamp,
	struct arena *mem, struct actor *ret)
{
	int r;

	pthread_mutex_lock(&t->lock);
	if (t->running && t->drained <= read_at)
		drain(t);
	r = ptable_who(t->table, pid, since, clock_mono(), stamp, mem, ret);
	if (!t->running && has_word(t))
		ring(t->bell_fd);
	pthread_mutex_unlock(&t->lock);
	return r;
}

void tracker_round(struct tracker *t)
{
	if (t->running)
		return;
	pthread_mutex_lock(&t->lock);
	set_clocks(t);
	ptable_step(t->table, clock_mono());
	if (has_word(t))
		ring(t->bell_fd);
	pthread_mutex_unlock(&t->lock);
}

void tracker_rows(struct tracker *t, const struct whose_row *rows, size_t n)
{
	pthread_mutex_lock(&t->lock);
	ptable_rows(t->table, rows, n);
	if (has_word(t))
		ring(t->bell_fd);
	pthread_mutex_unlock(&t->lock);
}

void tracker_gone(struct tracker *t, struct span box)
{
	pthread_mutex_lock(&t->lock);
	if (t->running)
		drain(t);
	ptable_gone(t->table, box, clock_mono());
	pthread_mutex_unlock(&t->lock);
}

void tracker_opened(struct tracker *t, int pid, struct span path)
{
	pthread_mutex_lock(&t->lock);
	if (t->running)
		drain(t);
	ptable_opened(t->table, pid, path, clock_mono());
	pthread_mutex_unlock(&t->lock);
}

unsigned tracker_hints(struct tracker *t, int pids[TRACKER_HINTS], bool *ret_more)
{
	uint64_t rung;
	unsigned n;

	pthread_mutex_lock(&t->lock);
	if (read(t->bell_fd, &rung, sizeof(rung)) < 0)
		must(errno == EAGAIN);
	n = t->n_hint;
	memcpy(pids, t->hint, n * sizeof(pids[0]));
	*ret_more = t->more;
	t->n_hint = 0;
	t->more = false;
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool tracker_note(struct tracker *t, struct session_note *ret)
{
	bool there;

	pthread_mutex_lock(&t->lock);
	there = ptable_note(t->table, ret);
	pthread_mutex_unlock(&t->lock);
	return there;
}

bool tracker_ran(struct tracker *t, struct ran_note *ret)
{
	bool there;

	pthread_mutex_lock(&t->lock);
	there = ptable_ran(t->table, clock_mono(), ret);
	pthread_mutex_unlock(&t->lock);
	return there;
}

void tracker_stats(struct tracker *t, struct tracker_stats *ret)
{
	pthread_mutex_lock(&t->lock);
	ptable_stats(t->table, &ret->table);
	ret->events = t->procs.events;
	ret->lost = t->lost;
	ret->paused = atomic_load(&t->paused);
	pthread_mutex_unlock(&t->lock);
}
