#include "daemon/sensor/coalesce.h"
#include "base/clock.h"
#include "base/err.h"
#include "model/actor.h"
#include <uthash.h>

/* Asks that the workers have before them; those of one target while others wait; how many of its are passed
 * over at a time. */
enum { ENOUGH = 32, SHARE = 8, PASSED_MOST = 256 };
#define BEHIND (5 * CLOCK_MS)
#define BELOW_BITS ((unsigned)(ASK_BELOW | ASK_MOVED | ASK_NAMED))
/* However busy the kernel's queue is: then what is below is looked for all the same. */
#define READ_MOST (5 * CLOCK_S)

struct one_name {
	UT_hash_handle hh;
	unsigned flags;
	int64_t told; /* monotonic, with ASK_NAMED: it was new then */
	bool wrote;   /* the actor */
	struct buf actor, mount;
	size_t n;
	char name[];
};

struct pending {
	UT_hash_handle hh;
	struct pending *next; /* in order of due */
	struct kept *kept;
	struct one_name *names;
	int64_t due, when;
	bool later;	   /* the second look, at what is below: not in the table */
	int64_t read_past; /* with `later`: events until then come first */
	size_t key_n, dir_n;
	char *key; /* the kept's address, then the directory: what it is found by */
};

struct coalesce {
	struct pending *table, *head, **tail;
	int64_t debounce;
	size_t n, limit; /* names */
	size_t n_kepts;	 /* targets that something of is in the line */
};

int coalesce_new(struct coalesce **ret, int64_t debounce, size_t limit)
{
	struct coalesce *c = calloc(1, sizeof(*c));

	must(c);
	c->tail = &c->head;
	c->debounce = debounce;
	c->limit = limit;
	*ret = c;
	return 0;
}

static void name_free(struct one_name *o)
{
	buf_free(&o->actor);
	buf_free(&o->mount);
	free(o);
}

static void pending_free(struct coalesce *c, struct pending *p)
{
	struct one_name *o, *tmp;

	HASH_ITER(hh, p->names, o, tmp) {
		HASH_DEL(p->names, o);
		name_free(o);
		c->n--;
	}
	c->n_kepts -= --p->kept->in_line == 0;
	kept_unref(p->kept);
	free(p->key);
	free(p);
}

static struct pending *step_out(struct coalesce *c)
{
	struct pending *p = c->head;

	c->head = p->next;
	if (!c->head)
		c->tail = &c->head;
	p->next = NULL;
	return p;
}

static struct pending *take_head(struct coalesce *c)
{
	struct pending *p = step_out(c);

	if (!p->later)
		HASH_DEL(c->table, p);
	return p;
}

void coalesce_free(struct coalesce *c)
{
	if (!c)
		return;
	while (c->head)
		pending_free(c, take_head(c));
	free(c);
}

static void split(struct span path, struct span *dir, struct span *name)
{
	size_t cut = path.n;

	while (cut && path.p[cut - 1] != '/')
		cut--;
	*name = span_make(path.p + cut, path.n - cut);
	*dir = cut > 1 ? span_make(path.p, cut - 1) : span_of("/");
}

/* At the end of the line, which is in order of time. `key` is taken. */
static struct pending *pending_new(
	struct coalesce *c, const struct touch *t, struct buf *key, size_t dir_n)
{
	struct pending *p = calloc(1, sizeof(*p));

	must(p);
	p->kept = kept_ref(t->kept);
	c->n_kepts += p->kept->in_line++ == 0;
	p->due = clock_mono() + c->debounce;
	p->when = t->when;
	p->key_n = key->n;
	p->dir_n = dir_n;
	p->key = (char *)take(key->p);
	*c->tail = p;
	c->tail = &p->next;
	return p;
}

static struct pending *find(struct coalesce *c, const struct touch *t, struct span dir)
{
	BUF struct buf key = {0};
	struct pending *p = NULL;

	buf_add(&key, &t->kept, sizeof(t->kept));
	buf_add_span(&key, dir);
	must(!key.err);
	HASH_FIND(hh, c->table, key.p, key.n, p);
	if (p)
		return p;
	p = pending_new(c, t, &key, dir.n);
	HASH_ADD_KEYPTR(hh, c->table, p->key, p->key_n, p);
	return p;
}

static struct one_name *add_name(struct coalesce *c, struct pending *p, struct span name)
{
	struct one_name *o = calloc(1, sizeof(*o) + name.n + 1);

	must(o);
	if (name.n)
		memcpy(o->name, name.p, name.n);
	o->n = name.n;
	HASH_ADD(hh, p->names, name, o->n, o);
	c->n++;
	return o;
}

int coalesce_add(struct coalesce *c, const struct touch *t)
{
	struct span dir, name;
	struct pending *p;
	struct one_name *o = NULL;

	split(t->path, &dir, &name);
	if (c->n >= c->limit)
		return COALESCE_FULL;
	p = find(c, t, dir);
	HASH_FIND(hh, p->names, name.p, name.n, o);
	if (!o)
		o = add_name(c, p, name);
	o->flags |= t->flags;
	if (t->flags & ASK_NAMED)
		o->told = clock_mono();
	if (t->flags & (ASK_COVERED | ASK_UNCOVERED))
		o->flags &= ~(unsigned)(t->flags & ASK_COVERED ? ASK_UNCOVERED : ASK_COVERED);
	actor_join(&o->actor, &o->wrote, t->actor, t->wrote);
	if (t->mount.n) {
		buf_reset(&o->mount);
		buf_add_span(&o->mount, t->mount);
	}
	return 0;
}

/* What is below a new directory, each with an event of its own that names its process: those that were
 * read by now are looked at before anybody looks for what they do not tell. */
static void look_below_later(struct coalesce *c, const struct pending *p, const struct one_name *o)
{
	const struct touch t = {.kept = p->kept, .when = p->when};
	BUF struct buf key = {0};
	struct pending *second;
	struct one_name *again;

	buf_add(&key, p->key, p->key_n);
	must(!key.err);
	second = pending_new(c, &t, &key, p->dir_n);
	second->later = true;
	second->read_past = o->told;
	again = add_name(c, second, span_make(o->name, o->n));
	again->flags = o->flags & BELOW_BITS;
	buf_add_span(&again->actor, buf_span(&o->actor));
}

static void submit(struct coalesce *c, struct examiner *ex, struct pending *p)
{
	struct ask *a = ask_new(p->kept, span_make(p->key + sizeof(p->kept), p->dir_n), p->when);
	struct one_name *o, *tmp;

	HASH_ITER(hh, p->names, o, tmp) {
		unsigned flags = o->flags;

		if (!p->later && flags & ASK_NAMED) {
			look_below_later(c, p, o);
			flags &= ~BELOW_BITS;
		}
		ask_add(a, span_make(o->name, o->n), flags, buf_span(&o->actor),
			buf_span(&o->mount));
	}
	ask_submit(a, ex);
	pending_free(c, p);
}

/* To the end of the line, which is in order of time. */
static void wait_on(struct coalesce *c, struct pending *p, int64_t now)
{
	p->due = now + (c->debounce > CLOCK_MS ? c->debounce : CLOCK_MS);
	*c->tail = p;
	c->tail = &p->next;
}

static bool comes_too_early(const struct pending *p, int64_t now, int64_t read_to)
{
	return p->later && read_to < p->read_past && now < p->read_past + READ_MOST;
}

/* One target, and whoever is inside it, does not fill the line before the workers. */
static bool has_its_share(const struct coalesce *c, const struct pending *p)
{
	return c->n_kepts > 1 && atomic_load(&p->kept->asked) >= SHARE;
}

int64_t coalesce_flush(struct coalesce *c, struct examiner *ex, int64_t now, int64_t read_to)
{
	unsigned passed = 0;

	while (c->head && c->head->due <= now) {
		bool full = has_its_share(c, c->head);

		if (jobs_len(ex->jobs, JOB_LIVE) >= ENOUGH || passed == PASSED_MOST)
			return BEHIND;
		passed += full;
		if (full || c->head->kept->held || comes_too_early(c->head, now, read_to))
			wait_on(c, step_out(c), now);
		else
			submit(c, ex, take_head(c));
	}
	return c->head ? c->head->due - now : -1;
}

void coalesce_drop(struct coalesce *c, const struct kept *k)
{
	struct pending **at = &c->head;

	while (*at) {
		struct pending *p = *at;

		if (p->kept != k) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (!p->later)
			HASH_DEL(c->table, p);
		pending_free(c, p);
	}
	c->tail = at;
}

size_t coalesce_len(const struct coalesce *c)
{
	return c->n;
}
