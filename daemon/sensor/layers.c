#include "daemon/sensor/layers.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/watch_walk.h"
#include "fs/beneath.h"
#include "fs/hash.h"
#include "store/snapshot.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { NAMES_LIMIT = 4 * 1000 * 1000 };

/* One directory of one layer. */
struct layer_job {
	struct job job;
	struct scan *scan;
	struct lower *lower;
	uint32_t no; /* of the directory in the snapshot; 0: the root */
	size_t n;
	char rel[];
};

static void drop(struct job *j)
{
	struct layer_job *t = container_of(j, struct layer_job, job);

	scan_unref(t->scan);
	lower_unref(t->lower);
	free(t);
}

static void run(struct job *j, struct worker *w);

static void push(struct scan *s, struct lower *l, struct span dir, struct span name, uint32_t no)
{
	struct layer_job *t = calloc(1, sizeof(*t) + dir.n + name.n + 2);

	must(t);
	t->job.run = run;
	t->job.drop = drop;
	t->scan = scan_ref(s);
	t->lower = lower_ref(l);
	t->no = no;
	if (dir.n) {
		memcpy(t->rel, dir.p, dir.n);
		t->n = dir.n;
		t->rel[t->n++] = '/';
	}
	if (name.n)
		memcpy(t->rel + t->n, name.p, name.n);
	t->n += name.n;
	if (beneath_too_deep(span_make(t->rel, t->n)))
		drop(&t->job); /* nor is it stored: its verdict says so */
	else
		jobs_add(s->ex->jobs, JOB_SCAN, &t->job);
}

/* What is on disk, with its content. HASH_* results other than 0 leave it without a hash. */
static void hash_entry(const struct lower *l, struct worker *w, struct span rel, struct span name,
	struct layer_entry *e)
{
	struct hash_budget budget = {w->ex->max_bytes, w->ex->max_ns, &w->ex->stop, 0, false};
	struct hash_result res;
	FD int dir = -1;

	if (e->rec.type != FILE_REG || (e->rec.ovl & OVL_METACOPY) ||
		beneath_open(l->root_fd, rel, O_PATH | O_DIRECTORY, &dir) ||
		hash_file(dir, name, &e->look, false, &budget, w->sha, &res) != 0)
		return;
	memcpy(e->rec.sha, res.sha, SHA_LEN);
	e->rec.has_sha = true;
	atomic_fetch_add(&w->ex->stats.hashed_files, 1);
	atomic_fetch_add(&w->ex->stats.hashed_bytes, res.read);
}

static bool is_same(const struct layer_entry *disk, const struct layer_entry *stored)
{
	struct record now = disk->rec;

	record_same_second(&now, &stored->rec);
	return record_diff(&now, &stored->rec) == 0 &&
	       !record_marks_differ(&disk->rec, &stored->rec) &&
	       span_eq(disk->rec.redirect, stored->rec.redirect);
}

static void ask(struct layer_job *t, struct span name)
{
	BUF struct buf dir = {0};
	struct ask *a;

	buf_add_text(&dir, "/");
	buf_add(&dir, t->rel, t->n);
	a = ask_new(t->scan->kept, buf_span(&dir), t->scan->started);
	ask_add(a, name, ASK_LAYER | ASK_BELOW, (struct span){0}, (struct span){0});
	ask_set_scan(a, t->scan);
	ask_submit(a, t->scan->ex);
}

static void compare(struct layer_job *t, struct worker *w, struct views *v, struct span name)
{
	const struct layer *disk = v->now.layer, *stored = v->base.layer;
	struct layer_dir dir = {span_make(t->rel, t->n), t->no};
	struct layer_entry a = {0}, b = {0};
	int ra = disk->ops->lookup(disk, dir, name, &a);
	int rb = stored->ops->lookup(stored, dir, name, &b);

	if (ra < 0 || rb < 0) {
		atomic_store(&t->scan->whole, false);
	} else if (ra != rb) {
		ask(t, name);
	} else if (ra == 0) {
		hash_entry(t->lower, w, dir.rel, name, &a);
		if (!is_same(&a, &b))
			ask(t, name);
		else if (a.rec.type == FILE_DIR)
			push(t->scan, t->lower, dir.rel, name, b.sub_dir);
	}
	look_free(&a.look);
	look_free(&b.look);
	scan_step(t->scan);
}

static int list(struct layer_job *t, struct views *v, struct names *ret)
{
	struct layer_dir dir = {span_make(t->rel, t->n), t->no};
	int r = v->now.layer->ops->list(v->now.layer, dir, ret);

	if (r >= 0)
		r = v->base.layer->ops->list(v->base.layer, dir, ret);
	names_sort(ret);
	return r;
}

static void run(struct job *j, struct worker *w)
{
	struct layer_job *t = container_of(j, struct layer_job, job);
	NAMES struct names names = {0};
	VIEWS struct views v = {0};
	TXN struct txn *txn = NULL;
	int r = txn_begin(w->ex->store, false, &txn);

	if (r == 0)
		r = views_open_layer(t->lower, txn, &v);
	if (r == 0)
		r = list(t, &v, &names);
	if (r < 0)
		atomic_store(&t->scan->whole, false);
	for (size_t i = 0; r >= 0 && i < names.n && !w->ex->stop; i++)
		compare(t, w, &v, names_at(&names, i));
	txn_abort(take(txn));
	drop(j);
}

void layers_scan_one(struct scan *s, struct lower *l)
{
	if (atomic_load(&l->snap))
		push(s, l, (struct span){0}, (struct span){0}, 0);
}

void layers_scan(struct scan *s)
{
	for (size_t i = 0; s->kept->overlay && i < s->kept->n_lower; i++)
		layers_scan_one(s, s->kept->lower[i]);
}

/* ---- by change time ---- */

struct since_job {
	struct job job;
	struct lower *lower;
	struct scan_wait *waiting;
	struct worker *worker;
	struct views *views;
	int64_t since;
};

void layers_wait(struct scan *s)
{
	for (size_t i = 0; s->kept->overlay && i < s->kept->n_lower; i++) {
		struct lower *l = s->kept->lower[i];
		struct scan_wait *w;

		if (!atomic_load(&l->snap))
			continue;
		w = calloc(1, sizeof(*w));
		must(w);
		w->scan = scan_ref(s);
		w->next = l->waiting;
		l->waiting = w;
	}
}

static void release(struct scan_wait **list)
{
	while (*list) {
		struct scan_wait *w = *list;

		*list = w->next;
		scan_unref(w->scan);
		free(w);
	}
}

static void failed(struct scan_wait *list)
{
	for (struct scan_wait *w = list; w; w = w->next)
		atomic_store(&w->scan->whole, false);
}

void layers_let_go(struct lower *l)
{
	failed(l->waiting);
	release(&l->waiting);
}

static void since_drop(struct job *j)
{
	struct since_job *t = container_of(j, struct since_job, job);

	release(&t->waiting);
	lower_unref(t->lower);
	free(t);
}

static void since_failed(struct since_job *t)
{
	failed(t->waiting);
}

/* Everybody who stacks the layer looks at the path. */
static void since_ask(struct since_job *t, struct span below, struct span name)
{
	BUF struct buf dir = {0};

	buf_add_text(&dir, "/");
	buf_add_span(&dir, below);
	for (struct scan_wait *w = t->waiting; w; w = w->next) {
		struct ask *a = ask_new(w->scan->kept, buf_span(&dir), w->scan->started);

		ask_add(a, name, ASK_LAYER | ASK_BELOW, (struct span){0}, (struct span){0});
		ask_set_scan(a, w->scan);
		ask_submit(a, w->scan->ex);
	}
}

static bool is_recent(const struct since_job *t, int dir_fd, const char *name, int flags)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, flags | AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return (int64_t)st.st_ctim.tv_sec * CLOCK_S + st.st_ctim.tv_nsec >= t->since;
}

/* A directory that changed: what is in it and was not, or was and is not. */
static void compare_names(
	struct since_job *t, struct layer_dir dir, struct span below, struct names *here)
{
	const struct layer *stored = t->views->base.layer;
	NAMES struct names there = {0};

	if (stored->ops->list(stored, dir, &there) < 0) {
		since_failed(t);
		return;
	}
	names_sort(here);
	names_sort(&there);
	for (size_t i = 0, k = 0; i < here->n || k < there.n;) {
		int c = i == here->n   ? 1
			: k == there.n ? -1
				       : span_cmp(names_at(here, i), names_at(&there, k));

		if (c)
			since_ask(t, below, c < 0 ? names_at(here, i) : names_at(&there, k));
		i += c <= 0;
		k += c >= 0;
	}
}

static void compare_recent(
	struct since_job *t, struct layer_dir dir, struct span below, struct span name)
{
	const struct layer *disk = t->views->now.layer, *stored = t->views->base.layer;
	struct layer_entry a = {0}, b = {0};
	int ra, rb;

	dir.rel = below;
	ra = disk->ops->lookup(disk, dir, name, &a);
	rb = stored->ops->lookup(stored, dir, name, &b);
	if (ra < 0 || rb < 0) {
		since_failed(t);
	} else if (ra == 0 && rb == 0) {
		hash_entry(t->lower, t->worker, below, name, &a);
		if (!is_same(&a, &b))
			since_ask(t, below, name);
	}
	look_free(&a.look);
	look_free(&b.look);
}

static int since_visit(void *ctx, struct span below, int fd)
{
	struct since_job *t = ctx;
	NAMES struct names here = {0};
	struct layer_dir dir;
	int r = fd < 0 ? 0 : names_read(fd, NAMES_LIMIT, &here);
	bool recent = r == 0 && fd >= 0 && is_recent(t, fd, "", AT_EMPTY_PATH);

	if (r < 0)
		since_failed(t);
	if (r < 0 || fd < 0)
		return 0; /* too deep: nor is it stored */
	r = layer_dir_of(t->views->base.layer, below, &dir);
	if (r) /* new here: its parent's names told it */
		return r < 0 ? r : 0;
	for (size_t i = 0; i < here.n; i++) {
		BUF struct buf name = {0};

		buf_add_span(&name, names_at(&here, i));
		if (is_recent(t, fd, buf_text(&name), 0))
			compare_recent(t, dir, below, names_at(&here, i));
	}
	if (recent)
		compare_names(t, dir, below, &here);
	return t->worker->ex->stop;
}

static void since_run(struct job *j, struct worker *worker)
{
	struct since_job *t = container_of(j, struct since_job, job);
	const struct watch_walker v = {t, since_visit, NULL};
	VIEWS struct views views = {0};
	TXN struct txn *txn = NULL;
	int r = txn_begin(worker->ex->store, false, &txn);

	t->worker = worker;
	t->views = &views;
	if (r == 0)
		r = views_open_layer(t->lower, txn, &views);
	if (r == 0)
		r = watch_walk(t->lower->path, (struct span){0}, &v);
	if (r < 0)
		since_failed(t);
	txn_abort(take(txn));
	since_drop(j);
}

void layers_since(struct examiner *ex, struct lower *l)
{
	struct since_job *t;

	if (!l->waiting)
		return;
	t = calloc(1, sizeof(*t));
	must(t);
	t->job.run = since_run;
	t->job.drop = since_drop;
	t->lower = lower_ref(l);
	t->waiting = take(l->waiting);
	t->since = l->good;
	l->unsure = false;
	l->good = clock_wall() - CLOCK_S; /* change times may lag behind the clock by a tick */
	jobs_add(ex->jobs, JOB_SCAN, &t->job);
}
