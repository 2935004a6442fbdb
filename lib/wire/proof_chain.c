/*
 * A journal that is read in order is one run: two digests and two numbers, however long it is. What
 * comes out of order begins a run of its own, which joins its neighbours when the hole between them
 * is filled; a link is proven, in full, at the moment its second end comes. Only to compare a repeat
 * with its first copy something of every entry must be kept: eight bytes of its id. These go first
 * when there is no more room, and what then cannot be compared is told and is no proof.
 */
#include "wire/proof_chain.h"
#include "base/err.h"
#include <inttypes.h>
#include <search.h>
#include <uthash.h>

enum { HOSTS_MOST = 65536, RUNS_MOST = 1 << 20, PAGES_MOST = 1 << 16, PAGE = 512 };

struct run {
	uint64_t from, to;
	uint8_t prev[SHA_LEN], last[SHA_LEN]; /* prev of `from`, id of `to` */
	bool has_prev;
};
struct chain {
	char *host;
	uint32_t no;
	void *runs;   /* tsearch: disjoint */
	uint64_t top; /* the highest seq so far */
	uint64_t entries, repeats, late, links, conflicts;
	uint64_t uncompared; /* repeats that were no longer remembered */
	uint64_t unplaced;   /* beyond the runs that may be kept: proven alone */
	UT_hash_handle hh;
};
struct page_key {
	uint64_t chain, no;
};
struct page {
	struct page_key key;
	uint64_t tag[PAGE];
	UT_hash_handle hh;
};

static int by_place(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->to < y->from ? -1 : x->from > y->to;
}

static struct run *run_of(const struct chain *c, uint64_t seq)
{
	struct run key = {.from = seq, .to = seq};
	struct run **found = seq ? tfind(&key, (void *const *)&c->runs, by_place) : NULL;

	return found ? *found : NULL;
}

void chains_fini(struct chains *cs)
{
	struct chain *c, *next;
	struct page *g, *after;

	HASH_ITER(hh, cs->pages, g, after) {
		HASH_DEL(cs->pages, g);
		free(g);
	}
	HASH_ITER(hh, cs->all, c, next) {
		HASH_DEL(cs->all, c);
		tdestroy(c->runs, free);
		free(c->host);
		free(c);
	}
	for (size_t i = 0; i < cs->n_kept; i++)
		buf_free(&cs->kept[i].why);
}

size_t chains_count(const struct chains *cs)
{
	return HASH_COUNT(cs->all);
}

void chains_find(struct chains *cs, enum finding_kind kind, uint64_t seq, const char *why)
{
	struct finding *f = &cs->kept[cs->n_kept];

	cs->counts[kind]++;
	if (cs->n_kept == FINDINGS_KEPT)
		return;
	cs->n_kept++;
	*f = (struct finding){.kind = kind, .line = cs->line, .seq = seq};
	buf_add_text(&f->why, why);
}

static int chain_of(struct chains *cs, struct span host, struct chain **ret)
{
	struct chain *c;

	if (!host.p)
		host = span_of("");
	HASH_FIND(hh, cs->all, host.p, host.n, c);
	*ret = c;
	if (c)
		return 0;
	if (chains_count(cs) == HOSTS_MOST)
		return err_set(-E2BIG, "it has events of more than %d hosts: name one (--host)",
			HOSTS_MOST);
	c = calloc(1, sizeof(*c));
	must(c);
	c->host = span_dup(host);
	c->no = (uint32_t)chains_count(cs);
	HASH_ADD_KEYPTR(hh, cs->all, c->host, host.n, c);
	*ret = c;
	return 0;
}

/* ---- repeats ---- */

static struct page *page_of(struct chains *cs, const struct chain *c, uint64_t seq)
{
	struct page_key key = {c->no, seq / PAGE};
	struct page *g;

	HASH_FIND(hh, cs->pages, &key, sizeof(key), g);
	return g;
}

static uint64_t tag_of(const uint8_t *id)
{
	uint64_t tag;

	memcpy(&tag, id, sizeof(tag));
	return tag ? tag : 1;
}

static void remember(struct chains *cs, const struct chain *c, const struct event_link *e)
{
	size_t most = cs->opt.max_pages ? cs->opt.max_pages : PAGES_MOST;
	struct page *g = page_of(cs, c, e->seq), *oldest = cs->pages;

	if (!g) {
		if (HASH_COUNT(cs->pages) >= most) {
			HASH_DEL(cs->pages, oldest);
			free(oldest);
		}
		g = calloc(1, sizeof(*g));
		must(g);
		g->key = (struct page_key){c->no, e->seq / PAGE};
		HASH_ADD(hh, cs->pages, key, sizeof(g->key), g);
	}
	g->tag[e->seq % PAGE] = tag_of(e->id);
}

static void repeated(struct chains *cs, struct chain *c, const struct event_link *e)
{
	const struct page *g = page_of(cs, c, e->seq);
	uint64_t tag = g ? g->tag[e->seq % PAGE] : 0;

	c->repeats++;
	if (!tag) {
		c->uncompared++;
	} else if (tag != tag_of(e->id)) {
		c->conflicts++;
		chains_find(cs, FINDING_CONFLICT, e->seq,
			"another entry has this seq: one of the two is forged, or the journal "
			"was begun anew");
	}
}

/* ---- links ---- */

static void bad_link(struct chains *cs, struct chain *c, uint64_t seq)
{
	BUF struct buf why = {.p = NULL};

	c->links++;
	if (seq == 1)
		buf_add_text(&why, "event 1 begins the journal, and names one before it");
	else
		buf_printf(&why,
			"event %" PRIu64 " does not follow event %" PRIu64
			": its prev is another id",
			seq, seq - 1);
	chains_find(cs, FINDING_LINK, seq, buf_text(&why));
}

static int new_run(struct chains *cs, struct chain *c, const struct event_link *e, bool has_prev)
{
	size_t most = cs->opt.max_runs ? cs->opt.max_runs : RUNS_MOST;
	struct run *run;

	if (cs->n_runs >= most && cs->opt.allow_holes) {
		c->unplaced++;
		return 0;
	}
	if (cs->n_runs >= most)
		return err_set(-E2BIG,
			"it has more than %zu holes: was it stored by a sink with min_severity? "
			"--allow-holes proves each entry alone",
			most);
	run = calloc(1, sizeof(*run));
	must(run);
	run->from = run->to = e->seq;
	memcpy(run->prev, e->prev, SHA_LEN);
	memcpy(run->last, e->id, SHA_LEN);
	run->has_prev = has_prev;
	must(tsearch(run, &c->runs, by_place));
	cs->n_runs++;
	return 0;
}

static void join(struct chains *cs, struct chain *c, struct run *below, struct run *above)
{
	must(tdelete(above, &c->runs, by_place));
	below->to = above->to;
	memcpy(below->last, above->last, SHA_LEN);
	free(above);
	cs->n_runs--;
}

static int place(struct chains *cs, struct chain *c, const struct event_link *e, bool has_prev)
{
	static const uint8_t none[SHA_LEN];
	struct run *below = run_of(c, e->seq - 1), *above = run_of(c, e->seq + 1);

	if (e->seq == 1 && has_prev && !sha_same(e->prev, none))
		bad_link(cs, c, 1);
	if (below && has_prev && !sha_same(below->last, e->prev))
		bad_link(cs, c, e->seq);
	if (above && above->has_prev && !sha_same(above->prev, e->id))
		bad_link(cs, c, e->seq + 1);
	if (below) {
		below->to = e->seq;
		memcpy(below->last, e->id, SHA_LEN);
	} else if (above) {
		above->from = e->seq;
		memcpy(above->prev, e->prev, SHA_LEN);
		above->has_prev = has_prev;
	} else {
		return new_run(cs, c, e, has_prev);
	}
	if (below && above)
		join(cs, c, below, above);
	return 0;
}

int chains_add(struct chains *cs, const struct event_link *e, bool has_prev)
{
	const struct proof_options *o = &cs->opt;
	struct chain *c;
	int r;

	if (o->host && !span_is(e->host, o->host)) {
		cs->foreign++;
		return 0;
	}
	if (e->seq < o->since || (o->until && e->seq > o->until)) {
		cs->outside++;
		return 0;
	}
	r = chain_of(cs, e->host, &c);
	if (r < 0)
		return r;
	if (run_of(c, e->seq)) {
		repeated(cs, c, e);
		return 0;
	}
	c->entries++;
	c->late += e->seq < c->top;
	c->top = e->seq > c->top ? e->seq : c->top;
	remember(cs, c, e);
	return place(cs, c, e, has_prev);
}

/* ---- what it comes to ---- */

struct sum {
	uint64_t next; /* the seq that would be no hole; 0: any */
	uint64_t missing, holes;
	struct buf list; /* of JSON objects */
	struct json j;
	struct buf words; /* the first few, for people */
	const struct run *first, *last;
};

static void add_hole(struct sum *s, uint64_t from, uint64_t to)
{
	s->missing += to - from + 1;
	if (s->holes++ >= HOLES_KEPT)
		return;
	json_open(&s->j, '{');
	json_m_uint(&s->j, "from", from);
	json_m_uint(&s->j, "to", to);
	json_close(&s->j, '}');
	if (s->holes > 5)
		return;
	buf_add_text(&s->words, s->holes == 1 ? "" : ", ");
	buf_printf(&s->words, from == to ? "%" PRIu64 : "%" PRIu64 "-%" PRIu64, from, to);
}

static void add_run(const void *node, VISIT visit, void *sum)
{
	const struct run *run = *(struct run *const *)node;
	struct sum *s = sum;

	if (visit != postorder && visit != leaf)
		return;
	if (s->next && run->from > s->next)
		add_hole(s, s->next, run->from - 1);
	if (!s->first)
		s->first = run;
	s->last = run;
	s->next = run->to + 1;
}

static void show_links(const struct chain *c, struct json *j, bool ok)
{
	BUF struct buf detail = {.p = NULL};

	if (c->links)
		buf_printf(&detail, "%" PRIu64 " do not follow the entry before; ", c->links);
	if (c->conflicts)
		buf_printf(
			&detail, "%" PRIu64 " differ from another of the same seq; ", c->conflicts);
	if (c->uncompared)
		buf_printf(&detail,
			"%" PRIu64 " repeats came too long after their first copy to be compared; ",
			c->uncompared);
	if (c->unplaced)
		buf_printf(&detail, "%" PRIu64 " were proven alone; ", c->unplaced);
	buf_printf(&detail, "%" PRIu64 " out of order, %" PRIu64 " repeated", c->late, c->repeats);
	json_open(j, '{');
	json_m_text(j, "check", "chain");
	json_m_uint(j, "conflicts", c->conflicts);
	json_m_str(j, "detail", buf_span(&detail));
	json_m_uint(j, "links", c->links);
	json_m_bool(j, "ok", ok);
	json_m_uint(j, "out_of_order", c->late);
	json_m_uint(j, "repeated", c->repeats);
	json_m_str(j, "subject", span_of(c->host));
	json_m_uint(j, "uncompared", c->uncompared);
	json_close(j, '}');
}

static void describe(const struct chain *c, const struct sum *s, bool allowed, struct buf *out)
{
	if (s->first)
		buf_printf(out, "seq %" PRIu64 " to %" PRIu64 ", ", s->first->from, s->last->to);
	buf_printf(out, "%" PRIu64 " entries", c->entries);
	if (!s->holes)
		return;
	buf_printf(out, ", %" PRIu64 " missing: %s%s", s->missing, buf_text(&s->words),
		s->holes > 5 ? " and more" : "");
	buf_add_text(out,
		allowed ? "; allowed: each entry is proven, that none is missing is not"
			: "; a sink with min_severity leaves such holes and can prove each entry "
			  "alone (--allow-holes)");
}

static void show_holes(const struct chain *c, const struct sum *s, struct json *j, bool allowed)
{
	BUF struct buf detail = {.p = NULL};

	describe(c, s, allowed, &detail);
	json_open(j, '{');
	json_m_text(j, "check", "complete");
	json_m_str(j, "detail", buf_span(&detail));
	json_m_uint(j, "entries", c->entries);
	if (s->first) {
		json_m_uint(j, "first", s->first->from);
		json_m_hex(j, "first_prev", span_make(s->first->prev, SHA_LEN));
	}
	json_key(j, "holes");
	json_raw(j, buf_span(&s->list));
	if (s->last) {
		json_m_uint(j, "last", s->last->to);
		json_m_hex(j, "last_id", span_make(s->last->last, SHA_LEN));
	}
	json_m_uint(j, "missing", s->missing);
	json_m_uint(j, "n_holes", s->holes);
	json_m_bool(j, "ok", !s->holes || allowed);
	json_m_str(j, "subject", span_of(c->host));
	json_close(j, '}');
}

static bool show_chain(const struct chains *cs, const struct chain *c, struct json *j)
{
	bool ok = !c->links && !c->conflicts && !c->uncompared;
	struct sum s = {.next = cs->opt.since};

	s.j = json_on(&s.list);
	json_open(&s.j, '[');
	twalk_r(c->runs, add_run, &s);
	if (cs->opt.until && s.next && s.next <= cs->opt.until)
		add_hole(&s, s.next, cs->opt.until);
	json_close(&s.j, ']');
	show_links(c, j, ok);
	show_holes(c, &s, j, cs->opt.allow_holes);
	buf_free(&s.list);
	buf_free(&s.words);
	return ok && (!s.holes || cs->opt.allow_holes);
}

static int by_host(const struct chain *a, const struct chain *b)
{
	return strcmp(a->host, b->host);
}

bool chains_show(struct chains *cs, struct json *j)
{
	bool ok = true;

	HASH_SRT(hh, cs->all, by_host);
	for (const struct chain *c = cs->all; c; c = c->hh.next)
		ok &= show_chain(cs, c, j);
	return ok;
}
