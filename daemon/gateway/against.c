/*
 * Drift against the image, an older generation or another target, from what is stored: the drift
 * and the accepted entries name every path that can differ, and keep the records of both sides.
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
	size_t n, cap;
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
	r->n = n + 1;
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

/* What the other target has there: where nothing names the path, the image they share. */
static struct span shared_now(const struct side *s, const struct side *other)
{
	return s->known ? now_of(s) : other->image;
}

static int compare(struct rows *r, const struct row *row, bool other,
	int (*fn)(void *ctx, const struct change *c), void *ctx)
{
	struct side s = row->side[0];
	int rc;

	if (other)
		return emit(
			row, shared_now(&row->side[1], &s), shared_now(&s, &row->side[1]), fn, ctx);
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
