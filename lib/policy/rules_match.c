/*
 * The rules of a target, found by path. A glob is filed under what of it is literal: the whole path,
 * the directory in front of the first star, or the name behind a leading "**". A path then meets only
 * the globs filed under itself, its directories and its name, and the few that begin with a star and
 * end with one.
 */
#include "policy/rules_own.h"
#include "base/glob.h"

enum filed { FILED_PATH, FILED_DIR, FILED_NAME, FILED_ANY };

struct entry {
	const struct rule *rule;
	struct span glob; /* empty: every path */
	struct entry *next;
};
struct slot {
	struct span key;
	uint64_t hash;
	enum filed filed;
	struct entry *first;
};
struct rules_for {
	atomic_uint refs;
	struct rules *rules;
	struct arena mem;
	struct span prefix; /* in front of the target's paths */
	struct slot *slot;  /* open addressing; a power of two */
	size_t n_slots, n_used;
	struct entry *any;
	bool *in;	/* by a rule's number: is it one of them */
	size_t n;	/* rules */
	uint32_t gives; /* what any of them gives */
};

/* ---- which targets ---- */

/* Names are no paths: a star takes a slash too. */
static bool name_matches(struct span glob, struct span name)
{
	BUF struct buf g = {0}, s = {0};

	buf_add_span(&g, glob);
	buf_add_span(&s, name);
	for (size_t i = 0; i < g.n; i++)
		g.p[i] = g.p[i] == '/' ? 1 : g.p[i];
	for (size_t i = 0; i < s.n; i++)
		s.p[i] = s.p[i] == '/' ? 1 : s.p[i];
	return glob_match(buf_span(&g), buf_span(&s));
}

static bool any_matches(const struct rule_globs *g, struct span a, struct span b)
{
	for (size_t i = 0; i < g->n; i++)
		if (name_matches(g->v[i], a) || (b.n && name_matches(g->v[i], b)))
			return true;
	return g->n == 0;
}

static bool label_matches(const struct rule_label *want, struct span labels)
{
	struct rd at = rd_of(labels);
	struct pair p;

	while (target_next_pair(&at, &p))
		if (span_eq(p.key, want->key) && name_matches(want->glob, p.value))
			return true;
	return false;
}

bool rule_applies(const struct rule *r, const struct target *t)
{
	if (!any_matches(&r->target, t->name, t->id) ||
		!any_matches(&r->image, t->image, t->image_digest) ||
		!any_matches(&r->runtime, t->runtime, (struct span){0}) ||
		!any_matches(&r->pod_namespace, t->pod_namespace, (struct span){0}))
		return false;
	for (size_t i = 0; i < r->n_labels; i++)
		if (!label_matches(&r->labels[i], t->labels))
			return false;
	return true;
}

/* ---- the index ---- */

static const uint64_t hash_seed = 14695981039346656037u;

static uint64_t hash_step(uint64_t h, uint8_t c)
{
	return (h ^ c) * 1099511628211u;
}

static uint64_t hash_of(struct span s)
{
	uint64_t h = hash_seed;

	for (size_t i = 0; i < s.n; i++)
		h = hash_step(h, s.p[i]);
	return h;
}

static struct slot *slot_at(
	const struct rules_for *f, enum filed filed, struct span key, uint64_t h)
{
	for (size_t i = h;; i++) {
		struct slot *s = &f->slot[i & (f->n_slots - 1)];

		if (!s->first || (s->hash == h && s->filed == filed && span_eq(s->key, key)))
			return s;
	}
}

static bool is_literal(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("*?[\\", s.p[i]))
			return false;
	return true;
}

static enum filed file_under(struct span glob, struct span *ret_key)
{
	size_t n = 0, slash = 0, last = glob.n;

	while (n < glob.n && !strchr("*?[\\", glob.p[n])) {
		slash = glob.p[n] == '/' ? n : slash;
		n++;
	}
	*ret_key = glob;
	if (!glob.n)
		return FILED_ANY;
	if (n == glob.n)
		return FILED_PATH;
	*ret_key = span_make(glob.p, slash);
	if (slash)
		return FILED_DIR;
	while (last && glob.p[last - 1] != '/')
		last--;
	*ret_key = span_make(glob.p + last, glob.n - last);
	return last && ret_key->n && is_literal(*ret_key) ? FILED_NAME : FILED_ANY;
}

static void index_one(struct rules_for *f, const struct rule *r, struct span glob)
{
	struct entry *e = arena_alloc(&f->mem, sizeof(*e)), **at = &f->any;
	struct span key;
	enum filed filed = file_under(glob, &key);

	*e = (struct entry){r, glob, NULL};
	if (filed != FILED_ANY) {
		uint64_t h = hash_of(key);
		struct slot *s = slot_at(f, filed, key, h);

		if (!s->first)
			*s = (struct slot){key, h, filed, NULL};
		at = &s->first;
	}
	e->next = *at;
	*at = e;
}

static size_t n_globs(const struct rule *r)
{
	return r->paths.n ? r->paths.n : 1;
}

struct rules_for *rules_for(struct rules *r, const struct target *t)
{
	struct rules_for *f = calloc(1, sizeof(*f));
	size_t globs = 0;
	bool *in;

	must(f);
	in = f->in = arena_alloc(&f->mem, r->n + 1);
	atomic_init(&f->refs, 1);
	f->rules = rules_ref(r);
	if (t->kind == TARGET_HOST && t->upper.n > 1)
		f->prefix = arena_dup(&f->mem, t->upper);
	for (size_t i = 0; i < r->n; i++) {
		in[i] = rule_applies(&r->rule[i], t);
		globs += in[i] ? n_globs(&r->rule[i]) : 0;
	}
	for (f->n_slots = 8; f->n_slots < 2 * globs + 2;)
		f->n_slots *= 2;
	f->slot = arena_alloc(&f->mem, f->n_slots * sizeof(*f->slot));
	for (size_t i = 0; i < r->n; i++) {
		const struct rule *one = &r->rule[i];

		if (!in[i])
			continue;
		f->n++;
		f->gives |= one->gives;
		for (size_t j = 0; j < n_globs(one); j++)
			index_one(f, one, one->paths.n ? one->paths.v[j] : (struct span){0});
	}
	return f;
}

struct rules_for *rules_for_ref(struct rules_for *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

void rules_for_unref(struct rules_for *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	rules_unref(f->rules);
	arena_free(&f->mem);
	free(f);
}

size_t rules_for_n(const struct rules_for *f)
{
	return f->n;
}

/* ---- meeting a path ---- */

/* Whoever looks for something says of each rule whether it could matter, before its glob is tried. */
struct meeting {
	bool (*wants)(void *ctx, const struct rule *r);
	void (*takes)(void *ctx, const struct rule *r);
	void *ctx;
};

static void meet_list(const struct meeting *m, const struct entry *e, struct span path)
{
	for (; e; e = e->next)
		if (m->wants(m->ctx, e->rule) && (!e->glob.n || glob_match(e->glob, path)))
			m->takes(m->ctx, e->rule);
}

static void meet_key(const struct rules_for *f, const struct meeting *m, enum filed filed,
	struct span key, uint64_t h, struct span path)
{
	meet_list(m, slot_at(f, filed, key, h)->first, path);
}

static void meet_plain(const struct rules_for *f, struct span path, const struct meeting *m)
{
	uint64_t h = hash_seed;
	size_t name = 0;

	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '/' && i)
			meet_key(f, m, FILED_DIR, span_make(path.p, i), h, path);
		if (path.p[i] == '/')
			name = i + 1;
		h = hash_step(h, path.p[i]);
	}
	meet_key(f, m, FILED_PATH, path, h, path);
	if (name < path.n) {
		struct span last = span_make(path.p + name, path.n - name);

		meet_key(f, m, FILED_NAME, last, hash_of(last), path);
	}
	meet_list(m, f->any, path);
}

static void meet(const struct rules_for *f, struct span path, const struct meeting *m)
{
	BUF struct buf whole = {0};

	if (!f->prefix.n) {
		meet_plain(f, path, m);
		return;
	}
	buf_add_span(&whole, f->prefix);
	if (path.n > 1)
		buf_add_span(&whole, path);
	must(!whole.err);
	meet_plain(f, buf_span(&whole), m);
}

/* ---- what is said of a path ---- */

static bool path_wants(void *ctx, const struct rule *r)
{
	const struct rules_of_path *p = ctx;

	for (unsigned i = 0; i < RULE_PATH_PROPS; i++)
		if (r->gives & 1u << i && (!p->by[i] || p->by[i]->no < r->no))
			return true;
	return false;
}

static void path_takes(void *ctx, const struct rule *r)
{
	struct rules_of_path *p = ctx;

	for (unsigned i = 0; i < RULE_PATH_PROPS; i++)
		if (r->gives & 1u << i && (!p->by[i] || p->by[i]->no < r->no))
			p->by[i] = r;
}

void rules_path(const struct rules_for *f, struct span path, struct rules_of_path *ret)
{
	struct meeting m = {.wants = path_wants, .takes = path_takes};

	*ret = (struct rules_of_path){{NULL}};
	m.ctx = ret;
	if (f && f->gives & ((1u << RULE_PATH_PROPS) - 1))
		meet(f, path, &m);
}

const struct rule *rules_excluder(const struct rules_for *f, struct span path)
{
	if (!f || !(f->gives & 1u << RULE_EXCLUDE))
		return NULL;
	for (size_t n = 1; n <= path.n; n++) {
		struct rules_of_path p;

		if (n > 1 && n < path.n && path.p[n] != '/')
			continue;
		rules_path(f, span_make(path.p, n), &p);
		if (rules_of_path_says(&p, RULE_EXCLUDE))
			return p.by[RULE_EXCLUDE];
	}
	return NULL;
}

uint32_t rules_blind(const struct rules_of_path *p)
{
	const uint32_t always = 1u << ASPECT_TYPE | 1u << ASPECT_MOUNT | 1u << ASPECT_LAYER;

	if (!p->by[RULE_WATCH])
		return 0;
	return ((1u << ASPECT_N) - 1) & ~(p->by[RULE_WATCH]->watch | always);
}

bool rules_for_excludes(const struct rules_for *f)
{
	return f->gives & 1u << RULE_EXCLUDE;
}

static bool same_globs(const struct rule_globs *a, const struct rule_globs *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = span_eq(a->v[i], b->v[i]);
	return same;
}

static const struct rule *next_excluding(const struct rules_for *f, size_t *at)
{
	for (; f && *at < f->rules->n; ++*at)
		if (f->in[*at] && f->rules->rule[*at].gives & 1u << RULE_EXCLUDE)
			return &f->rules->rule[(*at)++];
	return NULL;
}

bool rules_for_same_excludes(const struct rules_for *a, const struct rules_for *b)
{
	size_t i = 0, j = 0;
	const struct rule *x, *y;

	do {
		x = next_excluding(a, &i);
		y = next_excluding(b, &j);
		if (x && y && (x->exclude != y->exclude || !same_globs(&x->paths, &y->paths)))
			return false;
	} while (x && y);
	return !x && !y;
}

size_t rules_excluded(const struct rules_for *f, struct span *ret, size_t max)
{
	const struct rule *r;
	size_t at = 0, n = 0;

	while ((r = next_excluding(f, &at))) {
		if (r->exclude && !r->paths.n && n < max)
			ret[n++] = span_of("/**");
		for (size_t i = 0; r->exclude && i < r->paths.n && n < max; i++)
			ret[n++] = r->paths.v[i];
	}
	return n;
}

/* A name that nobody has: what fits it fits every name that was not meant by itself. */
#define NOBODYS "/\1\2\1"

bool rules_glob_is_all(struct span glob)
{
	return !glob.n || glob_match(glob, span_of(NOBODYS));
}

bool rules_excludes_all(const struct rules_for *f)
{
	const struct rule *r;
	size_t at = 0;

	while ((r = next_excluding(f, &at)))
		if (!r->exclude)
			return false;
	return rules_excluder(f, span_of(NOBODYS)) != NULL;
}

bool rules_for_same(const struct rules_for *a, const struct rules_for *b)
{
	return a && b && a->rules == b->rules && memcmp(a->in, b->in, a->rules->n) == 0;
}

/* ---- what is said of a change ---- */

struct fitting {
	const struct rule_facts *facts;
	struct rules_of_change *best;
};

static uint32_t kind_bit(char kind)
{
	return kind == 'A' ? 1 : kind == 'C' ? 2 : kind == 'D' ? 4 : 0;
}

static bool exe_fits(const struct rule *r, struct span exe)
{
	for (size_t i = 0; i < r->exe.n; i++)
		if (exe.n && glob_match(r->exe.v[i], exe))
			return true;
	return r->exe.n == 0;
}

static bool file_fits(const struct rule *r, const struct rule_facts *x)
{
	const struct record *rec = x->now ? x->now : x->old;
	bool file = rec && rec->type == FILE_REG;
	bool set = file && rec->mode & 06000, exec = file && rec->mode & 0111;

	return (r->setuid < 0 || r->setuid == set) && (r->executable < 0 || r->executable == exec);
}

static bool fits(const struct rule *r, const struct rule_facts *x)
{
	if (r->origins && !(r->origins & 1u << x->origin))
		return false;
	if (r->kinds && !(r->kinds & kind_bit(x->kind)))
		return false;
	if (r->aspects && !(r->aspects & x->aspects))
		return false;
	if (r->packages && !(r->packages & x->package))
		return false;
	return file_fits(r, x) && exe_fits(r, x->exe);
}

static bool has_expired(const struct rule *r, int64_t when)
{
	return r->expires && r->expires <= when;
}

static bool is_closed(const struct rule *r, int64_t when)
{
	struct window_time t;

	return r->hold && !window_at(&r->window, when, &t);
}

static bool beats(const struct rule *r, const struct rule *best, enum rule_prop prop)
{
	return r->gives & 1u << prop && (!best || best->no < r->no);
}

static bool change_wants(void *ctx, const struct rule *r)
{
	const struct rules_of_change *b = ((struct fitting *)ctx)->best;

	return beats(r, b->severity, RULE_SEVERITY) || beats(r, b->raise, RULE_RAISE) ||
	       beats(r, b->expect, RULE_EXPECT) || beats(r, b->hold, RULE_HOLD);
}

static void change_takes(void *ctx, const struct rule *r)
{
	struct fitting *f = ctx;
	struct rules_of_change *b = f->best;

	if (!fits(r, f->facts))
		return;
	if (beats(r, b->severity, RULE_SEVERITY))
		b->severity = r;
	if (beats(r, b->raise, RULE_RAISE))
		b->raise = r;
	if (beats(r, b->expect, RULE_EXPECT) && !has_expired(r, f->facts->when))
		b->expect = r;
	if (beats(r, b->hold, RULE_HOLD) && !is_closed(r, f->facts->when))
		b->hold = r;
}

void rules_change(
	const struct rules_for *f, const struct rule_facts *facts, struct rules_of_change *ret)
{
	struct fitting ctx = {.facts = facts};
	struct meeting m = {change_wants, change_takes, &ctx};

	*ret = (struct rules_of_change){.severity = NULL};
	ctx.best = ret;
	if (f && f->gives & ~((1u << RULE_PATH_PROPS) - 1))
		meet(f, facts->path, &m);
}

/* ---- explaining ---- */

struct met {
	const struct rule **v;
	size_t n;
};

static bool met_wants(void *ctx, const struct rule *r)
{
	const struct met *m = ctx;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i] == r)
			return false;
	return true;
}

static void met_takes(void *ctx, const struct rule *r)
{
	struct met *m = ctx;

	m->v[m->n++] = r;
}

static int last_first(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;

	return x->no < y->no ? 1 : x->no > y->no ? -1 : 0;
}

static enum rule_state state_of(
	const struct rule *r, enum rule_prop prop, const struct rule_facts *facts, bool decided)
{
	if (prop == RULE_EXPECT && has_expired(r, facts->when))
		return RULE_EXPIRED;
	if (prop == RULE_HOLD && is_closed(r, facts->when))
		return window_next(&r->window, facts->when) ? RULE_CLOSED : RULE_EXPIRED;
	if (!fits(r, facts))
		return RULE_UNFIT;
	return decided ? RULE_LOSES : RULE_DECIDES;
}

void rules_explain(
	const struct rules_for *f, const struct rule_facts *facts, rules_explain_fn *fn, void *ctx)
{
	struct met met = {0};
	struct meeting m = {met_wants, met_takes, &met};
	FREE const struct rule **mem = f ? calloc(f->n + 1, sizeof(*mem)) : NULL;

	if (!f)
		return;
	must(mem);
	met.v = mem;
	meet(f, facts->path, &m);
	qsort(met.v, met.n, sizeof(*met.v), last_first);
	for (enum rule_prop prop = 0; prop < RULE_PROP_N; prop++) {
		bool decided = false;

		for (size_t i = 0; i < met.n; i++) {
			const struct rule *r = met.v[i];
			enum rule_state state;

			if (!(r->gives & 1u << prop))
				continue;
			state = state_of(r, prop, facts, decided);
			decided |= state == RULE_DECIDES;
			fn(ctx, prop, r, state);
		}
	}
}
