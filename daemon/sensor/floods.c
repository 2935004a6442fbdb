/*
 * Every row has what it is and what it was at the last commit. A target's window begins with its first
 * change and ends by the clock; while a flood goes on the next one begins where it ends. A path's row
 * is kept while it was changed within the window, the longest untouched goes first; those that have
 * something folded wait in a list of their own and are never pushed out.
 */
#include "daemon/sensor/floods.h"
#include "base/clock.h"
#include <sys/queue.h>
#include <uthash.h>

#define WINDOW_LEAST (10 * CLOCK_MS)

struct tally {
	int64_t start, last; /* monotonic: of the window, 0: none; of the last one counted */
	uint64_t told[FLOOD_CLASSES]; /* in this window */
	unsigned worst_told;	      /* in this window: severity plus one */
	struct flood flood; /* paths of its samples: `paths` of the row, one behind the other */
	size_t len[FLOOD_SAMPLES];
	bool open, begins; /* it goes on; and no entry has said so yet */
};
struct row {
	UT_hash_handle hh;
	uint32_t target;
	struct tally now, saved;
	struct buf paths, saved_paths;
	bool dirty, fresh;
};
struct repeats {
	int64_t start;
	uint64_t told;
	uint8_t worst[FLOOD_KINDS]; /* told of this kind: severity plus one */
	uint32_t aspects, origins;  /* told */
	struct fold fold;
};
struct path {
	UT_hash_handle hh;
	TAILQ_ENTRY(path) link;
	struct path *next_dirty;
	struct repeats now, saved;
	bool dirty, fresh, waits; /* in the list of those with something folded */
	size_t n;
	uint8_t key[]; /* target, path */
};
TAILQ_HEAD(paths, path);
struct floods {
	struct flood_limits limits;
	struct row *rows;
	struct path *paths, *dirty;
	struct paths idle, waiting;
	size_t n_paths;
	int64_t clock; /* the latest that was told */
	struct floods_stats now, saved;
};

int floods_new(struct floods **ret)
{
	struct floods *f = calloc(1, sizeof(*f));

	must(f);
	TAILQ_INIT(&f->idle);
	TAILQ_INIT(&f->waiting);
	f->limits.window = 60 * CLOCK_S;
	*ret = f;
	return 0;
}

void floods_limit(struct floods *f, const struct flood_limits *limits)
{
	f->limits = *limits;
	if (f->limits.window < WINDOW_LEAST)
		f->limits.window = WINDOW_LEAST;
}

static unsigned class_of(enum severity severity)
{
	return severity == SEV_INFO ? 0 : severity < SEV_HIGH ? 1 : 2;
}

static bool is_past(const struct floods *f, int64_t start, int64_t now)
{
	return now - start >= f->limits.window;
}

/* ---- targets ---- */

static void row_drop(struct floods *f, struct row *r)
{
	HASH_DEL(f->rows, r);
	buf_free(&r->paths);
	buf_free(&r->saved_paths);
	free(r);
}

static struct row *row_of(struct floods *f, uint32_t target)
{
	struct row *r;

	HASH_FIND(hh, f->rows, &target, sizeof(target), r);
	if (!r) {
		r = calloc(1, sizeof(*r));
		must(r);
		r->target = target;
		r->fresh = true;
		HASH_ADD(hh, f->rows, target, sizeof(r->target), r);
	}
	r->dirty = true;
	return r;
}

static void window_begins(struct tally *t)
{
	memset(t->told, 0, sizeof(t->told));
	t->worst_told = 0;
}

/* A flood's window ends where its entry is written. */
static struct row *row_at(struct floods *f, uint32_t target, int64_t now)
{
	struct row *r = row_of(f, target);

	if (!r->now.open && (!r->now.start || is_past(f, r->now.start, now))) {
		window_begins(&r->now);
		r->now.start = now;
	}
	return r;
}

static void add_sample(struct row *r, uint32_t target, enum severity severity, struct span path)
{
	struct flood *fl = &r->now.flood;

	if (!fl->n_samples || severity > fl->worst) {
		fl->worst = severity;
		fl->n_samples = 0;
		buf_reset(&r->paths);
	}
	if (severity < fl->worst || fl->n_samples == FLOOD_SAMPLES)
		return;
	fl->sample[fl->n_samples].target = target;
	r->now.len[fl->n_samples++] = path.n;
	buf_add_span(&r->paths, path);
}

static void count(struct floods *f, struct row *r, const struct flood_path *p)
{
	struct tally *t = &r->now;
	struct flood *fl = &t->flood;
	uint64_t n = flood_count(p->fold.n);

	if (!t->open) {
		t->open = t->begins = true;
		f->now.open++;
		fl->since = p->fold.from;
		fl->total = 0;
	}
	for (int i = 0; i < FLOOD_KINDS; i++)
		fl->n[i] += p->fold.n[i];
	fl->total += n;
	if (!fl->from || p->fold.from < fl->from)
		fl->from = p->fold.from;
	if (p->fold.to > fl->to)
		fl->to = p->fold.to;
	t->last = f->clock;
	add_sample(r, p->target, p->fold.worst, p->path);
	f->now.counted += n;
}

/* The row whose budget is spent; NULL: none is. */
static struct row *spent_of(
	const struct floods *f, struct row *own, struct row *all, unsigned class)
{
	if (f->limits.per_target && own->now.told[class] >= f->limits.per_target)
		return own;
	/* However noisy the others are: each target has a word of its own. */
	if (f->limits.total && all->now.told[class] >= f->limits.total &&
		own->now.told[class] >= FLOOD_LEAST)
		return all;
	return NULL;
}

/* The same for one that comes now; with NULL it has been taken from both. What is worse than all that was
 * told of its target in this window is told, whatever is left. */
static struct row *spend(struct floods *f, uint32_t target, enum severity severity, bool untold)
{
	struct row *all = row_at(f, 0, f->clock), *own = row_at(f, target, f->clock), *spent;
	unsigned class = class_of(severity);

	if (untold && (own->now.open || all->now.open))
		return own->now.open ? own : all;
	spent = spent_of(f, own, all, class);
	if (spent && (unsigned)severity < own->now.worst_told)
		return spent;
	if ((unsigned)severity >= own->now.worst_told)
		own->now.worst_told = (unsigned)severity + 1;
	own->now.told[class]++;
	all->now.told[class]++;
	return NULL;
}

/* ---- paths ---- */

static void path_drop(struct floods *f, struct path *p)
{
	TAILQ_REMOVE(p->waits ? &f->waiting : &f->idle, p, link);
	HASH_DEL(f->paths, p);
	f->n_paths--;
	free(p);
}

/* Touched: behind all others, in the list where it belongs now. */
static void path_place(struct floods *f, struct path *p)
{
	TAILQ_REMOVE(p->waits ? &f->waiting : &f->idle, p, link);
	p->waits = p->now.fold.from != 0;
	TAILQ_INSERT_TAIL(p->waits ? &f->waiting : &f->idle, p, link);
}

static void path_touch(struct floods *f, struct path *p)
{
	if (!p->dirty) {
		p->dirty = true;
		p->next_dirty = f->dirty;
		f->dirty = p;
	}
	path_place(f, p);
}

static void key_of(uint32_t target, struct span path, struct buf *out)
{
	buf_be32(out, target);
	buf_add_span(out, path);
}

static struct path *path_find(const struct floods *f, const struct buf *key)
{
	struct path *p;

	HASH_FIND(hh, f->paths, key->p, key->n, p);
	return p;
}

/* NULL: all that are there are of this batch, or wait to be told. */
static struct path *path_new(struct floods *f, const struct buf *key)
{
	struct path *oldest = TAILQ_FIRST(&f->idle), *p;

	if (f->n_paths >= FLOOD_PATHS && (!oldest || oldest->dirty))
		return NULL;
	if (f->n_paths >= FLOOD_PATHS)
		path_drop(f, oldest);
	p = calloc(1, sizeof(*p) + key->n);
	must(p);
	p->fresh = true;
	p->n = key->n;
	memcpy(p->key, key->p, key->n);
	TAILQ_INSERT_TAIL(&f->idle, p, link);
	HASH_ADD_KEYPTR(hh, f->paths, p->key, p->n, p);
	f->n_paths++;
	return p;
}

static void path_view(const struct path *p, struct flood_path *ret)
{
	struct rd r = rd_of(span_make(p->key, p->n));

	ret->target = rd_be32(&r);
	ret->path = span_make(r.p, (size_t)(r.end - r.p));
	ret->fold = p->now.fold;
}

/* Told often enough, and nothing about it is other than what was told. */
static bool is_repeat(const struct floods *f, const struct path *p, const struct flood_news *n)
{
	return f->limits.per_path && p->now.told >= f->limits.per_path &&
	       p->now.worst[n->kind] > n->severity && !(n->aspects & ~p->now.aspects) &&
	       (p->now.origins & 1u << n->origin);
}

static void fold_one(struct fold *fold, const struct flood_news *n)
{
	fold->n[n->kind]++;
	if (!fold->from)
		fold->from = n->wall ? n->wall : 1;
	fold->to = n->wall;
	if (n->severity > fold->worst)
		fold->worst = n->severity;
}

/* It is told: what was folded before goes along. */
static void path_told(
	struct floods *f, struct path *p, const struct flood_news *n, struct fold *ret)
{
	struct repeats *r = &p->now;

	*ret = r->fold;
	r->fold = (struct fold){.from = 0};
	if (!r->told)
		r->start = n->now;
	r->told++;
	if (r->worst[n->kind] <= n->severity)
		r->worst[n->kind] = (uint8_t)(n->severity + 1);
	r->aspects |= n->aspects;
	r->origins |= 1u << n->origin;
	path_touch(f, p);
}

enum flood_word floods_add(struct floods *f, const struct flood_news *n, struct fold *ret)
{
	BUF struct buf key = {0};
	struct flood_path one = {.target = n->target, .path = n->path};
	struct row *spent;
	struct path *p;

	key_of(n->target, n->path, &key);
	must(buf_err(&key) == 0);
	f->clock = n->now;
	*ret = (struct fold){.from = 0};
	p = path_find(f, &key);
	if (p && !p->now.fold.from && is_past(f, p->now.start, n->now)) {
		p->now = (struct repeats){.start = n->now};
		path_touch(f, p);
	}
	if (p && is_repeat(f, p, n)) {
		fold_one(&p->now.fold, n);
		path_touch(f, p);
		f->now.folded++;
		*ret = p->now.fold;
		return FLOOD_FOLD;
	}
	spent = spend(f, n->target, n->severity, n->untold);
	if (spent) {
		fold_one(&one.fold, n);
		count(f, spent, &one);
		return FLOOD_COUNT;
	}
	if (!p && f->limits.per_path)
		p = path_new(f, &key);
	if (p)
		path_told(f, p, n, ret);
	return FLOOD_TELL;
}

/* ---- what is due ---- */

static bool is_asked(
	const struct floods *f, const struct floods_ask *ask, uint32_t target, int64_t start)
{
	return ask->all || (ask->target && ask->target == target) ||
	       (!ask->target && is_past(f, start, ask->now));
}

static enum flood_word fold_word(struct floods *f, const struct flood_path *p)
{
	struct row *spent = spend(f, p->target, p->fold.worst, false);

	if (spent)
		count(f, spent, p);
	return spent ? FLOOD_COUNT : FLOOD_TELL;
}

static struct path *path_due(
	const struct floods *f, const struct floods_ask *ask, struct flood_path *ret)
{
	for (struct path *p = TAILQ_FIRST(&f->waiting); p; p = TAILQ_NEXT(p, link)) {
		path_view(p, ret);
		if (is_asked(f, ask, ret->target, p->now.start))
			return p;
	}
	return NULL;
}

bool floods_fold_due(struct floods *f, const struct floods_ask *ask, enum flood_word *ret_word,
	struct flood_path *ret)
{
	struct path *p = path_due(f, ask, ret);

	f->clock = ask->now;
	if (!p)
		return false;
	p->now.fold = (struct fold){.from = 0};
	p->now.start = ask->now;
	path_touch(f, p);
	*ret_word = fold_word(f, ret);
	return true;
}

void floods_count(struct floods *f, const struct flood_path *p)
{
	count(f, row_at(f, p->target, f->clock), p);
}

static void row_view(const struct row *r, struct flood *ret)
{
	const uint8_t *at = r->paths.p;

	*ret = r->now.flood;
	for (size_t i = 0; i < ret->n_samples; i++) {
		ret->sample[i].path = span_make(at, r->now.len[i]);
		at += r->now.len[i];
	}
}

/* Did it go on up to the end of the window? */
static bool goes_on(const struct floods *f, const struct tally *t, int64_t now)
{
	return t->flood.n_samples && now - t->last < f->limits.window / 4;
}

/* After its entry: what was counted is told. The bytes of its paths stay until the next one comes. */
static void row_told(struct floods *f, struct row *r, int64_t now, enum flood_state state)
{
	struct tally *t = &r->now;

	t->flood = (struct flood){.since = t->flood.since, .total = t->flood.total};
	t->begins = false;
	if (state == FLOOD_BEGUN)
		return;
	window_begins(t);
	t->start = now;
	if (state == FLOOD_CONTINUES)
		return;
	t->open = false;
	t->flood = (struct flood){.since = 0};
	f->now.open--;
}

bool floods_due(
	struct floods *f, const struct floods_ask *ask, uint32_t *ret_target, struct flood *ret)
{
	for (struct row *r = f->rows; r; r = r->hh.next) {
		bool ends = r->now.open && is_asked(f, ask, r->target, r->now.start);
		bool begins = r->now.begins && !ask->target;

		if (!ends && !begins)
			continue;
		row_view(r, ret);
		*ret_target = r->target;
		ret->state = !ends ? FLOOD_BEGUN
			     : !ask->all && !ask->target && goes_on(f, &r->now, ask->now)
				     ? FLOOD_CONTINUES
				     : FLOOD_OVER;
		r->dirty = true;
		row_told(f, r, ask->now, ret->state);
		return true;
	}
	return false;
}

int64_t floods_next(const struct floods *f)
{
	int64_t first = INT64_MAX;
	const struct path *p;

	for (const struct row *r = f->rows; r; r = r->hh.next) {
		if (r->now.begins)
			return 0;
		if (r->now.open && r->now.start < first)
			first = r->now.start;
	}
	TAILQ_FOREACH(p, &f->waiting, link)
	if (p->now.start < first)
		first = p->now.start;
	return first == INT64_MAX ? first : first + f->limits.window;
}

/* ---- batches ---- */

bool floods_changed(struct floods *f, struct floods_step *s, uint32_t *ret_target,
	struct flood *ret, bool *ret_any)
{
	struct row *r = s->begun ? s->at : f->rows;

	s->begun = true;
	while (r && !(r->dirty && (r->now.open || r->saved.open)))
		r = r->hh.next;
	if (!r)
		return false;
	s->at = r->hh.next;
	*ret_target = r->target;
	*ret_any = r->now.open;
	row_view(r, ret);
	ret->state = r->now.begins ? FLOOD_BEGUN : FLOOD_CONTINUES;
	return true;
}

static void commit_rows(struct floods *f)
{
	struct row *r, *next;

	HASH_ITER(hh, f->rows, r, next) {
		bool idle = !r->now.open && is_past(f, r->now.start, f->clock);

		if (r->dirty && !idle) {
			r->saved = r->now;
			buf_reset(&r->saved_paths);
			buf_add_span(&r->saved_paths, buf_span(&r->paths));
			r->dirty = r->fresh = false;
		}
		if (idle)
			row_drop(f, r);
	}
}

void floods_commit(struct floods *f)
{
	struct path *p;

	commit_rows(f);
	while ((p = f->dirty)) {
		f->dirty = p->next_dirty;
		p->saved = p->now;
		p->dirty = p->fresh = false;
	}
	while ((p = TAILQ_FIRST(&f->idle)) && is_past(f, p->now.start, f->clock))
		path_drop(f, p);
	f->saved = f->now;
}

static void abort_rows(struct floods *f)
{
	struct row *r, *next;

	HASH_ITER(hh, f->rows, r, next) {
		if (r->fresh) {
			row_drop(f, r);
			continue;
		}
		if (!r->dirty)
			continue;
		r->now = r->saved;
		buf_reset(&r->paths);
		buf_add_span(&r->paths, buf_span(&r->saved_paths));
		r->dirty = false;
	}
}

void floods_abort(struct floods *f)
{
	struct path *p;

	abort_rows(f);
	while ((p = f->dirty)) {
		f->dirty = p->next_dirty;
		if (p->fresh) {
			path_drop(f, p);
			continue;
		}
		p->now = p->saved;
		p->dirty = false;
		path_place(f, p);
	}
	f->now = f->saved;
}

void floods_stats(const struct floods *f, struct floods_stats *ret)
{
	*ret = f->now;
}

void floods_free(struct floods *f)
{
	struct path *p;

	if (!f)
		return;
	while ((p = TAILQ_FIRST(&f->idle)) || (p = TAILQ_FIRST(&f->waiting)))
		path_drop(f, p);
	while (f->rows)
		row_drop(f, f->rows);
	free(f);
}
