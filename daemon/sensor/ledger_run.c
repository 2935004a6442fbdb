/*
 * Which changes are of a package manager's run, and the entry that sums a run up. A manager counts as
 * one only where its own program is as the image has it: who could write /usr/bin/apt-get could else hide
 * behind its name. What is high or critical by itself keeps its severity in a run, too.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "box/proc.h"
#include "daemon/sensor/ledger_impl.h"
#include "daemon/sensor/runs.h"
#include "model/actor.h"

/* Does this one path differ in a way that could make another program of what lies at or below it? */
static int is_altered(struct ledger *l, uint32_t no, struct span path, bool itself)
{
	uint32_t harmless = 1u << ASPECT_MTIME, hides = 1u << ASPECT_MOUNT | 1u << ASPECT_TYPE;
	struct change c;
	int r = drift_get(l->txn, no, path, &c);

	if (r)
		return r < 0 ? r : 0;
	if (c.kind != 'C')
		return 1;
	return itself ? (c.aspects & ~harmless) != 0 : (c.aspects & hides) != 0;
}

/* 1: the file, and every directory on the way, is as the baseline has it. */
static int is_as_shipped(struct ledger *l, uint32_t no, struct span path)
{
	int r = path.n > 1 ? is_altered(l, no, path, true) : 1;

	for (size_t n = path.n; n-- > 1 && r == 0;)
		if (path.p[n] == '/')
			r = is_altered(l, no, span_make(path.p, n), false);
	return r < 0 ? r : r == 0;
}

/* The writer, then those it descends from. Of what was found in a new directory the writer is not known,
 * and who made the directory stands for him. */
static size_t chain_of(const struct actor *a, struct run_process *chain)
{
	size_t n = 0;

	if (a->pid)
		chain[n++] = (struct run_process){a->pid, a->start, a->exe, a->cmdline};
	for (size_t i = 0; i < a->n_up; i++)
		chain[n++] = (struct run_process){
			a->up[i].pid, a->up[i].start, a->up[i].exe, {.p = NULL}};
	return n;
}

/* Only who writes from inside his own container runs the programs that the target's drift speaks of;
 * a tree of the host is the host's. */
static bool writes_from_inside(const struct kept *k, const struct actor *a)
{
	bool inside = a->origin == ORIGIN_WORKLOAD || a->origin == ORIGIN_EXEC || !a->pid;

	if (k->kind == TARGET_CONTAINER)
		return inside && span_is(a->container, k->id);
	return k->kind == TARGET_HOST && a->origin == ORIGIN_HOST;
}

/* An ancestor's command line is not in what is stored of the writer: it is read while he lives, and is
 * still the program that he was. */
static void read_cmdline(const struct run_process *p, struct buf *out)
{
	struct proc_facts f;
	FD int dir = proc_dir();

	if (dir < 0)
		return;
	proc_read(dir, (int)p->pid, PROC_IMAGE | PROC_STAT, &f);
	if ((f.got & PROC_STAT) && f.stat.start == p->start &&
		span_eq(span_make(f.exe, f.n_exe), p->exe))
		buf_add(out, f.cmdline, f.n_cmdline);
}

/* Who is the manager that this one writes for, if any, and may be believed? 1 yes. */
static int find_manager(struct ledger *l, const struct kept *k, const struct actor *a,
	struct run_process *chain, struct run_change *add)
{
	struct span program;
	int r = !a->drifted && !a->aside && writes_from_inside(k, a), at;

	at = r ? runs_manager(chain, chain_of(a, chain), &add->manager, &program) : -1;
	if (at < 0 || !chain[at].start)
		return 0;
	r = is_as_shipped(l, add->target, program);
	if (r == 1)
		r = is_as_shipped(l, add->target, chain[at].exe);
	if (r == 1 && !a->pid)
		r = is_as_shipped(l, add->target, chain[0].exe);
	add->process = &chain[at];
	return r;
}

static uint64_t add_change(struct ledger *l, struct run_change *add, const struct change *c)
{
	add->kind = c->kind;
	add->path = c->path;
	add->seq = l->head.last + 1;
	add->wall = l->now;
	add->now = clock_mono();
	return runs_add(l->runs, add);
}

int ledger_run(struct ledger *l, const struct kept *k, const struct change *c, enum severity stands,
	uint64_t *ret_id)
{
	struct run_process chain[ACTOR_UP_MAX + 1];
	BUF struct buf cmdline = {.p = NULL};
	struct run_change add = {.target = atomic_load(&k->no), .severity = stands};
	struct actor a;
	int r;

	*ret_id = 0;
	if ((c->aspects & (1u << ASPECT_LAYER)) || actor_decode(c->actor, &a) < 0)
		return 0;
	add.session = a.session;
	r = find_manager(l, k, &a, chain, &add);
	if (r != 1)
		return r;
	if (!add.process->cmdline.n) {
		size_t at = (size_t)(add.process - chain);

		read_cmdline(add.process, &cmdline);
		chain[at].cmdline = buf_span(&cmdline);
	}
	*ret_id = add_change(l, &add, c);
	return 0;
}

static bool is_alive(void *ctx, uint32_t pid, uint64_t start)
{
	(void)ctx;
	return proc_start((int)pid) == start;
}

struct of_target {
	struct ledger *l;
	uint32_t no;
};

static int state_now(void *ctx, struct span path)
{
	const struct of_target *o = ctx;
	struct change c;
	int r = drift_get(o->l->txn, o->no, path, &c);

	return r == 0 ? c.kind : r < 0 ? r : 0;
}

static int tell_run(struct ledger *l, const struct run *run, const struct run_brought *brought)
{
	CLEANUP(run_sum_free) struct run_sum sum = {.n = {0}};
	struct of_target of = {l, run_target(run)};
	BUF struct buf text = {.p = NULL}, held = {.p = NULL};
	struct json j = json_on(&text);
	struct event e = {.type = EVENT_PACKAGE_RUN, .severity = SEV_LOW};
	struct target t;
	int r = run_sum(run, state_now, &of, &sum);

	if (r == 0)
		r = ledger_target_of(l, run_target(run), &t);
	if (r < 0)
		return r;
	e.target = r == 0 ? &t : NULL;
	if (run_worst(run) > e.severity)
		e.severity = run_worst(run);
	if (brought && brought->odd && e.severity < SEV_HIGH)
		e.severity = SEV_HIGH;
	sum.brought = brought;
	run_show(&j, run, &sum);
	e.run = buf_span(&text);
	r = e.target ? ledger_hold_run(l, e.target, &e, &held) : 0;
	if (r == 0)
		r = buf_err(&text);
	return r < 0 ? r : ledger_journal(l, &e, NULL);
}

static struct kept *kept_of(const struct ledger *l, uint32_t no)
{
	for (size_t i = 0; i < l->n_kept; i++)
		if (atomic_load(&l->kept[i]->no) == no)
			return l->kept[i];
	return NULL;
}

/* True: it is told when they have answered. */
static bool ask_packages(struct ledger *l, const struct run *run, int64_t now)
{
	struct kept *k = kept_of(l, run_target(run));

	if (!l->opt.explain || !k || k->kind != TARGET_CONTAINER || !runs_ask(l->runs, run, now))
		return false;
	l->opt.explain(l->opt.explain_ctx, k, run_id(run), run_paths(run));
	return true;
}

int ledger_runs(struct ledger *l, bool all)
{
	int64_t now = clock_mono();
	const struct run *run;
	int r = 0;

	while (r == 0 && (run = runs_over(l->runs, now, all, is_alive, NULL)))
		r = !all && ask_packages(l, run, now) ? 0 : tell_run(l, run, NULL);
	return r;
}

/* ---- what the packages say that a run brought ---- */

enum { SEQS_TOLD = 100 };

/* What no package has, or has otherwise, is told apart: it came in the run's shelter. */
static int tell_odd(
	struct ledger *l, struct kept *k, struct span path, struct span note, uint64_t *ret_seq)
{
	BUF struct buf mem = {0};
	struct package_note n;
	struct change c;
	int r = drift_get(l->txn, atomic_load(&k->no), path, &c);

	if (r == 0)
		r = change_encode(&c, &mem);
	if (r == 0)
		r = change_decode(path, buf_span(&mem), &c);
	if (r == 0)
		r = package_decode(note, &n);
	if (r)
		return r;
	c.package = note;
	if (c.severity < SEV_HIGH)
		c.severity = SEV_HIGH;
	r = ledger_tell(l, k, EVENT_PACKAGE_MISMATCH, &c,
		n.state == PACKAGE_UNOWNED
			? "changed in a package manager's run, and not brought by any package"
			: "changed in a package manager's run, and not as the package has it",
		&c.seq);
	*ret_seq = c.seq;
	return r < 0 ? r : drift_put(l->txn, atomic_load(&k->no), &c);
}

int ledger_explained(struct ledger *l, struct item *i)
{
	struct item_explained *e = container_of(i, struct item_explained, item);
	const struct run *run = runs_answered(l->runs, atomic_load(&e->kept->no), e->run);
	struct rd at = rd_of(buf_span(&e->odds));
	uint64_t seqs[SEQS_TOLD];
	struct run_brought b = {.same = e->same,
		.edited = e->edited,
		.other = e->other,
		.seqs = seqs,
		.words = buf_span(&e->words)};
	int r = 0;

	if (!run)
		return 0;
	while (r >= 0 && !rd_end(&at)) {
		struct span path = rd_bytes(&at), note = rd_bytes(&at);
		uint64_t seq = 0;

		r = tell_odd(l, e->kept, path, note, &seq);
		b.odd += r == 0;
		if (r == 0 && seq && b.n_seqs < SEQS_TOLD)
			seqs[b.n_seqs++] = seq;
	}
	ledger_who_forget(l);
	return r < 0 ? r : tell_run(l, run, e->known || b.words.n ? &b : NULL);
}
