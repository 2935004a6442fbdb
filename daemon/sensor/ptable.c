/*
 * Processes in and out.
 *
 * What is read at an exec is what its cost on the workload is: of a process in a container all that
 * perishes, of a host's process its program file and its namespace - and the rest only while
 * there are few of them (CREDIT), so that a storm of execs on the host costs little.
 */
#include "daemon/sensor/ptable_own.h"
#include <utlist.h>

/* Host programs that are read whole at once: so many a second, saved up to twice that. */
enum { CREDIT_PER_S = 200, CREDIT_MAX = 400 };
enum { READ_DEPTH = 16 };
/* For so long what no event tells (where it is, which terminal it has) is believed. */
#define BELIEVED (50 * CLOCK_MS)
#define REUSE_TAKES (2 * CLOCK_S)
enum { BORN_TICKS = 3 }; /* a start time is this near to its fork's */
#define WHOLE (PROC_IMAGE | PROC_IDS | PROC_STAT)

void ptable_new(struct ptable **ret, const struct ptable_options *opt)
{
	struct ptable *t = calloc(1, sizeof(*t));

	must(t);
	t->o = *opt;
	t->o.alive_max = t->o.alive_max ? t->o.alive_max : PTABLE_ALIVE;
	t->o.ended_max = t->o.ended_max ? t->o.ended_max : PTABLE_ENDED;
	t->notes_tail = &t->notes;
	t->credit = CREDIT_MAX;
	*ret = t;
}

void ptable_clocks(struct ptable *t, int64_t boot, int64_t wall)
{
	t->o.boot = boot;
	t->o.wall = wall;
}

static void drop(struct ptable *t, struct proc *p)
{
	HASH_DEL(t->all, p);
	if (p->ended) {
		DL_DELETE(t->ended, p);
		t->n_ended--;
	} else {
		enter_left(p, p->checked);
	}
	enter_unref(t, p->in);
	kin_unref(p->me);
	image_unref(p->before);
	free(p->opened);
	free(p);
}

void ptable_free(struct ptable *t)
{
	struct session_note n = {0};

	if (!t)
		return;
	ran_free(t);
	while (t->all)
		drop(t, t->all);
	while (ptable_note(t, &n))
		;
	for (size_t i = 0; i < t->n_rows; i++)
		free(t->row_ids[i]);
	free(t->row_ids);
	free(t->rows);
	free(t);
}

struct proc *ptable_find(struct ptable *t, int pid)
{
	struct proc *p = NULL;

	HASH_FIND_INT(t->all, &pid, p);
	return p;
}

static void end(struct ptable *t, struct proc *p, int64_t when)
{
	if (p->ended)
		return;
	enter_left(p, when);
	p->ended = when ? when : 1;
	DL_APPEND(t->ended, p);
	if (++t->n_ended > t->o.ended_max)
		drop(t, t->ended);
}

void ptable_retire(struct ptable *t, struct proc *p)
{
	drop(t, p);
}

static struct proc *add(struct ptable *t, int pid, struct kin *me)
{
	struct proc *p = calloc(1, sizeof(*p));

	must(p);
	p->pid = pid;
	p->me = me;
	p->login_uid = p->login_session = UINT32_MAX;
	p->stamp = ++t->stamp;
	HASH_ADD_INT(t->all, pid, p);
	return p;
}

int64_t ptable_born(const struct ptable *t, uint64_t start)
{
	return (int64_t)start * t->o.tick - t->o.boot;
}

uint64_t ptable_start(const struct ptable *t, int64_t born)
{
	return (uint64_t)((born + t->o.boot) / t->o.tick);
}

/* Is the process that was just read the one that the table means? */
static bool is_same(const struct ptable *t, const struct proc *p, uint64_t start)
{
	int64_t off = ptable_born(t, start) - p->born;

	if (p->me->start)
		return p->me->start == start;
	return off <= BORN_TICKS * t->o.tick && -off <= BORN_TICKS * t->o.tick;
}

/* ---- what was read ---- */

void ptable_take_ids(struct proc *p, const struct proc_facts *f)
{
	if (f->got & PROC_IDS) {
		p->has_ids = true;
		p->uid = f->uid;
		p->gid = f->gid;
	}
	if (f->got & PROC_LOGIN) {
		p->login_uid = f->login_uid;
		p->login_session = f->login_session;
	}
	if (f->got & PROC_STAT) {
		p->sid = f->stat.sid;
		p->tty = f->stat.tty;
		p->me->start = f->stat.start;
	}
}

static void set_image(struct proc *p, struct image *i)
{
	struct kin *was = p->me;

	if (was->refs == 1) {
		image_unref(was->img);
		was->img = i;
		return;
	}
	p->me = kin_new(p->pid, i, was->up);
	p->me->start = was->start;
	kin_unref(was);
}

void ptable_take_image(struct ptable *t, struct proc *p, const struct proc_facts *f)
{
	struct image *i = NULL;

	if (f->n_exe)
		i = image_new(f, p->me->img ? p->me->img->comm : NULL);
	else if (p->opened)
		i = image_of_path(span_of(p->opened));
	set_image(p, i);
	p->due = !i || !i->whole;
	p->stamp = ++t->stamp;
	free(p->opened);
	p->opened = NULL;
}

static void ask(struct ptable *t, int pid, unsigned want)
{
	t->o.read(t->o.ctx, pid, want, &t->facts);
}

/* More of the same process; what was there already stays. */
static void ask_more(struct ptable *t, int pid, unsigned want)
{
	struct proc_facts *f = &t->facts;
	uint64_t ns = f->mnt_ns;
	unsigned got = f->got;
	struct proc_stat stat = f->stat;
	char exe[PATH_MAX];
	uint16_t n_exe = f->n_exe;

	memcpy(exe, f->exe, n_exe);
	ask(t, pid, want);
	f->mnt_ns = f->mnt_ns ? f->mnt_ns : ns;
	if (!f->n_exe) {
		memcpy(f->exe, exe, n_exe);
		f->n_exe = n_exe;
	}
	if (!(f->got & PROC_STAT) && got & PROC_STAT)
		f->stat = stat;
	f->got |= got;
}

static bool is_foreign(const struct ptable *t)
{
	return t->facts.mnt_ns && t->facts.mnt_ns != t->o.own_ns;
}

/* ---- by /proc ---- */

/* Below an init lives what it has started, and what lost its parent. An exec session's process has a
 * session (setsid) of its own, so whatever shares the init's was started by it. */
static bool may_be_orphan(const struct proc *p, const struct proc *parent)
{
	const struct entrance *e = parent->in;

	return e && e->init && e->leader_pid == parent->pid && p->sid != parent->sid;
}

static void place(struct ptable *t, struct proc *p, struct proc *parent)
{
	if (parent && parent->in) {
		enter_join(t, p, parent->in);
		p->orphan = parent->orphan || may_be_orphan(p, parent);
	}
	if (is_foreign(t))
		enter(t, p, &t->facts, p->born);
}

/* Who has children has not ended: where the table says so it means somebody before. */
static struct proc *parent_of(struct ptable *t, int ppid, int64_t now, unsigned depth)
{
	struct proc *p = ptable_find(t, ppid);

	if (p && !p->ended && !p->doubtful)
		return p;
	if (p) {
		ask(t, ppid, PROC_STAT);
		if (t->facts.got & PROC_STAT && is_same(t, p, t->facts.stat.start))
			return p;
		ptable_retire(t, p);
	}
	return ptable_read(t, ppid, now, depth - 1);
}

struct proc *ptable_read(struct ptable *t, int pid, int64_t now, unsigned depth)
{
	struct proc *p, *parent = NULL;
	struct proc_facts *f = &t->facts;
	struct kin *me;
	int ppid;

	ask(t, pid, PROC_EXE | PROC_NS | PROC_STAT);
	if (!(f->got & PROC_STAT) || pid == t->o.self)
		return NULL;
	ppid = f->stat.ppid;
	if (ppid > 0 && depth) {
		parent = parent_of(t, ppid, now, depth);
		ask(t, pid, PROC_EXE | PROC_NS | PROC_STAT);
		if (!(f->got & PROC_STAT) || f->stat.ppid != ppid)
			return NULL;
	}
	if (is_foreign(t))
		ask_more(t, pid,
			PROC_IMAGE | PROC_ROOT | PROC_IDS | PROC_LOGIN | PROC_STAT | PROC_AGAIN);
	p = ptable_find(t, pid);
	if (p)
		ptable_retire(t, p);
	me = kin_new(pid, f->n_exe || f->stat.comm[0] ? image_new(f, NULL) : NULL,
		parent ? parent->me : NULL);
	p = add(t, pid, me);
	p->born = ptable_born(t, f->stat.start);
	p->checked = is_foreign(t) ? now : 0;
	p->used = now;
	p->due = !me->img || !me->img->whole;
	p->execed = true; /* its program is its own, whoever started it */
	p->unplaced = !f->mnt_ns && kin_is_runtime(me->up); /* into a container, or not */
	ptable_take_ids(p, f);
	place(t, p, parent);
	ran_add(t, p, p->born);
	return p;
}

static void take_cwd(struct ptable *t, struct proc *p)
{
	const struct proc_facts *f = &t->facts;
	struct image *i = p->me->img;

	if (!i || !f->n_cwd || span_eq(image_cwd(i), span_make(f->cwd, f->n_cwd)))
		return;
	set_image(p, image_at(i, f->cwd, f->n_cwd));
	p->stamp = ++t->stamp;
}

static bool differs(const struct image *i, const struct proc_facts *f)
{
	return !i || !span_eq(image_exe(i), span_make(f->exe, f->n_exe)) ||
	       !span_eq(image_cmdline(i), span_make(f->cmdline, f->n_cmdline));
}

bool ptable_refresh(struct ptable *t, struct proc **at, int64_t now)
{
	struct proc *p = *at;
	int pid = p->pid;
	bool anew = !t->o.fed || p->doubtful || p->due;
	struct proc_facts *f = &t->facts;

	ask(t, pid,
		PROC_STAT |
			(anew ? PROC_IMAGE | PROC_IDS | PROC_NS | PROC_ROOT | PROC_AGAIN
			      : PROC_CWD) |
			(!p->has_ids ? PROC_IDS | PROC_LOGIN : 0));
	if (anew && p->opened && !f->n_exe)
		ptable_take_image(t, p, f); /* that is the program it ran, and ended */
	if (!(f->got & PROC_STAT)) {
		/* Pids do not come round that fast: who was there a moment ago is still meant. */
		if (!t->o.fed && now - p->checked >= REUSE_TAKES) {
			ptable_retire(t, p);
			*at = NULL;
		}
		return false;
	}
	if (!is_same(t, p, f->stat.start)) {
		ptable_retire(t, p);
		*at = ptable_read(t, pid, now, READ_DEPTH);
		return *at;
	}
	p->checked = now;
	p->doubtful = false;
	if (p->tty != f->stat.tty || (f->got & PROC_IDS && (p->uid != f->uid || p->gid != f->gid)))
		p->stamp = ++t->stamp;
	ptable_take_ids(p, f);
	if (anew && f->n_exe && differs(p->me->img, f)) {
		ptable_take_image(t, p, f);
		ran_add(t, p, now);
	} else if (f->n_cwd)
		take_cwd(t, p);
	if (anew && f->n_exe) {
		p->due = false;
		free(p->opened);
		p->opened = NULL;
	}
	if (f->mnt_ns)
		p->unplaced = false;
	if (is_foreign(t))
		enter(t, p, f, now); /* no event told that it was put there */
	return true;
}

/* ---- events ---- */

void ptable_fork(struct ptable *t, int parent, int child, int64_t when)
{
	struct proc *old = ptable_find(t, child), *up = ptable_find(t, parent), *p;
	int64_t freed = 0;

	if (old) {
		freed = old->ended ? old->ended : when;
		ptable_retire(t, old);
		up = ptable_find(t, parent);
	}
	if (!up)
		up = ptable_read(t, parent, when, READ_DEPTH);
	if (HASH_COUNT(t->all) - t->n_ended >= t->o.alive_max)
		return;
	if ((p = ptable_find(t, child)))
		ptable_retire(t, p); /* met on the way up, by a pid that came round */
	up = ptable_find(t, parent);
	p = add(t, child, kin_new(child, up ? image_ref(up->me->img) : NULL, up ? up->me : NULL));
	p->born = p->checked = when;
	p->pid_freed = freed;
	p->forked = true;
	p->due = !up || up->due;
	p->doubtful = !up;
	if (!up)
		return;
	p->has_ids = up->has_ids;
	p->uid = up->uid;
	p->gid = up->gid;
	p->login_uid = up->login_uid;
	p->login_session = up->login_session;
	p->sid = up->sid;
	p->tty = up->tty;
	p->orphan = up->orphan;
	p->unplaced = up->unplaced;
	enter_join(t, p, up->in);
}

static bool has_credit(struct ptable *t, int64_t when)
{
	int64_t earned = (when - t->credit_at) * CREDIT_PER_S / CLOCK_S;

	if (earned > 0) {
		t->credit += earned;
		t->credit_at = when;
	}
	if (t->credit > CREDIT_MAX)
		t->credit = CREDIT_MAX;
	if (t->credit <= 0)
		return false;
	t->credit--;
	return true;
}

static void read_program(struct ptable *t, struct proc *p, int64_t when)
{
	/* Who is inherited, and every change of it is told: also that by a setuid program. */
	if (p->in) {
		ask(t, p->pid, PROC_IMAGE | PROC_STAT | PROC_NS | (p->has_ids ? 0 : PROC_IDS));
		return;
	}
	ask(t, p->pid, PROC_NS | PROC_EXE);
	if (is_foreign(t))
		ask_more(t, p->pid, WHOLE | PROC_ROOT | PROC_LOGIN | PROC_AGAIN);
	else if (has_credit(t, when))
		ask_more(t, p->pid, WHOLE);
}

bool ptable_exec(struct ptable *t, int pid, int64_t when, bool stale)
{
	struct proc *p = ptable_find(t, pid);
	struct proc_facts *f = &t->facts;

	t->n_read++;
	if (!p) {
		ptable_read(t, pid, when, READ_DEPTH);
		return false;
	}
	if (stale)
		*f = (struct proc_facts){0};
	else
		read_program(t, p, when);
	if (f->got & PROC_STAT && !is_same(t, p, f->stat.start))
		*f = (struct proc_facts){0}; /* somebody else's by now */
	t->n_late += !f->n_exe;
	image_unref(p->before);
	p->before = p->execed ? image_ref(p->me->img) : NULL;
	p->exec_at = when;
	p->execed = true;
	p->unplaced = !p->in && !f->mnt_ns;
	p->checked = when;
	ptable_take_image(t, p, f);
	ptable_take_ids(p, f);
	if (is_foreign(t))
		enter(t, p, f, when);
	ran_add(t, p, when);
	return f->mnt_ns == t->o.own_ns;
}

void ptable_exit(struct ptable *t, int pid, int64_t when)
{
	struct proc *p = ptable_find(t, pid);

	if (p)
		end(t, p, when);
}

void ptable_id(struct ptable *t, int pid, enum ptable_id which, uint32_t id)
{
	struct proc *p = ptable_find(t, pid);

	if (!p || !p->has_ids)
		return;
	*(which == PTABLE_UID ? &p->uid : &p->gid) = id;
	p->stamp = ++t->stamp;
}

void ptable_sid(struct ptable *t, int pid)
{
	struct proc *p = ptable_find(t, pid);

	if (!p)
		return;
	p->sid = pid;
	p->tty = 0;
	p->stamp = ++t->stamp;
}

void ptable_lost(struct ptable *t)
{
	struct proc *p, *next;

	HASH_ITER(hh, t->all, p, next) {
		p->doubtful = !p->ended;
		p->seen = false;
	}
}

void ptable_seen(struct ptable *t, int pid, int64_t when)
{
	struct proc *p = ptable_find(t, pid);

	if (!p) {
		p = ptable_read(t, pid, when, READ_DEPTH);
	} else if (p->doubtful) {
		ptable_refresh(t, &p, when);
	} else if (p->ended) {
		ask(t, pid, PROC_STAT);
		if (t->facts.got & PROC_STAT && !is_same(t, p, t->facts.stat.start)) {
			ptable_retire(t, p);
			p = ptable_read(t, pid, when, READ_DEPTH);
		}
	}
	if (p)
		p->seen = true;
}

void ptable_swept(struct ptable *t, int64_t when)
{
	struct proc *p, *next;

	HASH_ITER(hh, t->all, p, next)
		if (p->doubtful && !p->seen)
			end(t, p, when);
}

/* The kernel opens a program's loader after it, to run it too. */
static bool is_loader(struct span path)
{
	static const char *const heads[] = {"ld-", "ld.so", "ld64.so"};
	size_t cut = path.n;

	while (cut && path.p[cut - 1] != '/')
		cut--;
	for (size_t i = 0; i < COUNTOF(heads); i++)
		if (span_starts(span_make(path.p + cut, path.n - cut), span_of(heads[i])))
			return true;
	return false;
}

void ptable_opened(struct ptable *t, int pid, struct span path, int64_t when)
{
	struct proc *p = ptable_find(t, pid);

	if (!p)
		p = ptable_read(t, pid, when, READ_DEPTH);
	if (!p || is_loader(path) || span_eq(image_exe(p->me->img), path))
		return;
	free(p->opened);
	p->opened = strndup((const char *)path.p, path.n);
	must(p->opened);
	if (t->o.fed && p->execed && !p->me->img) {
		t->facts = (struct proc_facts){0}; /* its exec was told, and it was gone */
		ptable_take_image(t, p, &t->facts);
		ran_add(t, p, when);
	}
}

/* Without events nobody says who has ended. */
static void forget_unused(struct ptable *t, int64_t now)
{
	struct proc *p, *next;

	HASH_ITER(hh, t->all, p, next)
		if (now - p->used > t->o.quiet)
			drop(t, p);
}

int64_t ptable_step(struct ptable *t, int64_t now)
{
	int64_t least = enter_step(t, now);

	while (t->ended && now - t->ended->ended > PTABLE_KEEP)
		drop(t, t->ended);
	if (!t->o.fed)
		forget_unused(t, now);
	return least;
}

void ptable_stats(const struct ptable *t, struct ptable_stats *ret)
{
	*ret = (struct ptable_stats){.alive = HASH_COUNT(t->all) - t->n_ended,
		.ended = t->n_ended,
		.read = t->n_read,
		.late = t->n_late};
	for (const struct entrance *e = t->entrances; e; e = e->next)
		ret->sessions += e->kind == ENTER_SESSION && e->members;
}
