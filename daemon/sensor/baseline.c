#include "daemon/sensor/baseline.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/sensor/pkgcheck.h"
#include "daemon/sensor/proof.h"
#include "fs/beneath.h"
#include "fs/hash.h"
#include "store/snapshot.h"
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH_NAMES = 64, LANE_ENOUGH = 48, NAMES_LIMIT = 4 * 1000 * 1000 };

struct pending_dir {
	struct pending_dir *next;
	uint32_t no;
	size_t n;
	char rel[];
};

struct baseline {
	struct job job; /* the lister; it comes back until no directory is left */
	atomic_uint refs;
	struct examiner *ex;
	struct lower *lower;
	struct kept *tree;
	int bell;
	atomic_bool *busy;
	atomic_ullong *files;
	struct pending_dir *head, **tail;
	uint32_t next_no;
	enum snap_line line;
	enum job_lane lane;
	uint64_t serial, n_batches;
	atomic_ullong bytes, n;
	atomic_int failed;
	char why[256];
	atomic_flag why_taken;
	bool begun;
	int64_t began;
	struct pkgcheck *packages; /* the host's alone; NULL: there are none */
	struct proof *proof;	   /* a layer's alone */
	struct proof_image image;
};

struct batch_job {
	struct job job;
	struct baseline *b;
	uint64_t index;
	uint32_t dir;
	struct span rel;
	struct names names; /* its own copy */
	uint32_t *sub;	    /* numbers given to directories; 0: none */
	const struct proof_want
		*want[BATCH_NAMES]; /* what the image says of each; NULL: nobody knows */
	char relmem[];
};

static void fail(struct baseline *b, int code, const char *why)
{
	if (!atomic_flag_test_and_set(&b->why_taken))
		snprintf(b->why, sizeof(b->why), "%s", why);
	atomic_store(&b->failed, code);
}

/* How long it took is worth a line: no container ever takes as long. And what it took of memory goes back. */
static void tell_host(const struct baseline *b, struct item_snap_end *e)
{
	if (!e->failed)
		log_note("%s: %llu files, %llu MiB, hashed in %lld s%s%s", b->tree->name,
			(unsigned long long)atomic_load(&b->n),
			(unsigned long long)atomic_load(&b->bytes) >> 20,
			(long long)((clock_mono() - b->began) / CLOCK_S), e->words.n ? "; " : "",
			buf_text(&e->words));
	malloc_trim(0);
}

static void finish(struct baseline *b)
{
	struct item_snap_end *e = calloc(1, sizeof(*e));
	uint64_t one = 1;

	must(e);
	e->item.kind = ITEM_SNAP_END;
	e->line = b->line;
	e->lower = b->lower;
	e->tree = b->tree;
	e->serial = b->serial;
	e->n_batches = b->n_batches;
	e->failed = atomic_load(&b->failed);
	if (!e->failed && (b->ex->stop || (b->tree && atomic_load(&b->tree->gone))))
		e->failed = -ECANCELED;
	e->why = e->failed ? strdup(b->why) : NULL;
	if (!e->failed)
		pkgcheck_sum(b->packages, &e->odds, &e->words);
	pkgcheck_free(b->packages);
	if (!e->failed && b->proof) {
		struct verdict v;

		proof_verdict(b->proof, &v);
		verdict_encode(&v, &e->verdict);
	}
	layer_proof_free(b->proof);
	if (b->line == LINE_HOST)
		tell_host(b, e);
	examiner_push(b->ex, &e->item);
	atomic_store(b->busy, false);
	if (write(b->bell, &one, sizeof(one)) < 0)
		must(errno == EAGAIN);
	while (b->head) {
		struct pending_dir *next = b->head->next;

		free(b->head);
		b->head = next;
	}
	free(b);
}

static void baseline_unref(struct baseline *b)
{
	if (atomic_fetch_sub(&b->refs, 1) == 1)
		finish(b);
}

static void batch_free(struct job *j)
{
	struct batch_job *t = container_of(j, struct batch_job, job);

	names_free(&t->names);
	free(t->sub);
	baseline_unref(t->b);
	free(t);
}

/* ---- a batch: look, hash, encode ---- */

static struct slot keep(struct item_snap_batch *it, struct span s)
{
	struct slot at = {(uint32_t)it->mem.n, (uint32_t)s.n};

	buf_add_span(&it->mem, s);
	must(!it->mem.err);
	return at;
}

static bool is_packaged(struct batch_job *t, struct worker *w, struct span name, struct buf *path,
	struct digests_hit *ret)
{
	buf_add_text(path, "/");
	buf_add_span(path, t->rel);
	buf_add_text(path, t->rel.n ? "/" : "");
	buf_add_span(path, name);
	return pkgcheck_begin(t->b->packages, buf_span(path), w->sha, ret);
}

/* fd >= 0: the file, open already. */
static void hash_row(struct batch_job *t, struct worker *w, int dir_fd, int fd, struct span name,
	struct look *l, struct item_snap_batch *it, struct snap_row *row)
{
	struct hash_budget budget = {w->ex->max_bytes, w->ex->max_ns, &w->ex->stop, 0, false};
	struct hash_result res = {0};
	BUF struct buf path = {0};
	struct digests_hit hit;
	bool packaged = t->b->packages && is_packaged(t, w, name, &path, &hit);
	int r = fd >= 0 ? hash_fd(fd, &budget, w->sha, &res)
			: hash_file(dir_fd, name, l, false, &budget, w->sha, &res);

	sha_also_md5(w->sha, false);
	sha_also_sha1(w->sha, false);
	if (r == 0) {
		memcpy(l->rec.sha, res.sha, SHA_LEN);
		l->rec.has_sha = true;
		if (packaged)
			pkgcheck_end(t->b->packages, &hit, buf_span(&path), t->dir, name, &l->rec,
				w->sha);
		it->bytes += res.size;
		row->has_seen = t->b->tree && !res.racy;
		row->seen = (struct seen){.ino = l->ino,
			.size = l->rec.size,
			.mtime = l->rec.mtime,
			.ctime = l->ctime,
			.btime = l->btime};
		memcpy(row->seen.sha, res.sha, SHA_LEN);
	} else if (!it->unreadable++) {
		it->worst = keep(it, name);
	}
}

static struct layer layer_of(const struct baseline *b)
{
	return (struct layer){
		.ops = &layer_disk_ops, .root_fd = b->lower->root_fd, .marks = b->lower->marks};
}

/* fuse-overlayfs writes down what is deleted as files beside it: these are no names of the layer. */
static int look_fuse(struct batch_job *t, struct span name, struct look *l)
{
	struct layer on = layer_of(t->b);
	struct layer_entry e = {.look.mem = l->mem};
	int r = on.ops->lookup(&on, (struct layer_dir){.rel = t->rel}, name, &e);

	*l = e.look;
	l->rec = e.rec;
	return r;
}

static int look_row(struct batch_job *t, int dir_fd, size_t i, struct look *l, int *ret_fd)
{
	struct span name = names_at(&t->names, i);
	enum look_marks marks = t->b->lower->marks;

	if (marks == MARKS_FUSE)
		return look_fuse(t, name, l);
	/* A layer's file is opened once; a tree that its users write into gets the careful way. */
	if (!t->b->tree && t->names.v[i].type == DT_REG &&
		look_open(dir_fd, name, marks, l, ret_fd) == 0)
		return 0;
	return look_at(dir_fd, name, marks, l);
}

/* What is there: looked at and read, unless the proof has done that. False: nothing is. */
static bool see_row(struct batch_job *t, struct worker *w, int dir_fd, size_t i, struct look *l,
	struct item_snap_batch *it)
{
	struct snap_row *row = &it->row[it->n_rows];
	FD int fd = -1;

	if (t->want[i] && dir_fd >= 0 && proof_has(t->want[i], dir_fd, &l->rec)) {
		it->bytes += l->rec.size;
		return true;
	}
	if (dir_fd < 0 || look_row(t, dir_fd, i, l, &fd) != 0)
		return false;
	if (l->rec.type == FILE_REG && !(l->rec.ovl & OVL_METACOPY))
		hash_row(t, w, dir_fd, fd, names_at(&t->names, i), l, it, row);
	return true;
}

/* What the snapshot is to have: what is there, or what the image says where that is something else. */
static bool decide_row(struct batch_job *t, bool there, size_t i, struct record *rec)
{
	struct proof *p = t->b->proof;
	const struct proof_want *want = t->want[i];

	if (!want)
		return there;
	if (there)
		proof_judge(p, want, rec);
	else if (proof_is_loose(p))
		return false;
	else
		proof_missing(p, want, rec);
	return true;
}

static void add_row(struct batch_job *t, struct worker *w, int dir_fd, size_t i, struct look *l,
	struct item_snap_batch *it)
{
	struct snap_row *row = &it->row[it->n_rows];
	struct span name = names_at(&t->names, i);
	size_t at;

	*row = (struct snap_row){0};
	if (!decide_row(t, see_row(t, w, dir_fd, i, l, it), i, &l->rec))
		return; /* gone meanwhile: it is not there */
	row->sub_dir = l->rec.type == FILE_DIR ? t->sub[i] : 0;
	row->name = keep(it, name);
	at = it->mem.n;
	must(record_encode(&l->rec, &it->mem) == 0);
	row->rec = (struct slot){(uint32_t)at, (uint32_t)(it->mem.n - at)};
	it->n_rows++;
}

static void check_limits(struct baseline *b, const struct item_snap_batch *it)
{
	uint64_t n = atomic_fetch_add(&b->n, it->n_rows) + it->n_rows;
	uint64_t bytes = atomic_fetch_add(&b->bytes, it->bytes) + it->bytes;
	const struct kept *k = b->tree;

	atomic_fetch_add(b->files, it->n_rows);
	if (k && ((k->max_files && n > k->max_files) || (k->max_bytes && bytes > k->max_bytes)))
		fail(b, -EFBIG,
			"more than volumes.max_files or volumes.max_bytes: not kept; raise the "
			"limit, or exclude it");
}

static void batch_run(struct job *j, struct worker *w)
{
	struct batch_job *t = container_of(j, struct batch_job, job);
	struct item_snap_batch *it = calloc(1, sizeof(*it));
	LOOK struct look l = {0};
	FD int dir = -1;

	must(it);
	it->item.kind = ITEM_SNAP_BATCH;
	it->line = t->b->line;
	it->lower = lower_ref(t->b->lower);
	it->serial = t->b->serial;
	it->index = t->index;
	it->dir = t->dir;
	it->row = calloc(t->names.n, sizeof(*it->row));
	must(it->row);
	if (!atomic_load(&t->b->failed) && !w->ex->stop) {
		/* Where no directory is any more, the image's names are all missing. */
		int r = beneath_open(t->b->lower->root_fd, t->rel, O_PATH | O_DIRECTORY, &dir);

		for (size_t i = 0; r >= 0 && i < t->names.n && !w->ex->stop; i++)
			if (r == 0 || t->want[i])
				add_row(t, w, dir, i, &l, it);
		check_limits(t->b, it);
	}
	examiner_push(w->ex, &it->item);
	batch_free(j);
}

/* ---- the lister ---- */

static void queue_dir(struct baseline *b, struct span parent, struct span name, uint32_t no)
{
	struct pending_dir *d = malloc(sizeof(*d) + parent.n + name.n + 2);

	must(d);
	d->next = NULL;
	d->no = no;
	d->n = 0;
	if (parent.n) {
		memcpy(d->rel, parent.p, parent.n);
		d->n = parent.n;
		d->rel[d->n++] = '/';
	}
	if (name.n)
		memcpy(d->rel + d->n, name.p, name.n);
	d->n += name.n;
	if (beneath_too_deep(span_make(d->rel, d->n))) {
		if (b->proof) /* a tree's watch tells it */
			proof_too_deep(b->proof, span_make(d->rel, d->n));
		free(d);
		return;
	}
	*b->tail = d;
	b->tail = &d->next;
}

static struct batch_job *batch_new(struct baseline *b, uint32_t dir, struct span rel)
{
	struct batch_job *t = calloc(1, sizeof(*t) + rel.n + 1);

	must(t);
	t->job.run = batch_run;
	t->job.drop = batch_free;
	t->b = b;
	atomic_fetch_add(&b->refs, 1);
	t->index = b->n_batches++;
	t->dir = dir;
	if (rel.n)
		memcpy(t->relmem, rel.p, rel.n);
	t->rel = span_make(t->relmem, rel.n);
	t->sub = calloc(BATCH_NAMES, sizeof(*t->sub));
	must(t->sub);
	return t;
}

/* When enough waits, the lister does it itself: no lane grows without bound. */
static void batch_submit(struct batch_job *t, struct worker *w)
{
	if (jobs_len(w->ex->jobs, t->b->lane) < LANE_ENOUGH)
		jobs_add(w->ex->jobs, t->b->lane, &t->job);
	else
		batch_run(&t->job, w);
}

static bool is_excluded(struct baseline *b, struct span rel, struct span name)
{
	BUF struct buf path = {0};

	if (!b->tree || !kept_excludes(b->tree))
		return false;
	buf_add_text(&path, "/");
	buf_add_span(&path, rel);
	if (rel.n)
		buf_add_text(&path, "/");
	buf_add_span(&path, name);
	return kept_is_excluded(b->tree, buf_span(&path));
}

/* One more name, `want` being what the image says of it. Directories are what the snapshot has as such. */
static void list_name(struct baseline *b, struct worker *w, const struct pending_dir *d,
	struct batch_job **at, struct span name, uint8_t type, const struct proof_want *want)
{
	struct span rel = span_make(d->rel, d->n);
	struct batch_job *t = *at;

	if (!t)
		t = *at = batch_new(b, d->no, rel);
	if (want ? want->rec.type == FILE_DIR : type == DT_DIR) {
		t->sub[t->names.n] = b->next_no;
		queue_dir(b, rel, name, b->next_no++);
	}
	t->want[t->names.n] = want;
	must(names_add(&t->names, name, type) == 0);
	if (t->names.n == BATCH_NAMES) {
		batch_submit(t, w);
		*at = NULL;
	}
}

/* The names that are there, and those that the image has. Both lists are in order of bytes. */
static void list_names(struct baseline *b, struct worker *w, const struct pending_dir *d,
	const struct names *names)
{
	struct span rel = span_make(d->rel, d->n);
	struct batch_job *t = NULL;
	const struct proof_want *const *want = NULL;
	size_t n = proof_knows(b->proof) ? proof_list(b->proof, rel, &want) : 0, at = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct span name = names_at(names, i);
		const struct proof_want *is = NULL;

		for (; at < n && span_cmp(proof_name(want[at]), name) < 0; at++)
			list_name(b, w, d, &t, proof_name(want[at]), DT_UNKNOWN, want[at]);
		if (at < n && span_eq(proof_name(want[at]), name))
			is = want[at++];
		if (!is && proof_knows(b->proof))
			proof_planted(b->proof, rel, name);
		else if (is || !is_excluded(b, rel, name))
			list_name(b, w, d, &t, name, names->v[i].type, is);
	}
	for (; at < n; at++)
		list_name(b, w, d, &t, proof_name(want[at]), DT_UNKNOWN, want[at]);
	if (t)
		batch_submit(t, w);
}

/* > 0: gone, or another file system begins here. */
static int read_dir(struct baseline *b, struct span rel, struct names *ret)
{
	struct layer on = layer_of(b);
	FD int fd = -1;
	int r;

	if (on.marks == MARKS_FUSE)
		return on.ops->list(&on, (struct layer_dir){.rel = rel}, ret);
	r = beneath_open(on.root_fd, rel, O_RDONLY | O_DIRECTORY, &fd);
	return r ? r : names_read(fd, NAMES_LIMIT, ret);
}

static void list_dir(struct baseline *b, struct worker *w, const struct pending_dir *d)
{
	NAMES struct names names = {0};
	int r = read_dir(b, span_make(d->rel, d->n), &names);

	if (r > 0 && !proof_knows(b->proof))
		return;
	if (r < 0) {
		fail(b, r, err_why());
		return;
	}
	names_sort(&names);
	list_names(b, w, d, &names);
}

static void lister_drop(struct job *j)
{
	baseline_unref(container_of(j, struct baseline, job));
}

/* The root's own record: directory 0, the empty name. */
static void root_batch(struct baseline *b)
{
	struct batch_job *t = batch_new(b, 0, (struct span){0});

	must(names_add(&t->names, span_of(""), DT_DIR) == 0);
	t->sub[0] = SNAP_ROOT_DIR;
	t->want[0] = proof_knows(b->proof) ? proof_root(b->proof) : NULL;
	b->next_no = SNAP_ROOT_DIR + 1;
	queue_dir(b, (struct span){0}, (struct span){0}, SNAP_ROOT_DIR);
	jobs_add(b->ex->jobs, b->lane, &t->job);
}

/* The layer's files are read here, once for its image's digest and for theirs. */
static void prove(struct baseline *b)
{
	struct proof_options opt = {
		.max_bytes = b->ex->max_bytes,
		.stop = &b->ex->stop,
		.store = b->ex->store,
		.image = b->image,
	};

	if (!b->tree)
		b->proof = layer_proof_new(b->lower, &opt);
}

/* By the same lane as the batches, so that it comes before them and after the layer before. */
static void begin(struct baseline *b)
{
	struct item_snap_begin *i = calloc(1, sizeof(*i));

	must(i);
	i->item.kind = ITEM_SNAP_BEGIN;
	i->line = b->line;
	i->lower = lower_ref(b->lower);
	i->serial = b->serial;
	i->tree = b->tree ? kept_ref(b->tree) : NULL;
	examiner_push(b->ex, &i->item);
	prove(b);
	root_batch(b);
	b->begun = true;
	b->began = clock_mono();
	if (b->line == LINE_HOST)
		b->packages = pkgcheck_new(b->tree, b->lower, &b->ex->stop);
}

static void lister_run(struct job *j, struct worker *w)
{
	struct baseline *b = container_of(j, struct baseline, job);
	struct pending_dir *d;

	if (!b->begun)
		begin(b);
	d = b->head;
	if (!d || b->ex->stop || atomic_load(&b->failed) ||
		(b->tree && atomic_load(&b->tree->gone))) {
		baseline_unref(b);
		return;
	}
	b->head = d->next;
	if (!b->head)
		b->tail = &b->head;
	list_dir(b, w, d);
	free(d);
	jobs_add(w->ex->jobs, b->lane, j);
}

void baseline_begin(struct examiner *ex, struct lower *l, const struct baseline_options *opt)
{
	struct baseline *b = calloc(1, sizeof(*b));

	must(b);
	atomic_init(&b->refs, 1);
	atomic_flag_clear(&b->why_taken);
	b->job.run = lister_run;
	b->job.drop = lister_drop;
	b->ex = ex;
	b->lower = lower_ref(l);
	b->tree = opt->tree ? kept_ref(opt->tree) : NULL;
	b->image = opt->image;
	b->line = opt->line;
	b->lane = opt->line == LINE_HOST ? JOB_HOST : JOB_BASELINE;
	b->serial = opt->serial;
	b->bell = opt->bell;
	b->busy = opt->busy;
	b->files = opt->files;
	b->tail = &b->head;
	jobs_add(ex->jobs, b->lane, &b->job);
}
