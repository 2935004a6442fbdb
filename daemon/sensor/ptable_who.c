/*
 * The answer. Where it comes from (facts of runtimes): a line of processes that came in as the init is
 * the workload; one that a runtime put in later is an exec session; the runtime's own programs are the
 * runtime; everybody else is the host. Whoever cannot be placed is unknown, with the reason.
 */
#include "daemon/sensor/ptable_own.h"

#define BELIEVED (50 * CLOCK_MS)
enum { READ_DEPTH = 16 };
enum { RUNTIME_UP = 2 }; /* what the runtime's programs start is theirs too, so far down */

static int unknown(int pid, const char *why, uint64_t *stamp, struct actor *ret)
{
	*stamp = 0;
	*ret = (struct actor){.pid = (uint32_t)pid,
		.login_uid = UINT32_MAX,
		.login_session = UINT32_MAX,
		.reason = span_of(why)};
	return 0;
}

/* The event may be of who had the pid before: he ended, and this one was born, since the queue was
 * last seen empty. */
static bool is_ambiguous(const struct proc *p, int64_t since)
{
	return p->born > since && p->pid_freed && p->pid_freed >= since;
}

/* A child that has run nothing itself is its parent's program, also when that was read later. */
static const struct image *image_of(const struct proc *p)
{
	if (p->me->img || p->execed || !p->me->up)
		return p->me->img;
	return p->me->up->img;
}

static bool is_the_runtimes(const struct proc *p)
{
	const struct kin *k = p->me;

	for (int i = 0; k && i <= RUNTIME_UP; i++, k = k->up)
		if (kin_is_runtime(k))
			return true;
	return false;
}

static void origin_of(const struct proc *p, struct actor *a)
{
	const struct entrance *e = p->in;

	a->origin = is_the_runtimes(p) ? ORIGIN_RUNTIME : ORIGIN_HOST;
	if (!e && p->unplaced) {
		a->origin = ORIGIN_UNKNOWN;
		a->reason = span_of("it ended before its program and its container could be read");
	}
	if (!e || e->kind == ENTER_OUTSIDE)
		return;
	if (e->kind == ENTER_OPEN) {
		if (a->origin != ORIGIN_RUNTIME && e->nested) {
			a->origin = ORIGIN_UNKNOWN;
			a->reason = span_of("it runs in a container that is not kept");
		}
		return;
	}
	a->container = span_of(e->box);
	a->origin = e->kind == ENTER_WORKLOAD ? ORIGIN_WORKLOAD : ORIGIN_EXEC;
	if (e->kind == ENTER_SESSION) {
		a->session = span_of(e->id);
	} else if (e->kind == ENTER_VAGUE) {
		a->origin = ORIGIN_UNKNOWN;
		a->reason = span_of("who put it into its container ended before it could be read");
	} else if (p->orphan) {
		a->origin = ORIGIN_UNKNOWN;
		a->reason = span_of("it was there before it could be followed: a daemon of the "
				    "workload and one left by an exec session look alike");
	}
}

static void line_of(const struct proc *p, struct actor *a)
{
	const struct entrance *e = p->in;
	const struct kin *k = p->me;
	bool top = e && e->kind == ENTER_WORKLOAD && e->leader_pid == p->pid;

	for (k = k->up; k && !top && a->n_up < ACTOR_UP_MAX; k = k->up) {
		a->up[a->n_up++] = (struct ancestor){.pid = (uint32_t)k->pid,
			.start = k->start,
			.comm = k->img ? span_of(k->img->comm) : (struct span){0},
			.exe = image_exe(k->img)};
		top = kin_is_runtime(k) ||
		      (e && e->kind == ENTER_WORKLOAD && k->pid == e->leader_pid);
	}
}

/* unshare(1) and a bind mount, and any program has the name of the package manager. */
static bool is_aside(const struct proc *p, const struct image *i)
{
	const struct entrance *e = p->in;
	const struct kin *k = p->me;

	if (!e || !e->mnt_ns)
		return false;
	while (!(i && i->mnt_ns && i->mnt_ns != e->mnt_ns)) {
		if (k->pid == e->leader_pid || !(k = k->up) || kin_is_runtime(k))
			return false;
		i = k->img;
	}
	return true;
}

static void reason_of(const struct proc *p, const struct image *i, struct actor *a)
{
	if (a->reason.n)
		return;
	if (!i || !i->n_exe)
		a->reason = span_of("it ended before its program could be read");
	else if (!i->whole)
		a->reason = span_of("it ended before its command line could be read");
	else if (p->due)
		a->reason = span_of("events were lost: it may have run another program since");
	else if (!p->has_ids)
		a->reason = span_of("it ended before its user could be read");
	else if (a->aside)
		a->reason = span_of("its mounts are not its container's: which file its program is "
				    "is not known");
}

/* It ran two programs between the event and now: the later one is told, and that it may be the other. */
static bool is_torn(const struct proc *p, int64_t since)
{
	return p->before && p->exec_at >= since;
}

static void tell_torn(const struct proc *p, struct arena *mem, struct actor *a)
{
	struct span exe = image_exe(p->before);

	if (!a->reason.n)
		a->reason = arena_printf(mem,
			"until that very moment it was %.*s (%s): that may have done it",
			(int)exe.n, (const char *)exe.p, p->before->comm);
}

static void fill(const struct ptable *t, const struct proc *p, struct arena *mem, struct actor *a)
{
	const struct image *i = image_of(p);
	char tty[PROC_TTY_MAX];

	*a = (struct actor){.pid = (uint32_t)p->pid,
		.start = p->me->start ? p->me->start : ptable_start(t, p->born),
		.has_uid = p->has_ids,
		.uid = p->uid,
		.gid = p->gid,
		.login_uid = p->login_uid,
		.login_session = p->login_session,
		.exe = image_exe(i),
		.cmdline = image_cmdline(i),
		.cwd = image_cwd(i),
		.comm = i ? span_of(i->comm) : (struct span){0}};
	a->tty = arena_dup(mem, span_of(proc_tty_name(p->tty, tty)));
	origin_of(p, a);
	line_of(p, a);
	a->aside = a->container.n && is_aside(p, i);
	reason_of(p, i, a);
	if (!a->container.n && a->origin != ORIGIN_UNKNOWN)
		a->exe_host = a->exe;
}

/* Out of the table's hands: its images may be gone after the next event. */
static void copy_out(struct actor *a, struct arena *mem)
{
	struct span *const all[] = {
		&a->exe, &a->cmdline, &a->cwd, &a->comm, &a->container, &a->session, &a->exe_host};

	for (size_t i = 0; i < COUNTOF(all); i++)
		*all[i] = arena_dup(mem, *all[i]);
	for (size_t i = 0; i < a->n_up; i++) {
		a->up[i].comm = arena_dup(mem, a->up[i].comm);
		a->up[i].exe = arena_dup(mem, a->up[i].exe);
	}
}

int ptable_who(struct ptable *t, int pid, int64_t since, int64_t now, uint64_t *stamp,
	struct arena *mem, struct actor *ret)
{
	struct proc *p = ptable_find(t, pid);

	if (pid == t->o.self)
		return unknown(pid, "it is the sensor itself", stamp, ret);
	if (p && is_ambiguous(p, since))
		return unknown(pid, "its pid was given to another process at that very moment",
			stamp, ret);
	if (!p)
		p = ptable_read(t, pid, now, READ_DEPTH);
	else if ((!p->ended && now - p->checked > BELIEVED) || (p->doubtful && !p->ended))
		ptable_refresh(t, &p, now);
	if (!p)
		return unknown(pid, "the process ended before it could be read", stamp, ret);
	if (p->due && !p->ended && p->checked != now)
		ptable_refresh(t, &p, now);
	if (!p)
		return unknown(pid, "the process ended before it could be read", stamp, ret);
	p->used = now;
	if (p->in) {
		enter_decide(t, p->in);
		p->in->active = now;
	}
	if (*stamp == p->stamp + t->rows_stamp)
		return PTABLE_SAME;
	*stamp = p->stamp + t->rows_stamp;
	fill(t, p, mem, ret);
	if (is_torn(p, since)) {
		tell_torn(p, mem, ret);
		*stamp = 0;
	}
	copy_out(ret, mem);
	return 0;
}
