#include "daemon/sensor/links.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/watch_walk.h"
#include "fs/beneath.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON (50 * CLOCK_MS)
#define RARELY (60 * CLOCK_S)
enum {
	REST = 20,
	NAMES_LIMIT = 8 << 20
}; /* a walk takes at most one part in REST of a worker's time */

struct link_wish {
	struct link_wish *next;
	uint64_t ino;
	int64_t when;
	size_t n;
	uint8_t actor[];
};

static struct link_wish *wish_new(uint64_t ino, int64_t when, struct span actor)
{
	struct link_wish *w = calloc(1, sizeof(*w) + actor.n);

	must(w);
	w->ino = ino;
	w->when = when;
	w->n = actor.n;
	if (actor.n)
		memcpy(w->actor, actor.p, actor.n);
	return w;
}

static void wishes_free(struct link_wish **w)
{
	while (*w) {
		struct link_wish *next = (*w)->next;

		free(*w);
		*w = next;
	}
}

/* ---- one search ---- */

struct search {
	struct examiner *ex;
	struct kept *kept;
	struct scan *scan; /* whose part it is; NULL: none */
	struct link_wish *list;
	struct link_wish **by_ino; /* the newest of each number */
	size_t n;
	bool whole;
};

static int ino_cmp(const void *a, const void *b)
{
	const struct link_wish *x = *(struct link_wish *const *)a,
			       *y = *(struct link_wish *const *)b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void sort(struct search *s)
{
	size_t n = 0, kept = 0;

	for (struct link_wish *w = s->list; w; w = w->next)
		n++;
	free(s->by_ino);
	s->by_ino = calloc(n + 1, sizeof(struct link_wish *));
	must(s->by_ino);
	n = 0;
	for (struct link_wish *w = s->list; w; w = w->next)
		s->by_ino[n++] = w;
	qsort(s->by_ino, n, sizeof(struct link_wish *), ino_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || s->by_ino[kept - 1]->ino != s->by_ino[i]->ino)
			s->by_ino[kept++] = s->by_ino[i];
	s->n = kept;
}

static const struct link_wish *find(const struct search *s, uint64_t ino)
{
	struct link_wish key = {.ino = ino}, *at = &key;
	struct link_wish *const *hit =
		s->n ? bsearch(&at, s->by_ino, s->n, sizeof(struct link_wish *), ino_cmp) : NULL;

	return hit ? *hit : NULL;
}

static void ask_for(struct search *s, struct span dir, struct span name, const struct link_wish *w)
{
	BUF struct buf path = {0};
	struct ask *a;

	buf_add_text(&path, "/");
	buf_add_span(&path, dir);
	must(!path.err);
	a = ask_new(s->kept, buf_span(&path), s->scan ? s->scan->started : w->when);
	ask_add(a, name, ASK_LINKED, span_make(w->actor, w->n), (struct span){0});
	if (s->scan)
		ask_set_scan(a, s->scan);
	ask_submit(a, s->ex);
}

static int visit(void *ctx, struct span below, int fd)
{
	NAMES struct names names = {0};
	struct search *s = ctx;

	if (fd < 0 || names_read(fd, NAMES_LIMIT, &names) < 0) {
		s->whole = false;
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		const struct link_wish *w =
			names.v[i].type == DT_DIR ? NULL : find(s, names.v[i].ino);

		if (w)
			ask_for(s, below, names_at(&names, i), w);
	}
	return s->ex->stop || atomic_load(&s->kept->gone) ? 1 : 0;
}

static bool skip(void *ctx, struct span below)
{
	BUF struct buf path = {0};
	struct search *s = ctx;

	if (!kept_excludes(s->kept) || !below.n)
		return false;
	buf_add_text(&path, "/");
	buf_add_span(&path, below);
	return kept_is_excluded(s->kept, buf_span(&path));
}

static void walk(struct search *s, const char *root)
{
	const struct watch_walker v = {s, visit, skip};

	if (watch_walk(root, (struct span){0}, &v) < 0)
		s->whole = false;
}

/* The lower inode that an entry of the index was copied from is in its name. */
static bool lower_ino(struct span name, uint64_t *ret)
{
	BUF struct buf origin = {0};

	return view_index_origin(name, &origin) == 0 &&
	       view_origin_ino(buf_span(&origin), ret) == 0;
}

static int list_index(const struct kept *k, struct names *ret)
{
	FD int fd = beneath_open_dir(k->index_fd);

	return fd < 0 ? err_sys("open the overlay's index") : names_read(fd, NAMES_LIMIT, ret);
}

/* From copies to their originals; `all`: whatever the index holds. */
static void to_lower(struct search *s, const struct names *index, bool all)
{
	const struct link_wish none = {0};
	struct link_wish *list = NULL;

	for (size_t i = 0; i < index->n; i++) {
		const struct link_wish *w = all ? &none : find(s, index->v[i].ino);
		struct link_wish *more;
		uint64_t ino;

		if (!w || !lower_ino(names_at(index, i), &ino))
			continue;
		more = wish_new(ino, w->when, span_make(w->actor, w->n));
		more->next = list;
		list = more;
	}
	wishes_free(&s->list);
	s->list = list;
	sort(s);
}

static void search_layers(struct search *s, bool all)
{
	NAMES struct names index = {0};

	if (s->kept->index_fd < 0)
		return;
	if (list_index(s->kept, &index) < 0)
		s->whole = false;
	to_lower(s, &index, all);
	for (size_t i = 0; s->n && i < s->kept->n_lower - s->kept->n_data; i++)
		walk(s, s->kept->lower[i]->path);
}

/* ---- by event ---- */

struct links_job {
	struct job job;
	struct kept *kept;
};

static void done(struct links_job *t)
{
	kept_unref(t->kept);
	free(t);
}

static void drop(struct job *j)
{
	struct links_job *t = container_of(j, struct links_job, job);
	struct link_wish *list = atomic_exchange(&t->kept->links, NULL);

	wishes_free(&list);
	done(t);
}

/* A name that could not be looked for is a gap on the target, which a rescan closes. */
static void not_whole(struct search *s)
{
	struct item_gap *g = calloc(1, sizeof(*g));
	struct scan_options opt = {.asker = -1};

	must(g);
	g->item.kind = ITEM_GAP;
	g->kept = kept_ref(s->kept);
	g->cause = GAP_UNREADABLE;
	g->from = g->told = clock_wall();
	buf_add_text(&g->detail, "not all names of a file with several could be found");
	examiner_push(s->ex, &g->item);
	scan_begin(s->ex, s->kept, &opt);
}

static void run(struct job *j, struct worker *worker)
{
	struct links_job *t = container_of(j, struct links_job, job);
	struct search s = {.ex = worker->ex, .kept = t->kept, .whole = true};
	int64_t began = clock_mono();

	s.list = atomic_exchange(&t->kept->links, NULL);
	sort(&s);
	if (s.n && !atomic_load(&t->kept->gone)) {
		walk(&s, t->kept->upper);
		search_layers(&s, false);
		atomic_store(&t->kept->links_took, clock_mono() - began);
		if (!s.whole && !worker->ex->stop)
			not_whole(&s);
	}
	wishes_free(&s.list);
	free(s.by_ino);
	done(t);
}

static int64_t delay_of(struct kept *k)
{
	int64_t rest = atomic_load(&k->links_took) * REST;

	return rest < SOON ? SOON : rest > RARELY ? RARELY : rest;
}

void links_want(struct examiner *ex, struct kept *k, uint64_t ino, int64_t when, struct span actor)
{
	struct link_wish *w = wish_new(ino, when, actor), *head = atomic_load(&k->links);
	struct links_job *t;

	do
		w->next = head;
	while (!atomic_compare_exchange_weak(&k->links, &head, w));
	if (head)
		return; /* whoever was first has submitted the job */
	t = calloc(1, sizeof(*t));
	must(t);
	t->job.run = run;
	t->job.drop = drop;
	t->kept = kept_ref(k);
	jobs_later(ex->jobs, &t->job, delay_of(k));
}

void links_want_index(
	struct examiner *ex, struct kept *k, struct span name, int64_t when, struct span actor)
{
	BUF struct buf text = {0};
	struct stat st;

	buf_add_span(&text, name);
	if (k->index_fd >= 0 &&
		fstatat(k->index_fd, buf_text(&text), &st, AT_SYMLINK_NOFOLLOW) == 0)
		links_want(ex, k, st.st_ino, when, actor);
}

/* ---- by a scan ---- */

struct scan_job {
	struct job job;
	struct scan *scan;
};

static void scan_drop(struct job *j)
{
	struct scan_job *t = container_of(j, struct scan_job, job);

	scan_unref(t->scan);
	free(t);
}

static void scan_run(struct job *j, struct worker *worker)
{
	struct scan_job *t = container_of(j, struct scan_job, job);
	struct search s = {.ex = worker->ex, .kept = t->scan->kept, .scan = t->scan, .whole = true};

	search_layers(&s, true);
	if (!s.whole)
		atomic_store(&t->scan->whole, false);
	wishes_free(&s.list);
	free(s.by_ino);
	scan_drop(j);
}

void links_scan(struct scan *s)
{
	struct scan_job *t;

	if (s->kept->index_fd < 0)
		return;
	t = calloc(1, sizeof(*t));
	must(t);
	t->job.run = scan_run;
	t->job.drop = scan_drop;
	t->scan = scan_ref(s);
	jobs_add(s->ex->jobs, JOB_SCAN, &t->job);
}
