#include "daemon/sensor/items.h"

struct sighting *sighting_new(struct kept *k, struct span path, int64_t when)
{
	struct sighting *s = calloc(1, sizeof(*s));

	must(s);
	s->item.kind = ITEM_SIGHTING;
	s->kept = kept_ref(k);
	s->when = when;
	s->path = sighting_keep(s, path);
	return s;
}

bool sighting_is_unlike_layers(const struct sighting *s)
{
	struct record now, base;

	return !s->has_now || !s->has_base || record_decode(sighting_get(s, s->now), &now) < 0 ||
	       record_decode(sighting_get(s, s->base), &base) < 0 || record_diff(&now, &base);
}

struct slot sighting_keep(struct sighting *s, struct span bytes)
{
	struct slot at = {(uint32_t)s->mem.n, (uint32_t)bytes.n};

	buf_add_span(&s->mem, bytes);
	must(!s->mem.err);
	return at;
}

void sighting_free(struct sighting *s)
{
	if (s)
		item_free(&s->item);
}

static void free_sighting(struct item *i)
{
	struct sighting *s = container_of(i, struct sighting, item);

	kept_unref(s->kept);
	buf_free(&s->mem);
	free(s);
}

static void free_target(struct item *i)
{
	struct item_target *t = container_of(i, struct item_target, item);

	kept_unref(t->kept);
	buf_free(&t->desc);
	free(t);
}

static void free_gone(struct item *i)
{
	struct item_gone *g = container_of(i, struct item_gone, item);

	kept_unref(g->kept);
	free(g);
}

static void free_scan_end(struct item *i)
{
	struct item_scan_end *e = container_of(i, struct item_scan_end, item);

	kept_unref(e->kept);
	free(e->scope);
	free(e);
}

static void free_snap_begin(struct item *i)
{
	struct item_snap_begin *b = container_of(i, struct item_snap_begin, item);

	lower_unref(b->lower);
	kept_unref(b->tree);
	free(b);
}

static void free_snap_batch(struct item *i)
{
	struct item_snap_batch *b = container_of(i, struct item_snap_batch, item);

	lower_unref(b->lower);
	buf_free(&b->mem);
	free(b->row);
	free(b);
}

static void free_snap_end(struct item *i)
{
	struct item_snap_end *e = container_of(i, struct item_snap_end, item);

	lower_unref(e->lower);
	kept_unref(e->tree);
	buf_free(&e->odds);
	buf_free(&e->words);
	buf_free(&e->verdict);
	free(e->why);
	free(e);
}

static void free_proved(struct item *i)
{
	struct item_proved *e = container_of(i, struct item_proved, item);

	lower_unref(e->lower);
	buf_free(&e->verdict);
	free(e);
}

static void free_chain(struct item *i)
{
	struct item_chain *e = container_of(i, struct item_chain, item);

	kept_unref(e->kept);
	buf_free(&e->verdict);
	free(e);
}

static void free_gap(struct item *i)
{
	struct item_gap *g = container_of(i, struct item_gap, item);

	kept_unref(g->kept);
	buf_free(&g->path);
	buf_free(&g->detail);
	free(g);
}

static void free_accept(struct item *i)
{
	struct item_accept *a = container_of(i, struct item_accept, item);

	buf_free(&a->signatures);
	kept_unref(a->kept);
	buf_free(&a->paths);
	buf_free(&a->reason);
	free(a);
}

static void free_note(struct item *i)
{
	struct item_note *n = container_of(i, struct item_note, item);

	buf_free(&n->detail);
	free(n);
}

static void free_packages(struct item *i)
{
	struct item_packages *p = container_of(i, struct item_packages, item);

	kept_unref(p->kept);
	buf_free(&p->packages);
	buf_free(&p->files);
	buf_free(&p->texts);
	free(p);
}

static void free_explained(struct item *i)
{
	struct item_explained *e = container_of(i, struct item_explained, item);

	kept_unref(e->kept);
	buf_free(&e->odds);
	buf_free(&e->words);
	free(e);
}

static void free_drop(struct item *i)
{
	free(container_of(i, struct item_drop, item));
}

static void free_expired(struct item *i)
{
	struct item_expired *e = container_of(i, struct item_expired, item);

	kept_unref(e->kept);
	free(e);
}

static void free_sink_behind(struct item *i)
{
	free(container_of(i, struct item_sink_behind, item));
}

static void free_sink_refused(struct item *i)
{
	struct item_sink_refused *r = container_of(i, struct item_sink_refused, item);

	buf_free(&r->words);
	buf_free(&r->kept);
	free(r);
}

static void free_sinks(struct item *i)
{
	free(container_of(i, struct item_sinks, item));
}

static void free_session(struct item *i)
{
	struct item_session *s = container_of(i, struct item_session, item);

	kept_unref(s->kept);
	session_note_free(&s->note);
	free(s);
}

static void free_rejudge(struct item *i)
{
	struct item_rejudge *r = container_of(i, struct item_rejudge, item);

	kept_unref(r->kept);
	free(r);
}

static void free_ran(struct item *i)
{
	struct item_ran *r = container_of(i, struct item_ran, item);

	kept_unref(r->kept);
	ran_note_free(&r->note);
	free(r);
}

static void free_rules(struct item *i)
{
	struct item_rules *r = container_of(i, struct item_rules, item);

	rules_unref(r->rules);
	free(r);
}

static void free_hold_open(struct item *i)
{
	struct item_hold_open *h = container_of(i, struct item_hold_open, item);

	kept_unref(h->kept);
	buf_free(&h->name);
	buf_free(&h->reason);
	buf_free(&h->path);
	free(h);
}

static void free_hold_close(struct item *i)
{
	struct item_hold_close *h = container_of(i, struct item_hold_close, item);

	buf_free(&h->reason);
	free(h);
}

static void free_limits(struct item *i)
{
	free(container_of(i, struct item_limits, item));
}

static void free_golden_begin(struct item *i)
{
	struct item_golden_begin *b = container_of(i, struct item_golden_begin, item);

	free(b->gold);
	free(b);
}

static void free_golden_rows(struct item *i)
{
	struct item_golden_rows *r = container_of(i, struct item_golden_rows, item);

	buf_free(&r->mem);
	free(r->row);
	free(r);
}

static void free_golden_end(struct item *i)
{
	struct item_golden_end *e = container_of(i, struct item_golden_end, item);

	if (e->busy)
		atomic_store(e->busy, false);
	free(e->gold);
	free(e->bytes);
	arena_free(&e->mem);
	buf_free(&e->why);
	buf_free(&e->what);
	free(e);
}

static void free_golden_remove(struct item *i)
{
	free(container_of(i, struct item_golden_remove, item));
}

static void free_pulse(struct item *i)
{
	free(i);
}

void item_free(struct item *i)
{
#define X_ITEM(id, fn) free_##fn,
	static void (*const table[ITEM_N])(struct item *) = {ITEM_KINDS(X_ITEM)};
#undef X_ITEM

	if (i)
		table[i->kind](i);
}
