#include "daemon/sensor/mounted.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/shown.h"
#include "model/target.h"
#include "store/targets.h"
#include <stdlib.h>
#include <sys/stat.h>

enum {
	OVERLAY_MAGIC = 0x794c7630,
	DIRS = 32,
	NAMES_OF_DIR = 8,
	ENOUGH = 8,
	RESOLVES = 48,
	KNOWN = 16
};

/* ---- which of a target's layers are another; lower->elsewhere counts the targets ---- */

static bool bit_get(const _Atomic(uint64_t) *set, size_t i)
{
	return i < KEPT_BITS && atomic_load(&set[i / 64]) >> i % 64 & 1;
}

/* What it was. */
static bool bit_set(_Atomic(uint64_t) *set, size_t i, bool on)
{
	uint64_t bit = UINT64_C(1) << i % 64;

	if (i >= KEPT_BITS)
		return on;
	return (on ? atomic_fetch_or(&set[i / 64], bit) : atomic_fetch_and(&set[i / 64], ~bit)) &
	       bit;
}

/* True: it is another than it was said to be. */
static bool say(struct kept *k, size_t i, bool elsewhere)
{
	if (bit_set(k->elsewhere, i, elsewhere) == elsewhere)
		return false;
	atomic_fetch_add(&k->lower[i]->elsewhere, elsewhere ? 1u : -1u);
	return true;
}

/* ---- names to try: of the layer's snapshot, here and there in it ---- */

struct trying {
	struct kept *k;
	struct views *v;
	size_t i;
	int overlay;
	dev_t dev;
	unsigned n_same, n_resolved;
	uint64_t dice;
	struct buf witness; /* the path that betrays it */
	struct dir {
		struct buf rel;
		uint32_t no;
	} dir[DIRS];
	size_t n_dirs;
};

static size_t throw_dice(struct trying *t, size_t n)
{
	t->dice ^= t->dice << 13;
	t->dice ^= t->dice >> 7;
	t->dice ^= t->dice << 17;
	return (size_t)(t->dice % n);
}

/* Not where something in the layer was changed: that is told as such, with its name. */
static bool is_as_stored(const struct hit *h, const struct record *stored)
{
	struct record a = h->entry.rec, b = *stored;

	a.has_sha = b.has_sha = false;
	return record_diff(&a, &b) == 0 && !record_marks_differ(&a, &b);
}

static void try_name(struct trying *t, struct span rel, const struct record *stored)
{
	HIT struct hit h = {0}, base = {0};
	BUF struct buf path = {0};
	int c = mounted_compare(t->overlay, t->dev, t->k->lower[t->i], rel);

	t->n_same += c == MOUNTED_SAME;
	if (c != MOUNTED_OTHER || t->n_resolved >= RESOLVES)
		return;
	t->n_resolved++;
	buf_add_text(&path, "/");
	buf_add_span(&path, rel);
	if (view_resolve(&t->v->now, buf_span(&path), &h) != 0 ||
		!mounted_is_plain(t->k, t->i, &h, rel) || !is_as_stored(&h, stored) ||
		view_resolve(&t->v->base, buf_span(&path), &base) != 0 ||
		!view_same_object(&t->v->now, &h, &t->v->base, &base) ||
		mounted_compare(t->overlay, t->dev, t->k->lower[t->i], rel) != MOUNTED_OTHER)
		return;
	buf_add_span(&t->witness, buf_span(&path));
}

static void try_known(struct trying *t, struct span known)
{
	const struct layer *l = &t->v->base.layer[t->i];
	struct rd at = rd_of(known);

	while (!rd_end(&at) && !t->witness.n) {
		struct span path = rd_bytes(&at);
		struct layer_entry e = {0};
		struct layer_dir dir;
		size_t cut = path.n;

		while (cut > 1 && path.p[cut - 1] != '/')
			cut--;
		if (layer_dir_of(l, span_make(path.p + 1, cut > 1 ? cut - 2 : 0), &dir) == 0 &&
			l->ops->lookup(l, dir, span_make(path.p + cut, path.n - cut), &e) == 0)
			try_name(t, span_make(path.p + 1, path.n - 1), &e.rec);
		look_free(&e.look);
	}
}

static void try_in(struct trying *t, struct dir *d)
{
	const struct layer *l = &t->v->base.layer[t->i];
	struct layer_dir at = {buf_span(&d->rel), d->no};
	NAMES struct names names = {0};

	if (l->ops->list(l, at, &names) < 0)
		return;
	for (size_t n = 0; n < NAMES_OF_DIR && names.n && !t->witness.n; n++) {
		size_t pick = throw_dice(t, names.n);
		struct span name = names_at(&names, pick);
		struct layer_entry e = {0};
		BUF struct buf rel = {0};

		buf_add_span(&rel, at.rel);
		buf_add_text(&rel, rel.n ? "/" : "");
		buf_add_span(&rel, name);
		if (l->ops->lookup(l, at, name, &e) == 0)
			try_name(t, buf_span(&rel), &e.rec);
		if (e.rec.type == FILE_DIR && t->n_dirs < DIRS)
			t->dir[t->n_dirs++] = (struct dir){buf_take(&rel), e.sub_dir};
		look_free(&e.look);
		names.v[pick] = names.v[--names.n];
	}
}

/* Is what the container has of layer `i` another? Then witness is not empty. By what was told already, if it can be. */
static void try_layer(struct trying *t, struct span known)
{
	t->n_same = t->n_resolved = 0;
	t->n_dirs = 1;
	t->dir[0] = (struct dir){.no = 0};
	try_known(t, known);
	for (size_t done = 0;
		done < t->n_dirs && t->n_same < ENOUGH && t->n_resolved < RESOLVES && !t->witness.n;
		done++)
		try_in(t, &t->dir[done]);
	for (size_t n = 0; n < t->n_dirs; n++)
		buf_free(&t->dir[n].rel);
}

/* ---- all layers ---- */

/* The path shows another directory than the one that is held, or none. */
static bool has_moved(const struct lower *l)
{
	struct stat held, at_path;

	if (fstat(l->root_fd, &held) < 0)
		return false;
	return stat(l->path, &at_path) < 0
		       ? errno == ENOENT || errno == ENOTDIR
		       : held.st_ino != at_path.st_ino || held.st_dev != at_path.st_dev;
}

static void ask(struct kept *k, struct span path, struct examiner *ex)
{
	size_t cut = path.n;
	struct ask *a;

	while (cut > 1 && path.p[cut - 1] != '/')
		cut--;
	a = ask_new(k, cut > 1 ? span_make(path.p, cut - 1) : span_of("/"), clock_wall());
	ask_add(a, span_make(path.p + cut, path.n - cut), ASK_LAYER, (struct span){0},
		(struct span){0});
	ask_submit(a, ex);
}

/* The verdict as it is stored, once more: the ledger knows what it is worth now. */
static void judge_again(struct lower *l, struct examiner *ex)
{
	struct item_proved *it = calloc(1, sizeof(*it));

	must(it);
	it->item.kind = ITEM_PROVED;
	it->asker = -1;
	it->lower = lower_ref(l);
	it->snap = atomic_load(&l->snap);
	examiner_push(ex, &it->item);
}

static void gap(struct kept *k, const struct lower *l, struct span witness, struct examiner *ex)
{
	struct item_gap *g = calloc(1, sizeof(*g));

	must(g);
	g->item.kind = ITEM_GAP;
	g->kept = kept_ref(k);
	g->cause = GAP_UNREADABLE;
	g->from = g->told = clock_wall();
	g->over = !l;
	if (l) {
		buf_printf(&g->detail,
			"what it has mounted of layer %s is not what lies there, and cannot be seen: ",
			l->path);
		buf_add_span(&g->detail, witness);
		buf_add_text(&g->detail, " is another");
	}
	examiner_push(ex, &g->item);
}

/* What is to be said of each layer when all have been looked at. */
struct found {
	bool moved, other;
	struct buf witness;
};

static void tell(struct kept *k, const struct found *f, struct span known, struct examiner *ex)
{
	struct rd at = rd_of(known);
	bool other = false;

	for (size_t i = 0; i < k->n_lower; i++) {
		bool fresh = say(k, i, f[i].moved || f[i].other);

		if (fresh && (f[i].moved || f[i].other))
			judge_again(k->lower[i], ex);
		if (f[i].other && !other)
			gap(k, k->lower[i], buf_span(&f[i].witness), ex);
		if (f[i].other && fresh)
			ask(k, buf_span(&f[i].witness), ex);
		other |= f[i].other;
	}
	/* What an earlier life had told of may be over, too. */
	if (!other && (atomic_exchange(&k->blind, false) || !atomic_exchange(&k->looked, true))) {
		gap(k, NULL, (struct span){0}, ex);
		while (!rd_end(&at))
			ask(k, rd_bytes(&at), ex);
	}
	if (other)
		atomic_store(&k->blind, true);
}

/* Paths at which a layer is told to be otherwise. */
struct knowing {
	struct buf *paths;
	size_t n;
};

static int know(void *ctx, const struct change *c)
{
	struct knowing *g = ctx;

	if (c->aspects & 1u << ASPECT_LAYER && c->path.n > 1 && g->n++ < KNOWN)
		buf_bytes(g->paths, c->path);
	return g->paths->err;
}

static bool open_views(
	struct kept *k, struct worker *w, struct txn **txn, struct views *v, struct buf *known)
{
	struct knowing g = {.paths = known};
	uint32_t no = atomic_load(&k->no);

	return txn_begin(w->ex->store, false, txn) == 0 && views_open(k, *txn, v) == 0 &&
	       (!no || drift_each(*txn, no, span_of("/"), know, &g) >= 0);
}

static void look_at_each(struct trying *t, bool compare, struct span known, struct found *f)
{
	struct kept *k = t->k;

	for (t->i = 0; t->i < k->n_lower; t->i++) {
		f[t->i].moved = has_moved(k->lower[t->i]) || bit_get(k->relinked, t->i);
		if (compare && t->i < k->n_lower - k->n_data)
			try_layer(t, known);
		f[t->i].other = t->witness.n > 0;
		f[t->i].witness = buf_take(&t->witness);
	}
}

static bool is_any(const struct kept *k, const struct found *f)
{
	bool any = false;

	for (size_t i = 0; i < k->n_lower; i++)
		any |= f[i].moved || f[i].other;
	return any;
}

static void look(struct kept *k, struct found *f, struct worker *w)
{
	FREE struct trying *t = calloc(1, sizeof(*t));
	BUF struct buf known = {0};
	VIEWS struct views v = {0};
	TXN struct txn *txn = NULL;
	bool views = open_views(k, w, &txn, &v, &known);
	struct stat root, again;
	FD int fd = mounted_open(k, &root);

	must(t);
	if (fd < 0 && atomic_load(&k->pid))
		return; /* nothing can be told, and nothing is */
	*t = (struct trying){.k = k,
		.v = &v,
		.overlay = fd,
		.dev = fd < 0 ? 0 : root.st_dev,
		.dice = (uint64_t)clock_mono() | 1};
	if (fd >= 0)
		look_at_each(t, views && mounted_on_one_fs(k) && kept_is_baselined(k),
			buf_span(&known), f);
	fd_close(&fd);
	/* A container that ended meanwhile had let go of its layers. */
	if (is_any(k, f)) {
		fd = mounted_open(k, &again);
		if (fd < 0 || again.st_dev != root.st_dev)
			return;
	}
	if (!w->ex->stop)
		tell(k, f, buf_span(&known), w->ex);
}

bool mounted_look_now(struct kept *k, struct worker *w)
{
	bool any = false;
	struct found *f;

	if (!k->overlay || atomic_load(&k->gone) || !k->n_lower)
		return false;
	f = calloc(k->n_lower, sizeof(*f));
	must(f);
	look(k, f, w);
	for (size_t i = 0; i < k->n_lower; i++) {
		any |= bit_get(k->elsewhere, i);
		buf_free(&f[i].witness);
	}
	free(f);
	return any;
}

/* ---- as a job ---- */

struct mounted_job {
	struct job job;
	struct kept *kept;
	struct scan *scan; /* NULL: none */
};

static void drop(struct job *j)
{
	struct mounted_job *t = container_of(j, struct mounted_job, job);

	scan_unref(t->scan);
	kept_unref(t->kept);
	free(t);
}

static void run(struct job *j, struct worker *w)
{
	struct mounted_job *t = container_of(j, struct mounted_job, job);

	atomic_store(&t->kept->look_waits, false);
	mounted_look_now(t->kept, w);
	drop(j);
}

static void submit(struct examiner *ex, struct kept *k, struct scan *s)
{
	struct mounted_job *t;

	if (!k->overlay || (!s && atomic_exchange(&k->look_waits, true)))
		return;
	t = calloc(1, sizeof(*t));
	must(t);
	t->job.run = run;
	t->job.drop = drop;
	t->kept = kept_ref(k);
	t->scan = s ? scan_ref(s) : NULL;
	jobs_add(ex->jobs, JOB_SCAN, &t->job);
}

void mounted_look(struct examiner *ex, struct kept *k)
{
	submit(ex, k, NULL);
}

void mounted_scan(struct scan *s)
{
	submit(s->ex, s->kept, s);
}

/* ---- on the loop ---- */

static bool stacks(const struct kept *k, const struct lower *l)
{
	for (size_t i = 0; k->overlay && i < k->n_lower; i++)
		if (k->lower[i] == l)
			return true;
	return false;
}

void mounted_look_layer(struct sensor *s, const struct lower *l)
{
	for (struct reg *r = s->reg.regs; r; r = r->next)
		if (stacks(r->kept, l))
			mounted_look(&s->ex, r->kept);
}

void mounted_round(struct sensor *s)
{
	for (struct layer_row *row = s->reg.layers; row; row = row->next) {
		bool moved = has_moved(row->lower);

		if (moved != row->moved)
			mounted_look_layer(s, row->lower);
		row->moved = moved;
	}
}

void mounted_follow(struct sensor *s, struct kept *k, struct span lowers)
{
	struct rd at = rd_of(lowers);
	struct span path;
	bool fresh = false;

	for (size_t i = 0; k->overlay && i < k->n_lower && target_next_path(&at, &path); i++) {
		FREE char *text = span_dup(path);
		struct stat is, held;
		bool other = !span_is(path, k->lower[i]->path) && stat(text, &is) == 0 &&
			     fstat(k->lower[i]->root_fd, &held) == 0 &&
			     (is.st_ino != held.st_ino || is.st_dev != held.st_dev);

		fresh |= bit_set(k->relinked, i, other) != other;
	}
	if (fresh)
		mounted_look(&s->ex, k);
}
