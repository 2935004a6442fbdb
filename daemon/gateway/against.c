/*
 * Drift against the image, an older generation or another target, from what is stored: the drift
 * and the accepted entries name every path that can differ, and keep the records of both sides. Only
 * where one target has a directory that the other has not, what is below is named by the layers.
 */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "model/judge.h"

enum { ROWS_MAX = 1000000 };

/* One path as one target has it. Encoded records; empty is absence. */
struct side {
	bool known; /* drift or accepted names it */
	bool has_drift;
	struct span image, base, now; /* base: at the wanted generation */
	struct change drift;
	uint32_t aspects;
	struct span mount;
};
struct row {
	struct span path;
	struct side side[2];
};
struct rows {
	struct arena mem;
	struct row *row;
	size_t n, cap, n_sorted; /* those that drift or accepted name come first, in order */
	const struct target *tg[2];
	int which; /* the side that is being collected */
	uint32_t generation;
	struct txn *t;
	uint32_t no;
};

static void rows_free(struct rows *r)
{
	arena_free(&r->mem);
	free(r->row);
}

static int push(struct rows *r, struct span path, struct row **ret)
{
	if (r->n == ROWS_MAX)
		return err_set(-E2BIG, "more than %d paths to compare; name a path", ROWS_MAX);
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct row *more = realloc(r->row, cap * sizeof(*more));

		must(more);
		r->row = more;
		r->cap = cap;
	}
	*ret = &r->row[r->n++];
	**ret = (struct row){.path = arena_dup(&r->mem, path)};
	(*ret)->side[r->which].known = true;
	return 0;
}

/* The entry that stood at the wanted generation; none: the image stood. */
static int base_at(struct rows *r, struct span path, struct side *s)
{
	struct accepted a;
	int rc;

	s->base = s->image;
	if (r->generation == UINT32_MAX)
		return 0;
	rc = accepted_get(r->t, r->no, path, r->generation, &a);
	if (rc == 0)
		s->base = arena_dup(&r->mem, a.rec);
	return rc < 0 ? rc : 0;
}

static int on_accepted(void *ctx, const struct accepted *a)
{
	struct rows *r = ctx;
	struct row *row;
	struct side *s;
	int rc = push(r, a->path, &row);

	if (rc < 0)
		return rc;
	s = &row->side[r->which];
	s->image = arena_dup(&r->mem, a->image);
	s->now = arena_dup(&r->mem, a->rec);
	s->mount = arena_dup(&r->mem, a->mount);
	s->aspects = a->aspects;
	return 0;
}

static int on_drift(void *ctx, const struct change *c)
{
	struct rows *r = ctx;
	struct row *row;
	struct side *s;
	int rc = push(r, c->path, &row);

	if (rc < 0)
		return rc;
	s = &row->side[r->which];
	s->has_drift = true;
	s->drift = *c;
	s->drift.path = row->path;
	s->drift.old = arena_dup(&r->mem, c->old);
	s->drift.now = arena_dup(&r->mem, c->now);
	s->drift.actor = arena_dup(&r->mem, c->actor);
	s->drift.from = arena_dup(&r->mem, c->from);
	s->drift.mount = arena_dup(&r->mem, c->mount);
	return 0;
}

static int order(const void *a, const void *b)
{
	return span_cmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

/* Of two rows of one path: the accepted entry gives the image, the drift what is now. */
static void merge_side(struct side *to, const struct side *from)
{
	const struct side *acc = to->has_drift ? from : to, *drift = to->has_drift ? to : from;
	struct side merged;

	if (!from->known)
		return;
	if (!to->known) {
		*to = *from;
		return;
	}
	merged = *acc;
	merged.has_drift = drift->has_drift;
	merged.drift = drift->drift;
	*to = merged;
}

static void merge(struct rows *r)
{
	size_t n = 0;

	if (r->n == 0)
		return;
	for (size_t i = 0; i < r->n; i++) { /* what only drifts: the image is what it drifts from */
		for (int s = 0; s < 2; s++) {
			struct side *x = &r->row[i].side[s];

			if (x->has_drift)
				x->image = x->drift.old;
		}
	}
	qsort(r->row, r->n, sizeof(*r->row), order);
	for (size_t i = 1; i < r->n; i++) {
		if (span_eq(r->row[n].path, r->row[i].path)) {
			merge_side(&r->row[n].side[0], &r->row[i].side[0]);
			merge_side(&r->row[n].side[1], &r->row[i].side[1]);
		} else {
			r->row[++n] = r->row[i];
		}
	}
	r->n = r->n_sorted = n + 1;
}

static const struct side *known_at(const struct rows *r, struct span path, int which)
{
	const struct row key = {.path = path}, *at;

	at = r->n_sorted ? bsearch(&key, r->row, r->n_sorted, sizeof(key), order) : NULL;
	return at && at->side[which].known ? &at->side[which] : NULL;
}

static int collect(struct rows *r, uint32_t no, int which)
{
	int rc;

	r->which = which;
	r->no = no;
	rc = accepted_each(r->t, no, UINT32_MAX, on_accepted, r);
	return rc < 0 ? rc : drift_each(r->t, no, span_of(""), on_drift, r);
}

static const struct record *decode(struct span encoded, struct record *rec)
{
	return encoded.n > 0 && record_decode(encoded, rec) == 0 ? rec : NULL;
}

static struct span now_of(const struct side *s)
{
	return s->has_drift ? s->drift.now : s->now;
}

/* Judges base against now and hands the change on; what is known of the drift stays with it. */
static int emit(const struct row *row, struct span base, struct span now,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	const struct side *s = &row->side[0];
	struct record a, b;
	struct change c = s->has_drift ? s->drift : (struct change){.kind = 'C'};
	uint32_t was = s->has_drift ? s->drift.aspects : s->aspects;
	struct judge_in in = {.path = row->path,
		.base = decode(base, &a),
		.now = decode(now, &b),
		.layer_changed = was & (1u << ASPECT_LAYER),
		.mount = s->has_drift ? s->drift.mount : s->mount};

	if (judge(&in, &c) != JUDGE_DRIFT)
		return 0;
	c.path = row->path;
	c.mount = in.mount;
	c.old = base;
	c.now = now;
	return fn(ctx, &c);
}

static bool is_dir(struct span encoded)
{
	struct record rec;

	return decode(encoded, &rec) && rec.type == FILE_DIR;
}

/* What the directories above say of a path. */
enum above {
	ABOVE_OPEN,   /* as the image has it, where nothing names it */
	ABOVE_FRESH,  /* one was made anew: the image does not show through */
	ABOVE_GONE,   /* one is no directory: nothing is there */
	ABOVE_HIDDEN, /* one is covered by a mount: what is there is not known */
};
static enum above look_above(const struct rows *r, struct span path, int which)
{
	enum above how = ABOVE_OPEN;

	for (size_t n = 1; n < path.n; n++) {
		const struct side *s;

		if (path.p[n] != '/')
			continue;
		s = known_at(r, span_make(path.p, n), which);
		if (!s)
			continue;
		if (s->has_drift ? s->drift.mount.n : s->mount.n)
			return ABOVE_HIDDEN;
		if (!is_dir(now_of(s)))
			return ABOVE_GONE;
		if (s->has_drift && !is_dir(s->drift.old))
			how = ABOVE_FRESH;
	}
	return how;
}

static int image_at(struct rows *r, struct span path, int which, struct span *ret)
{
	BUF struct buf encoded = {.p = NULL};
	struct below b;
	int rc = below_find(r->t, r->tg[which], path, &b);

	if (rc == 0)
		rc = record_encode(&b.rec, &encoded);
	if (rc == 0)
		*ret = arena_dup(&r->mem, buf_span(&encoded));
	return rc < 0 ? rc : 0;
}

/* What one target shows at a path now; the image is known, too, from where the other differs. */
static int shown(
	struct rows *r, const struct row *row, int which, enum above above, struct span *ret)
{
	const struct side *s = &row->side[which], *other = &row->side[!which];

	*ret = span_of("");
	if (above == ABOVE_GONE)
		return 0;
	if (s->known)
		*ret = now_of(s);
	else if (above == ABOVE_OPEN && other->image.n > 0)
		*ret = other->image;
	else if (above == ABOVE_OPEN)
		return image_at(r, row->path, which, ret);
	return 0;
}

/* A row as both targets have it now. */
struct pair_now {
	enum above above[2];
	struct span now[2];
};
static int look(struct rows *r, const struct row *row, struct pair_now *ret)
{
	int rc = 0;

	for (int w = 0; w < 2 && rc == 0; w++) {
		ret->above[w] = look_above(r, row->path, w);
		rc = shown(r, row, w, ret->above[w], &ret->now[w]);
	}
	return rc;
}

struct names {
	struct rows *rows;
	struct span dir;
};
static int on_name(void *ctx, struct span name)
{
	struct names *n = ctx;
	BUF struct buf path = {.p = NULL};
	struct row *row;
	int rc;

	buf_add_span(&path, n->dir);
	buf_u8(&path, '/');
	buf_add_span(&path, name);
	if (known_at(n->rows, buf_span(&path), 0) || known_at(n->rows, buf_span(&path), 1))
		return 0; /* has its row */
	rc = push(n->rows, buf_span(&path), &row);
	if (rc == 0)
		row->side[n->rows->which].known = false;
	return rc;
}

/* Several layers may have had the name. */
static void drop_doubles(struct rows *r, size_t from)
{
	size_t n = from;

	qsort(r->row + from, r->n - from, sizeof(*r->row), order);
	for (size_t i = from; i < r->n; i++) {
		if (n == from || !span_eq(r->row[n - 1].path, r->row[i].path))
			r->row[n++] = r->row[i];
	}
	r->n = n;
}

/* A directory that only the first target has: all that it has below is to be told. */
static int expand(struct rows *r)
{
	struct pair_now both;
	int rc = 0;

	for (size_t i = 0; i < r->n && rc == 0; i++) {
		struct names names = {r, r->row[i].path};
		size_t from = r->n;

		rc = look(r, &r->row[i], &both);
		if (rc != 0 || both.above[0] == ABOVE_HIDDEN || !is_dir(both.now[0]) ||
			is_dir(both.now[1]) || names.dir.n < 2)
			continue;
		rc = below_names(r->t, r->tg[0], names.dir, on_name, &names);
		drop_doubles(r, from);
	}
	qsort(r->row, r->n, sizeof(*r->row), order);
	r->n_sorted = r->n;
	return rc;
}

static int compare_targets(struct rows *r, const struct row *row,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	struct pair_now both;
	int rc = look(r, row, &both);

	if (rc != 0 || both.above[0] == ABOVE_HIDDEN || both.above[1] == ABOVE_HIDDEN ||
		(both.above[0] == ABOVE_GONE && both.now[0].n == 0))
		return rc; /* the directory's own change stands for it */
	return emit(row, both.now[1], both.now[0], fn, ctx);
}

static int compare(struct rows *r, const struct row *row, bool other,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	struct side s = row->side[0];
	int rc;

	if (other)
		return compare_targets(r, row, fn, ctx);
	/* What was accepted below a directory went with it, and its change stands for that. */
	if (look_above(r, row->path, 0) == ABOVE_GONE)
		return 0;
	rc = base_at(r, row->path, &s);
	return rc < 0 ? rc : emit(row, s.base, now_of(&s), fn, ctx);
}

int against_each(struct txn *t, const struct target *tg, const struct against_want *want,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	CLEANUP(rows_free) struct rows r = {.t = t, .generation = UINT32_MAX};
	bool other = want->what == AGAINST_TARGET;
	int rc;

	if (want->what == AGAINST_BASELINE)
		return drift_each(t, tg->no, span_of(""), fn, ctx);
	if (want->what == AGAINST_GENERATION)
		r.generation = want->generation;
	rc = other ? collect(&r, want->other.no, 1) : 0;
	if (rc == 0)
		rc = collect(&r, tg->no, 0);
	if (rc != 0)
		return rc;
	merge(&r);
	r.tg[0] = tg;
	r.tg[1] = &want->other;
	rc = other ? expand(&r) : 0;
	for (size_t i = 0; i < r.n && rc == 0; i++)
		rc = compare(&r, &r.row[i], other, fn, ctx);
	return rc;
}

/* The top lower of a docker container is its own: hosts, resolv.conf and the like, not the image.
 */
static bool is_own(struct span path)
{
	static const char tail[] = "-init/diff";
	size_t n = sizeof(tail) - 1;

	return path.n >= n && memcmp(path.p + path.n - n, tail, n) == 0;
}

static bool next_shared(struct rd *at, struct span *ret)
{
	while (target_next_path(at, ret)) {
		if (!is_own(*ret))
			return true;
	}
	return false;
}

bool against_same_layers(const struct target *a, const struct target *b)
{
	struct rd x = rd_of(a->lowers), y = rd_of(b->lowers);
	struct span p, q;

	if (!target_is_overlay(a) || !target_is_overlay(b))
		return a->no == b->no;
	for (;;) {
		bool more = next_shared(&x, &p);

		if (next_shared(&y, &q) != more)
			return false;
		if (!more)
			return true;
		if (!span_eq(p, q))
			return false;
	}
}
