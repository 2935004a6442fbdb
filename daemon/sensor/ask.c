#include "daemon/sensor/ask.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/beneath.h"

/* How long one directory's names may keep a worker. */
#define ASK_SLICE (20 * CLOCK_MS)

struct ask {
	struct job job;
	struct kept *kept;
	struct scan *scan;
	struct examiner *ex; /* with a scan: whose */
	char *dir;
	size_t dir_n, n;
	struct buf names; /* n times: flags varint, name, actor, mount (buf_bytes each) */
	int64_t when;
	unsigned attempt;
	bool counted;
};

static void ask_free(struct job *j)
{
	struct ask *a = container_of(j, struct ask, job);

	if (a->counted)
		atomic_fetch_sub(&a->kept->asked, 1);
	if (a->scan)
		a->ex->scan_done(a->scan);
	kept_unref(a->kept);
	buf_free(&a->names);
	free(a->dir);
	free(a);
}

static void ask_failed(struct ask *a, struct examiner *ex)
{
	struct item_gap *g = calloc(1, sizeof(*g));

	must(g);
	g->item.kind = ITEM_GAP;
	g->kept = kept_ref(a->kept);
	buf_add(&g->path, a->dir, a->dir_n);
	g->cause = GAP_UNREADABLE;
	g->from = a->when;
	g->told = clock_wall();
	if (a->scan)
		atomic_store(&a->scan->whole, false);
	buf_add_text(&g->detail, err_why());
	examiner_push(ex, &g->item);
}

/* The names that are left go to the end of the line: others wait, too. */
static void put_off(struct ask *a, const struct rd *at, struct worker *worker)
{
	struct buf rest = {0};

	buf_add(&rest, at->p, (size_t)(at->end - at->p));
	must(!rest.err);
	buf_free(&a->names);
	a->names = rest;
	ask_submit(a, worker->ex);
}

static void ask_run(struct job *j, struct worker *worker)
{
	struct ask *a = container_of(j, struct ask, job);
	struct place p = {.worker = worker,
		.kept = a->kept,
		.scan = a->scan,
		.dir = span_make(a->dir, a->dir_n),
		.when = a->when,
		.attempt = a->attempt};
	struct rd at = rd_of(buf_span(&a->names));
	int64_t began = clock_mono();
	bool more = false;

	atomic_fetch_add(&worker->ex->stats.asks, 1);
	/* What is too deep is told where it begins. */
	if (!atomic_load(&a->kept->gone) && !beneath_too_deep(p.dir)) {
		if (place_open(&p) < 0) {
			ask_failed(a, worker->ex);
		} else {
			while (!worker->ex->stop && !rd_end(&at) &&
				!(more = clock_mono() - began > ASK_SLICE)) {
				unsigned flags = (unsigned)rd_varint(&at);
				struct span name = rd_bytes(&at), actor = rd_bytes(&at);

				examine_name(&p, name, flags, actor, rd_bytes(&at));
			}
		}
		place_close(&p);
	}
	if (more)
		put_off(a, &at, worker);
	else
		ask_free(j);
}

struct ask *ask_new(struct kept *k, struct span dir, int64_t when)
{
	struct ask *a = calloc(1, sizeof(*a));

	must(a);
	a->job.run = ask_run;
	a->job.drop = ask_free;
	a->kept = kept_ref(k);
	a->dir = malloc(dir.n + 1);
	must(a->dir);
	if (dir.n)
		memcpy(a->dir, dir.p, dir.n);
	a->dir[dir.n] = 0;
	a->dir_n = dir.n;
	a->when = when;
	return a;
}

void ask_add(struct ask *a, struct span name, unsigned flags, struct span actor, struct span mount)
{
	buf_varint(&a->names, flags);
	buf_bytes(&a->names, name);
	buf_bytes(&a->names, actor);
	buf_bytes(&a->names, mount);
	must(!a->names.err);
	a->n++;
}

size_t ask_len(const struct ask *a)
{
	return a->n;
}

void ask_set_scan(struct ask *a, struct scan *s)
{
	atomic_fetch_add(&s->refs, 1);
	a->scan = s;
	a->ex = s->ex;
}

void ask_submit(struct ask *a, struct examiner *ex)
{
	if (!a->scan && !a->counted) {
		a->counted = true;
		atomic_fetch_add(&a->kept->asked, 1);
	}
	jobs_add(ex->jobs, a->scan ? a->scan->lane : JOB_LIVE, &a->job);
}

void ask_again(struct examiner *ex, const struct again *again)
{
	struct ask *a = ask_new(again->kept, again->dir, again->when);

	ask_add(a, again->name, 0, again->actor, (struct span){0});
	a->attempt = again->attempt;
	jobs_later(ex->jobs, &a->job, again->delay);
}
