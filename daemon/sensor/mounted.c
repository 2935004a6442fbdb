#include "daemon/sensor/mounted.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/loop.h"
#include "fs/beneath.h"
#include "model/target.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

enum { OVERLAY_MAGIC = 0x794c7630, DIRS = 32, NAMES_OF_DIR = 8, ENOUGH = 8, RESOLVES = 48 };

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

/* ---- the overlay, as the container has it ---- */

/* -1: none, or not ours: its root is of another upper directory than is kept. Close it soon. */
static int open_overlay(const struct kept *k, struct stat *ret)
{
	unsigned pid = atomic_load(&k->pid);
	struct stat upper;
	struct statfs fs;
	char path[40];
	FD int fd = -1;

	if (!pid || !k->overlay || k->marks == MARKS_FUSE)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/root/.", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || (uint64_t)fs.f_type != OVERLAY_MAGIC ||
		fstat(fd, ret) < 0 || fstat(k->upper_fd, &upper) < 0 || upper.st_ino != ret->st_ino)
		return -1;
	return take_fd(&fd);
}

/* With several file systems, numbers are made up. */
static bool on_one_fs(const struct kept *k)
{
	struct stat upper, st;

	if (fstat(k->upper_fd, &upper) < 0)
		return false;
	for (size_t i = 0; i < k->n_lower; i++)
		if (fstat(k->lower[i]->root_fd, &st) < 0 || st.st_dev != upper.st_dev)
			return false;
	return true;
}

/* ---- one name ---- */

enum { SAME, OTHER, UNSURE };

/* 0; 1: nothing is there; -1: it cannot be told, or a mount is there. */
static int stat_below(int root_fd, struct span rel, dev_t dev, struct statx *ret)
{
	FD int fd = -1;
	int r = beneath_open(root_fd, rel, O_PATH | O_NOFOLLOW, &fd);

	if (r)
		return r == BENEATH_ABSENT ? 1 : -1;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret) < 0 ||
		makedev(ret->stx_dev_major, ret->stx_dev_minor) != dev ||
		ret->stx_attributes & ret->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return -1;
	return 0;
}

static int compare(int overlay, dev_t overlay_dev, const struct lower *l, struct span rel)
{
	struct statx seen, is;
	struct stat root;
	int r;

	if (fstat(l->root_fd, &root) < 0 || stat_below(l->root_fd, rel, root.st_dev, &is) != 0 ||
		!(S_ISREG(is.stx_mode) || S_ISDIR(is.stx_mode) || S_ISLNK(is.stx_mode)))
		return UNSURE;
	r = stat_below(overlay, rel, overlay_dev, &seen);
	if (r < 0)
		return UNSURE;
	return r == 0 && seen.stx_ino == is.stx_ino ? SAME : OTHER;
}

/* The layer has it at the very same place, and what it is says its own inode. */
static bool is_plain(const struct kept *k, size_t i, const struct hit *h, struct span rel)
{
	size_t n = h->dir.rel.n ? h->dir.rel.n + 1 : 0;

	if (!h->found || h->layer != i + 1 || h->metacopy || h->entry.rec.ovl ||
		h->entry.look.mount_root || rel.n != n + h->name.n)
		return false;
	if (h->entry.rec.type != FILE_DIR && h->entry.look.nlink > 1 && k->index_fd >= 0)
		return false;
	return span_eq(h->dir.rel, span_make(rel.p, h->dir.rel.n)) &&
	       span_eq(h->name, span_make(rel.p + n, h->name.n));
}

bool mounted_other(const struct kept *k, size_t i, const struct hit *now, struct span path)
{
	struct span rel = span_make(path.p + 1, path.n - 1);
	struct stat root, again;
	FD int fd = -1, alive = -1;

	if (!rel.n || !is_plain(k, i, now, rel) || !on_one_fs(k))
		return false;
	fd = open_overlay(k, &root);
	if (fd < 0 || compare(fd, root.st_dev, k->lower[i], rel) != OTHER)
		return false;
	/* A container that ends lets go of its layers, and others may take them away. */
	alive = open_overlay(k, &again);
	return alive >= 0 && again.st_dev == root.st_dev;
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
	HIT struct hit h = {0};
	BUF struct buf path = {0};
	int c = compare(t->overlay, t->dev, t->k->lower[t->i], rel);

	t->n_same += c == SAME;
	if (c != OTHER || t->n_resolved >= RESOLVES)
		return;
	t->n_resolved++;
	buf_add_text(&path, "/");
	buf_add_span(&path, rel);
	if (view_resolve(&t->v->now, buf_span(&path), &h) != 0 || !is_plain(t->k, t->i, &h, rel) ||
		!is_as_stored(&h, stored) ||
		compare(t->overlay, t->dev, t->k->lower[t->i], rel) != OTHER)
		return;
	buf_add_span(&t->witness, buf_span(&path));
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

/* Is what the container has of layer `i` another? Then witness is not empty. */
static void try_layer(struct trying *t)
{
	t->n_same = t->n_resolved = 0;
	t->n_dirs = 1;
	t->dir[0] = (struct dir){.no = 0};
	buf_reset(&t->witness);
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

static void tell(struct kept *k, const struct found *f, struct examiner *ex)
{
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
	if (!other && (atomic_exchange(&k->blind, false) || !atomic_exchange(&k->looked, true)))
		gap(k, NULL, (struct span){0}, ex);
	if (other)
		atomic_store(&k->blind, true);
}

static void look(struct kept *k, struct found *f, struct worker *w)
{
	struct trying *t = calloc(1, sizeof(*t));
	VIEWS struct views v = {0};
	TXN struct txn *txn = NULL;
	struct stat root;
	FD int fd = open_overlay(k, &root);
	bool one = on_one_fs(k) && kept_is_baselined(k), any = false;

	must(t);
	*t = (struct trying){.k = k, .v = &v, .overlay = fd, .dice = (uint64_t)clock_mono() | 1};
	if (fd < 0 && atomic_load(&k->pid)) {
		free(t);
		return; /* nothing can be told, and nothing is */
	}
	t->dev = fd < 0 ? 0 : root.st_dev;
	if (fd >= 0 && one)
		one = txn_begin(w->ex->store, false, &txn) == 0 && views_open(k, txn, &v) == 0;
	for (t->i = 0; fd >= 0 && t->i < k->n_lower && !w->ex->stop; t->i++) {
		f[t->i].moved = has_moved(k->lower[t->i]) || bit_get(k->relinked, t->i);
		if (one && t->i < k->n_lower - k->n_data)
			try_layer(t);
		f[t->i].other = t->witness.n > 0;
		f[t->i].witness = buf_take(&t->witness);
		any |= f[t->i].moved || f[t->i].other;
	}
	fd_close(&fd);
	/* A container that ended meanwhile had let go of its layers. */
	fd = any ? open_overlay(k, &root) : -1;
	if (!w->ex->stop && (!any || (fd >= 0 && root.st_dev == t->dev)))
		tell(k, f, w->ex);
	free(t);
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
