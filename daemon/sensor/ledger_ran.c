/*
 * exec.drifted: a program that is drift was run in a container.
 *
 * What is run is told by the process table, what is drift by looks at files, and each may be known before
 * the other: so the programs that were run are remembered for a while by path, and held against each
 * change as it is written down. A program counts as drift when it was run no earlier than it was first
 * touched, or when it still runs from the file that is there. One that ended before the process table could
 * read what it was is not told.
 *
 * Of one program with one content, started by one other, that is told once an hour.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "box/proc.h"
#include "daemon/sensor/ledger_impl.h"
#include <uthash.h>

enum { RUN_MAX = 4096, TOLD_MAX = 4096 };
#define AGAIN_AFTER (3600 * CLOCK_S)
/* A touch has the time when it was read from the kernel, which is so much later at most; a program that was
 * replaced sooner after it was run is taken for its successor. */
#define READ_LATE (50 * CLOCK_MS)

struct run_once { /* what was run last at a path */
	UT_hash_handle hh;
	int64_t when; /* wall */
	bool waits;   /* it is not in the baseline, and no change tells of it yet */
	struct buf actor;
	size_t n;
	char key[]; /* the target's number, then the path */
};
struct told_once {
	UT_hash_handle hh;
	int64_t at; /* wall */
	bool fresh; /* in the batch at hand */
	uint8_t key[SHA_LEN];
};
struct ran_table {
	struct run_once *run;
	struct told_once *told;
	size_t n_fresh, n_waiting;
};

static struct ran_table *table_of(struct ledger *l)
{
	if (!l->ran) {
		l->ran = calloc(1, sizeof(*l->ran));
		must(l->ran);
	}
	return l->ran;
}

static void forget_run(struct ran_table *t, struct run_once *r)
{
	HASH_DEL(t->run, r);
	t->n_waiting -= r->waits;
	buf_free(&r->actor);
	free(r);
}

static void forget_told(struct ran_table *t, struct told_once *o)
{
	HASH_DEL(t->told, o);
	t->n_fresh -= o->fresh;
	free(o);
}

void ledger_ran_free(struct ledger *l)
{
	struct ran_table *t = l->ran;

	while (t && t->run)
		forget_run(t, t->run);
	while (t && t->told)
		forget_told(t, t->told);
	free(take(l->ran));
}

/* What was told in a batch that was not written is told by the next attempt. */
void ledger_ran_over(struct ledger *l, bool committed)
{
	struct told_once *o, *next;

	if (!l->ran || !l->ran->n_fresh)
		return;
	HASH_ITER(hh, l->ran->told, o, next) {
		if (o->fresh && !committed)
			forget_told(l->ran, o);
		else
			o->fresh = false;
	}
	l->ran->n_fresh = 0;
}

static void key_of(const struct kept *k, struct span path, struct buf *out)
{
	buf_be32(out, atomic_load(&k->no));
	buf_add_span(out, path);
}

static struct run_once *find_run(struct ran_table *t, const struct kept *k, struct span path)
{
	BUF struct buf key = {0};
	struct run_once *r = NULL;

	key_of(k, path, &key);
	must(!key.err);
	HASH_FIND(hh, t->run, key.p, key.n, r);
	return r;
}

static struct run_once *remember(
	struct ran_table *t, const struct kept *k, struct span path, const struct item_ran *it)
{
	struct run_once *r = find_run(t, k, path);
	BUF struct buf key = {0};

	if (!r) {
		if (HASH_COUNT(t->run) >= RUN_MAX)
			forget_run(t, t->run); /* the oldest */
		key_of(k, path, &key);
		r = calloc(1, sizeof(*r) + key.n);
		must(r && !key.err);
		r->n = key.n;
		memcpy(r->key, key.p, key.n);
		HASH_ADD(hh, t->run, key, r->n, r);
	}
	r->when = it->note.when;
	buf_reset(&r->actor);
	buf_add_span(&r->actor, buf_span(&it->note.actor));
	return r;
}

static void set_waits(struct ran_table *t, struct run_once *r, bool waits)
{
	t->n_waiting += waits;
	t->n_waiting -= r->waits;
	r->waits = waits;
}

/* True: it was told of late. False: it is to be told now, which is remembered. */
static bool was_told(
	struct ledger *l, const struct kept *k, const struct change *c, const struct actor *who)
{
	struct ran_table *t = table_of(l);
	struct told_once *o = NULL;
	struct record now;
	BUF struct buf text = {0};
	uint8_t key[SHA_LEN];

	key_of(k, c->path, &text);
	buf_u8(&text, 0);
	if (c->now.n && record_decode(c->now, &now) == 0 && now.has_sha)
		buf_add(&text, now.sha, SHA_LEN);
	buf_add_span(&text, who->n_up ? who->up[0].exe : (struct span){0});
	sha_once(buf_span(&text), key);
	HASH_FIND(hh, t->told, key, SHA_LEN, o);
	if (o && l->now - o->at < AGAIN_AFTER)
		return true;
	if (o)
		forget_told(t, o);
	if (HASH_COUNT(t->told) >= TOLD_MAX)
		forget_told(t, t->told);
	o = calloc(1, sizeof(*o));
	must(o);
	memcpy(o->key, key, SHA_LEN);
	o->at = l->now;
	o->fresh = true;
	t->n_fresh++;
	HASH_ADD(hh, t->told, key, SHA_LEN, o);
	return false;
}

static int tell(struct ledger *l, const struct kept *k, const struct change *c, struct span actor)
{
	BUF struct buf known = {0}, why = {0};
	struct change told = *c;
	struct ruling ruling;
	struct actor who = {.pid = 0};
	int r = ledger_who(l, actor, &known);

	if (r == 0)
		r = actor_decode(buf_span(&known), &who);
	if (r < 0 || was_told(l, k, c, &who))
		return r;
	if (c->first) {
		buf_add_text(&why, c->kind == 'A' ? "not in the baseline, here since "
						  : "not as in the baseline since ");
		clock_format(&why, c->first);
	} else {
		buf_add_text(&why, "not in the baseline, and gone before it could be looked at");
	}
	told.actor = buf_span(&known);
	told.severity =
		ruling_decode(c->ruling, &ruling) == 0 && ruling.expected ? SEV_INFO : SEV_HIGH;
	return ledger_tell(l, k, EVENT_EXEC_DRIFTED, &told, buf_text(&why), NULL);
}

/* Is what is run another program than the baseline has? Rights and times make none. */
static bool is_another(const struct change *c)
{
	static const unsigned other =
		1u << ASPECT_CONTENT | 1u << ASPECT_TYPE | 1u << ASPECT_LAYER | 1u << ASPECT_MOUNT;

	return c->kind == 'A' || (c->kind == 'C' && c->aspects & other);
}

/* The same process, and its program's file is still there. */
static bool runs_still(struct span actor, struct span path)
{
	struct proc_facts f;
	struct actor who = {.pid = 0};
	FD int dir = proc_dir();

	if (dir < 0 || actor_decode(actor, &who) < 0 || !who.start)
		return false;
	proc_read(dir, (int)who.pid, PROC_EXE | PROC_STAT, &f);
	return (f.got & PROC_STAT) && f.stat.start == who.start &&
	       span_eq(span_make(f.exe, f.n_exe), path);
}

int ledger_ran_changed(
	struct ledger *l, const struct kept *k, const struct change *c, int64_t since)
{
	struct run_once *r = l->ran && is_another(c) ? find_run(l->ran, k, c->path) : NULL;

	if (!r)
		return 0;
	if (!r->waits && r->when + READ_LATE < since && !runs_still(buf_span(&r->actor), c->path))
		return 0;
	set_waits(l->ran, r, false);
	return tell(l, k, c, buf_span(&r->actor));
}

int ledger_ran_same(struct ledger *l, const struct kept *k, struct span path)
{
	struct run_once *r = l->ran && l->ran->n_waiting ? find_run(l->ran, k, path) : NULL;
	struct change c = {.kind = 'A', .path = path};

	if (!r || !r->waits)
		return 0;
	set_waits(l->ran, r, false);
	return tell(l, k, &c, buf_span(&r->actor));
}

int ledger_ran(struct ledger *l, struct item *i)
{
	struct item_ran *it = container_of(i, struct item_ran, item);
	BUF struct buf known = {0};
	struct run_once *run;
	struct change c;
	struct actor who = {.pid = 0};
	bool gone;
	struct span path = ledger_who_path(buf_span(&it->note.path), &gone);
	int r;

	if (!atomic_load(&it->kept->no) || atomic_load(&it->kept->gone))
		return 0;
	run = remember(table_of(l), it->kept, path, it);
	r = drift_get(l->txn, atomic_load(&it->kept->no), path, &c);
	if (r == 0 && is_another(&c)) {
		BUF struct buf mem = {0};
		struct change copy = {.seq = 0};

		r = change_encode(&c, &mem);
		if (r == 0)
			r = change_decode(path, buf_span(&mem), &copy);
		return r < 0 ? r : tell(l, it->kept, &copy, buf_span(&it->note.actor));
	}
	if (r < 0)
		return r;
	r = ledger_who(l, buf_span(&it->note.actor), &known);
	if (r == 0 && actor_decode(buf_span(&known), &who) == 0)
		set_waits(l->ran, run, who.drifted);
	return r;
}
