#include "daemon/sensor/scan.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/beneath.h"
#include "model/actor.h"
#include "store/targets.h"
#include <fcntl.h>

struct scan *scan_ref(struct scan *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

struct heal *heal_new(uint64_t gap)
{
	struct heal *h = calloc(1, sizeof(*h));

	must(h);
	h->gap = gap;
	return h;
}

static void scan_end(struct scan *s)
{
	struct item_scan_end *e = calloc(1, sizeof(*e));

	must(e);
	e->item.kind = ITEM_SCAN_END;
	e->kept = s->kept; /* its reference moves on */
	e->scope = s->scope;
	e->started = s->started;
	e->whole = atomic_load(&s->whole);
	e->full = !s->trust_seen;
	e->nowhere = e->whole && !atomic_load(&s->found);
	e->asker = s->asker;
	e->ask_id = s->ask_id;
	if (s->heal) {
		e->heals = s->heal->gap;
		if (atomic_fetch_sub(&s->heal->refs, 1) == 1) {
			e->heals_last = true;
			free(s->heal);
		}
	}
	examiner_push(s->ex, &e->item);
	buf_free(&s->maker);
	free(s);
}

void scan_unref(struct scan *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1)
		scan_end(s);
}

void scan_step(struct scan *s)
{
	unsigned long long done = atomic_fetch_add(&s->done, 1) + 1;
	long long told = atomic_load(&s->told), now;
	struct door_msg m = {.op = DOOR_PROGRESS, .id = s->ask_id, .value = done};

	if (s->asker < 0 || (done & 63))
		return;
	now = clock_mono();
	if (now - told < 100 * CLOCK_MS || !atomic_compare_exchange_strong(&s->told, &told, now))
		return;
	outbox_put(s->ex->outbox, s->asker, &m, NULL, 0);
}

/* ---- walking: one directory a job ---- */

/* A copy-up of a directory and of the one thing that it was made for take no longer, mostly. */
#define TOGETHER (10 * CLOCK_MS)

struct walk_job {
	struct job job;
	struct scan *scan;
	char *dir;
	size_t n;
	bool in_layer, listed;
	struct names
		names; /* of a directory that takes more than a slice, and how far it is done */
	size_t at;
};

/* How long one directory may keep a worker. */
#define WALK_SLICE (20 * CLOCK_MS)

static void walk_drop(struct job *j)
{
	struct walk_job *w = container_of(j, struct walk_job, job);

	scan_unref(w->scan);
	names_free(&w->names);
	free(w->dir);
	free(w);
}

/* Not known, but told after whom it appeared; a package manager's run is told by him (ledger_run.c). */
static void made_after(struct span maker, struct buf *out)
{
	struct actor by, who = {.origin = ORIGIN_UNKNOWN};
	BUF struct buf why = {0};

	if (actor_decode(maker, &by) < 0 || !by.pid)
		return;
	buf_add_text(&why, "found by looking, right after ");
	buf_add_span(&why, by.exe.n ? by.exe : span_of("a process"));
	buf_printf(&why, "[%u] made its directory", by.pid);
	who.reason = buf_span(&why);
	who.container = by.container;
	who.up[who.n_up++] = (struct ancestor){by.pid, by.start, by.comm, by.exe};
	for (size_t i = 0; i < by.n_up && who.n_up < ACTOR_UP_MAX; i++)
		who.up[who.n_up++] = by.up[i];
	actor_encode(&who, out);
}

static bool is_together(int64_t dir, int64_t in)
{
	return in >= dir && in - dir < TOGETHER;
}

/* Were the directory and the one thing in it born together, or was it moved there then? Only then it is
 * of what made the directory: something else may have come, and gone, in between. Without birth times:
 * no. */
static bool born_together(const struct place *p, struct span name)
{
	FD int dir = -1;
	LOOK struct look up = {0}, in = {0};
	struct span rel = span_make(p->dir.p + 1, p->dir.n - 1);

	return beneath_open(p->kept->upper_fd, rel, O_PATH | O_DIRECTORY, &dir) == 0 &&
	       look_at(dir, span_of(""), p->kept->marks, &up) == 0 &&
	       look_at(dir, name, p->kept->marks, &in) == 0 && up.btime &&
	       (is_together(up.btime, in.btime) || is_together(up.btime, in.ctime));
}

/*
 * Who made what a scan of a new directory finds? When it was moved here, whoever moved it. When it
 * is a copy-up (the baseline has it too), overlayfs made it in the course of one process's change of
 * one thing below: if that is all there is, it is that process's. Otherwise it is not known.
 */
static void maker_of(const struct place *p, const struct names *names, struct buf *out)
{
	struct span maker = buf_span(&p->scan->maker);

	if (!maker.n)
		return;
	if (p->scan->moved || (p->kept->overlay && p->base.n && names->n == 1 &&
				      born_together(p, names_at(names, 0))))
		buf_add_span(out, maker);
	else
		made_after(maker, out);
}

/* False: the rest is for another turn. */
static bool walk_names(struct walk_job *w, struct place *p)
{
	const unsigned flags = ASK_BELOW | (w->in_layer ? ASK_LAYER : 0u);
	const struct names *names = &w->names;
	const int64_t began = clock_mono();
	BUF struct buf by = {0};

	if (!w->listed &&
		view_names(&p->views->now, &p->now, &p->views->base, &p->base, &w->names) < 0)
		atomic_store(&p->scan->whole, false);
	w->listed = true;
	maker_of(p, names, &by);
	while (w->at < names->n && !p->worker->ex->stop) {
		examine_name(p, names_at(names, w->at++), flags, buf_span(&by), (struct span){0});
		scan_step(p->scan);
		if (clock_mono() - began > WALK_SLICE)
			return w->at == names->n;
	}
	return true;
}

static void walk_run(struct job *j, struct worker *worker)
{
	struct walk_job *w = container_of(j, struct walk_job, job);
	struct place p = {.worker = worker,
		.kept = w->scan->kept,
		.scan = w->scan,
		.dir = span_make(w->dir, w->n),
		.when = clock_wall()};
	bool whole = true;

	if (!atomic_load(&w->scan->kept->gone)) {
		if (place_open(&p) < 0)
			atomic_store(&w->scan->whole, false);
		else
			whole = walk_names(w, &p);
		place_close(&p);
	}
	if (whole)
		walk_drop(j);
	else
		jobs_add(worker->ex->jobs, w->scan->lane, j);
}

static void walk_below(struct scan *s, struct span dir, bool in_layer)
{
	struct walk_job *w = calloc(1, sizeof(*w));

	must(w);
	w->job.run = walk_run;
	w->job.drop = walk_drop;
	w->scan = scan_ref(s);
	w->dir = strndup((const char *)dir.p, dir.n);
	w->n = dir.n;
	w->in_layer = in_layer;
	must(w->dir);
	jobs_add(s->ex->jobs, s->lane, &w->job);
}

/*
 * ---- what is in the drift set is looked at again, or what went away would stay in it; and what was
 * accepted is, or nobody would miss it: when a file goes that only the accepted baseline has, nothing is
 * left of it that a walk could meet ----
 */

struct gather {
	struct txn *t;
	uint32_t no;
	struct buf paths; /* list of buf_bytes */
};

static int gather_path(void *ctx, const struct change *c)
{
	struct gather *g = ctx;

	buf_bytes(&g->paths, c->path);
	return g->paths.err;
}

static int gather_accepted(void *ctx, const struct accepted *a)
{
	struct gather *g = ctx;
	struct change c;
	int r = drift_get(g->t, g->no, a->path, &c);

	if (r == STORE_ABSENT)
		buf_bytes(&g->paths, a->path);
	return r < 0 ? r : g->paths.err;
}

static void ask_path(struct scan *s, struct span path)
{
	size_t cut = path.n;
	struct ask *a;

	while (cut && path.p[cut - 1] != '/')
		cut--;
	if (!cut)
		return;
	a = ask_new(s->kept, cut > 1 ? span_make(path.p, cut - 1) : span_of("/"), s->started);
	ask_add(a, span_make(path.p + cut, path.n - cut), ASK_IF_GONE | ASK_LAYER, (struct span){0},
		(struct span){0});
	ask_set_scan(a, s);
	ask_submit(a, s->ex);
}

static void again_run(struct job *j, struct worker *worker)
{
	struct walk_job *w = container_of(j, struct walk_job, job);
	struct gather g = {.no = atomic_load(&w->scan->kept->no)};
	struct span scope = span_make(w->dir, w->n);
	struct rd at;
	int r = g.no ? txn_begin(worker->ex->store, false, &g.t) : 0;

	if (r == 0 && g.no)
		r = drift_each(g.t, g.no, scope, gather_path, &g);
	if (r == 0 && g.no)
		r = accepted_below(g.t, g.no, scope, gather_accepted, &g);
	if (r < 0)
		atomic_store(&w->scan->whole, false);
	txn_abort(take(g.t));
	if (g.paths.n)
		atomic_store(&w->scan->found, true);
	at = rd_of(buf_span(&g.paths));
	while (!rd_end(&at))
		ask_path(w->scan, rd_bytes(&at));
	buf_free(&g.paths);
	walk_drop(j);
}

static struct scan *scan_new(struct examiner *ex, struct kept *k, const struct scan_options *opt)
{
	struct scan *s = calloc(1, sizeof(*s));

	must(s);
	atomic_init(&s->refs, 1);
	s->ex = ex;
	s->kept = kept_ref(k);
	s->scope = opt->scope.n ? strndup((const char *)opt->scope.p, opt->scope.n) : strdup("/");
	must(s->scope);
	s->started = clock_wall();
	s->trust_seen = opt->trust_seen;
	/* Somebody waits for what he asked for, and who made a directory is soon forgotten. */
	s->lane =
		k->kind == TARGET_HOST && opt->asker < 0 && !opt->below_only ? JOB_HOST : JOB_SCAN;
	s->asker = opt->asker;
	s->ask_id = opt->ask_id;
	s->heal = opt->heal;
	buf_add_span(&s->maker, opt->by.actor);
	s->moved = opt->by.moved;
	s->named = opt->by.named;
	s->made = opt->by.when;
	if (s->heal)
		atomic_fetch_add(&s->heal->refs, 1);
	/* What is not there, or has nothing to be held against yet, heals nothing. */
	atomic_init(&s->whole, !atomic_load(&k->absent) && (k->overlay || kept_is_baselined(k)));
	atomic_init(&s->found, opt->below_only || strcmp(s->scope, "/") == 0);
	return s;
}

static void ask_scope(struct scan *s)
{
	struct span path = span_of(s->scope);
	size_t cut = path.n;
	struct ask *a;

	while (cut > 1 && path.p[cut - 1] != '/')
		cut--;
	a = ask_new(s->kept, cut > 1 ? span_make(path.p, cut - 1) : span_of("/"), s->started);
	ask_add(a, span_make(path.p + cut, path.n - cut), ASK_BELOW, (struct span){0},
		(struct span){0});
	ask_set_scan(a, s);
	ask_submit(a, s->ex);
}

static void look_again(struct scan *s)
{
	struct walk_job *d = calloc(1, sizeof(*d));

	must(d);
	d->job.run = again_run;
	d->job.drop = walk_drop;
	d->scan = scan_ref(s);
	d->dir = strdup(s->scope);
	must(d->dir);
	d->n = strlen(s->scope);
	jobs_add(s->ex->jobs, s->lane, &d->job);
}

void scan_begin(struct examiner *ex, struct kept *k, const struct scan_options *opt)
{
	struct scan *s = scan_new(ex, k, opt);

	look_again(s);
	if (opt->layers)
		opt->layers(s);
	if (!opt->below_only)
		ex->scan_links(s);
	if (!opt->below_only && strcmp(s->scope, "/") == 0)
		ex->scan_mounted(s);
	if (opt->below_only)
		walk_below(s, span_of(s->scope), opt->by.in_layer);
	else
		ask_scope(s);
	scan_unref(s);
}

void scan_below(struct examiner *ex, struct kept *k, struct scan *s, struct span dir,
	const struct maker *by)
{
	struct scan_options opt = {.scope = dir, .asker = -1, .below_only = true, .by = *by};

	if (s)
		walk_below(s, dir, by->in_layer);
	else
		scan_begin(ex, k, &opt);
}
