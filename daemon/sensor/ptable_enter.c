/*
 * Entrances. A process whose mount namespace is not ours, and whose parent did not come that way, has
 * just been put there: by a runtime as the container's init (workload) or later (exec session), or
 * by somebody else. Which container it is may be known only when the registry has looked.
 */
#include "daemon/sensor/ptable_own.h"
#include <stdio.h>

enum { NOTES_MAX = 4096 };

static void tell(struct ptable *t, struct entrance *e, int64_t closed, bool quiet);

static void entrance_free(struct ptable *t, struct entrance *e)
{
	if (e->told_open && !e->told_closed)
		tell(t, e, e->emptied ? e->emptied : e->active, !t->o.fed);
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	t->n_entrances--;
	kin_unref(e->leader);
	free(e);
}

void enter_unref(struct ptable *t, struct entrance *e)
{
	if (e && --e->refs == 0)
		entrance_free(t, e);
}

void enter_join(struct ptable *t, struct proc *p, struct entrance *e)
{
	if (p->in == e)
		return;
	if (p->in) {
		p->in->members -= !p->ended;
		enter_unref(t, p->in);
	}
	p->in = e;
	if (e) {
		e->refs++;
		e->members += !p->ended;
		e->emptied = 0;
	}
}

/* ---- telling ---- */

static void leader_of(const struct entrance *e, struct actor *ret, char tty[PROC_TTY_MAX])
{
	const struct image *i = e->leader->img;

	*ret = (struct actor){.pid = (uint32_t)e->leader->pid,
		.start = e->leader->start,
		.has_uid = e->has_ids,
		.uid = e->uid,
		.gid = e->gid,
		.login_uid = e->login_uid,
		.login_session = e->login_session,
		.exe = image_exe(i),
		.cmdline = image_cmdline(i),
		.cwd = image_cwd(i),
		.comm = i ? span_of(i->comm) : (struct span){0},
		.tty = span_of(proc_tty_name(e->tty, tty)),
		.container = span_of(e->box),
		.session = span_of(e->id),
		.origin = ORIGIN_EXEC};
	for (struct kin *k = e->leader->up; k && ret->n_up < ACTOR_UP_MAX; k = k->up)
		ret->up[ret->n_up++] = (struct ancestor){.pid = (uint32_t)k->pid,
			.start = k->start,
			.comm = k->img ? span_of(k->img->comm) : (struct span){0},
			.exe = image_exe(k->img)};
	if (!i || !i->whole)
		ret->reason = span_of("the leader ended before its program could be read");
}

static void tell(struct ptable *t, struct entrance *e, int64_t closed, bool quiet)
{
	struct note *n;
	struct actor leader;
	char tty[PROC_TTY_MAX];

	if (t->n_notes >= NOTES_MAX)
		return; /* nobody fetches them */
	n = calloc(1, sizeof(*n));
	must(n);
	memcpy(n->n.id, e->id, sizeof(n->n.id));
	memcpy(n->n.box, e->box, sizeof(n->n.box));
	n->n.opened = e->opened + t->o.wall;
	n->n.closed = closed ? closed + t->o.wall : 0;
	n->n.quiet = quiet;
	leader_of(e, &leader, tty);
	actor_encode(&leader, &n->n.leader);
	*t->notes_tail = n;
	t->notes_tail = &n->next;
	t->n_notes++;
}

bool ptable_has_note(const struct ptable *t)
{
	return t->notes;
}

bool ptable_note(struct ptable *t, struct session_note *ret)
{
	struct note *n = t->notes;

	session_note_free(ret);
	if (!n)
		return false;
	t->notes = n->next;
	if (!t->notes)
		t->notes_tail = &t->notes;
	t->n_notes--;
	*ret = n->n;
	free(n);
	return true;
}

void session_note_free(struct session_note *n)
{
	buf_free(&n->leader);
	*n = (struct session_note){0};
}

static void open_session(struct ptable *t, struct entrance *e)
{
	if (e->told_open)
		return;
	e->told_open = true;
	tell(t, e, 0, false);
}

/* ---- deciding ---- */

static const struct whose_row *row_of(const struct ptable *t, const struct entrance *e)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (e->mnt_ns && t->rows[i].mnt_ns == e->mnt_ns)
			return &t->rows[i];
	for (size_t i = 0; i < t->n_rows; i++)
		if ((e->dev_major || e->dev_minor) && t->rows[i].dev_major == e->dev_major &&
			t->rows[i].dev_minor == e->dev_minor)
			return &t->rows[i];
	return NULL;
}

/* Was everybody who came in that way gone before the container was there? Then it was another's: the
 * kernel gives the numbers of namespaces and devices again. */
static bool is_before(struct ptable *t, const struct entrance *e, const struct whose_row *row)
{
	const struct proc *init = row->pid ? ptable_find(t, (int)row->pid) : NULL;

	return !e->members && e->emptied && (!init || e->emptied < init->born);
}

void enter_decide(struct ptable *t, struct entrance *e)
{
	const struct whose_row *row = e->box[0] ? NULL : row_of(t, e);

	if (!row || is_before(t, e, row))
		return;
	t->rows_stamp++;
	snprintf(e->box, sizeof(e->box), "%.*s", (int)row->id.n, (const char *)row->id.p);
	if (e->init || (uint32_t)e->leader_pid == row->pid) {
		e->kind = ENTER_WORKLOAD;
	} else if (kin_is_runtime(e->leader->up)) {
		e->kind = ENTER_SESSION;
		snprintf(e->id, sizeof(e->id), "%d-%llu", e->leader_pid,
			(unsigned long long)e->leader->start);
		open_session(t, e);
	} else if (!e->leader->up || !e->leader->up->img) {
		e->kind = ENTER_VAGUE;
	} else {
		e->kind = ENTER_OUTSIDE;
	}
}

void ptable_rows(struct ptable *t, const struct whose_row *rows, size_t n)
{
	for (size_t i = 0; i < t->n_rows; i++)
		free(t->row_ids[i]);
	free(t->row_ids);
	free(t->rows);
	t->rows = calloc(n + 1, sizeof(*t->rows));
	t->row_ids = calloc(n + 1, sizeof(*t->row_ids));
	must(t->rows && t->row_ids);
	t->n_rows = n;
	for (size_t i = 0; i < n; i++) {
		t->row_ids[i] = strndup((const char *)rows[i].id.p, rows[i].id.n);
		must(t->row_ids[i]);
		t->rows[i] = rows[i];
		t->rows[i].id = span_of(t->row_ids[i]);
	}
	for (struct entrance *e = t->entrances; e; e = e->next)
		enter_decide(t, e);
}

/* ---- coming and going ---- */

static struct entrance *entrance_new(struct ptable *t, struct proc *p, const struct proc_facts *f)
{
	struct entrance *e = calloc(1, sizeof(*e));

	must(e);
	if (!p->me->start)
		p->me->start = ptable_start(t, p->born);
	e->refs = 1; /* the caller's, until it is joined */
	e->leader = kin_ref(p->me);
	e->leader_pid = p->pid;
	e->nested = f->ns_levels > 1;
	e->init = f->ns_levels > 1 && f->ns_pid == 1;
	e->mnt_ns = f->mnt_ns;
	e->dev_major = f->dev_major;
	e->dev_minor = f->dev_minor;
	e->has_ids = p->has_ids;
	e->uid = p->uid;
	e->gid = p->gid;
	e->login_uid = p->login_uid;
	e->login_session = p->login_session;
	e->tty = p->tty;
	e->next = t->entrances;
	e->prev = &t->entrances;
	if (e->next)
		e->next->prev = &e->next;
	t->entrances = e;
	t->n_entrances++;
	return e;
}

/* A runtime runs itself once more to copy into a container, with that container's root as its own: still
 * the runtime. Whom it puts there to stay runs a program of the container's, or is in its pid namespace. */
static bool is_the_runtime_itself(const struct proc *p, const struct proc_facts *f)
{
	return f->again && f->ns_levels <= 1 && kin_is_runtime(p->me) && kin_is_runtime(p->me->up);
}

/* Has `p` come in just now? An init of a pid namespace starts a line of its own, unless it was made
 * inside a container: what a container starts is the container's. */
void enter(struct ptable *t, struct proc *p, const struct proc_facts *f, int64_t when)
{
	struct entrance *e = p->in;
	bool init = f->ns_levels > 1 && f->ns_pid == 1;

	if (!f->mnt_ns || f->mnt_ns == t->o.own_ns)
		return;
	if (e && (!init || e->kind == ENTER_WORKLOAD || e->kind == ENTER_SESSION || e->init))
		return;
	if (!e && is_the_runtime_itself(p, f))
		return;
	image_unref(p->before); /* the runtime's, which is no program of the container's */
	p->before = NULL;
	e = entrance_new(t, p, f);
	e->opened = e->active = when;
	enter_join(t, p, e);
	enter_decide(t, e);
	enter_unref(t, e);
}

void enter_left(struct proc *p, int64_t when)
{
	struct entrance *e = p->in;

	when = when ? when : 1;
	if (!e)
		return;
	e->members--;
	e->active = when;
	if (e->leader_pid == p->pid)
		e->leader_ended = when;
	if (!e->members)
		e->emptied = when;
}

void ptable_gone(struct ptable *t, struct span box, int64_t now)
{
	for (struct entrance *e = t->entrances; e; e = e->next) {
		if (!e->told_open || e->told_closed || !span_is(box, e->box))
			continue;
		tell(t, e, e->members || !e->emptied ? now : e->emptied, false);
		e->told_closed = true;
	}
}

/* ---- time ---- */

static void sooner(int64_t *least, int64_t in)
{
	if (*least < 0 || in < *least)
		*least = in;
}

int64_t enter_step(struct ptable *t, int64_t now)
{
	struct entrance *e, *next;
	int64_t least = -1;

	for (e = t->entrances; e; e = next) {
		next = e->next;
		if (!e->told_open || e->told_closed)
			continue;
		if (!e->members && now - e->emptied >= t->o.grace) {
			tell(t, e, e->emptied, false);
			e->told_closed = true;
		} else if (!e->members)
			sooner(&least, e->emptied + t->o.grace - now);
		else if (e->leader_ended && !e->told_quiet) {
			if (now - e->active >= t->o.quiet) {
				e->told_quiet = true;
				tell(t, e, e->active, true);
			} else {
				sooner(&least, e->active + t->o.quiet - now);
			}
		}
	}
	return least;
}
