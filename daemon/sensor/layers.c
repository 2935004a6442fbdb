#include "daemon/sensor/layers.h"
#include "base/err.h"
#include "fs/beneath.h"
#include "fs/hash.h"
#include <fcntl.h>

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
	jobs_add(s->ex->jobs, JOB_SCAN, &t->job);
}

/* What is on disk, with its content. HASH_* results other than 0 leave it without a hash. */
static void hash_entry(struct layer_job *t, struct worker *w, struct span name, struct layer_entry *e)
{
	struct hash_budget budget = {w->ex->max_bytes, w->ex->max_ns, &w->ex->stop};
	struct hash_result res;
	FD int dir = -1;

	if (e->rec.type != FILE_REG || (e->rec.ovl & OVL_METACOPY) ||
		beneath_open(t->lower->root_fd, span_make(t->rel, t->n), O_PATH | O_DIRECTORY, &dir) ||
		hash_file(dir, name, &e->look, false, &budget, w->sha, &res) != 0)
		return;
	memcpy(e->rec.sha, res.sha, SHA_LEN);
	e->rec.has_sha = true;
	atomic_fetch_add(&w->ex->stats.hashed_files, 1);
	atomic_fetch_add(&w->ex->stats.hashed_bytes, res.read);
}

static bool is_same(const struct layer_entry *disk, const struct layer_entry *stored)
{
	return record_diff(&disk->rec, &stored->rec) == 0 && disk->rec.ovl == stored->rec.ovl &&
	       span_eq(disk->rec.redirect, stored->rec.redirect);
}

static void ask(struct layer_job *t, struct span name)
{
	BUF struct buf dir = {0};
	struct ask *a;

	buf_add_text(&dir, "/");
	buf_add(&dir, t->rel, t->n);
	a = ask_new(t->scan->kept, buf_span(&dir), t->scan->started);
	ask_add(a, name, ASK_LAYER | ASK_ANNOUNCE | ASK_BELOW, (struct span){0}, (struct span){0});
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
		hash_entry(t, w, name, &a);
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

void layers_scan(struct scan *s)
{
	for (size_t i = 0; s->kept->overlay && i < s->kept->n_lower; i++)
		if (atomic_load(&s->kept->lower[i]->snap))
			push(s, s->kept->lower[i], (struct span){0}, (struct span){0}, 0);
}
