/* The larger answers. See noun.c for the nouns that events carry too. */
#include "wire/show.h"

void show_paths(struct json *j, const char *key, struct span list)
{
	struct rd at = rd_of(list);
	struct span path;

	if (list.n == 0)
		return;
	json_key(j, key);
	json_open(j, '[');
	while (target_next_path(&at, &path))
		json_str(j, path);
	json_close(j, ']');
}

void show_counts(struct json *j, const struct show_counts *c)
{
	json_key(j, "counts");
	json_open(j, '{');
	json_m_uint(j, "A", c->added);
	json_m_uint(j, "C", c->changed);
	json_m_uint(j, "D", c->deleted);
	json_close(j, '}');
}

static const char *worst_name(const struct target_state_rec *s)
{
	bool any = s->n_added || s->n_changed || s->n_deleted;

	return !any			    ? "none"
	       : (unsigned)s->worst < SEV_N ? severity_kinds[s->worst].name
					    : "unknown";
}

static void show_volumes(struct json *j, struct span pairs)
{
	struct rd at = rd_of(pairs);
	struct pair p;

	if (pairs.n == 0)
		return;
	json_key(j, "volumes");
	json_open(j, '[');
	while (target_next_pair(&at, &p)) {
		json_open(j, '{');
		json_m_str(j, "container", p.key);
		json_m_path(j, "path", p.value);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void show_excluded(struct json *j, const struct show_excluded *x)
{
	if (!x->n)
		return;
	json_key(j, "excluded");
	json_open(j, '[');
	for (size_t i = 0; i < x->n; i++)
		json_str(j, x->globs[i]);
	json_close(j, ']');
	if (x->all)
		json_m_bool(j, "excluded_all", true);
}

static void show_holds(struct json *j, const struct show_names *names)
{
	if (!names || !names->n)
		return;
	json_key(j, "holds");
	json_open(j, '[');
	for (size_t i = 0; i < names->n; i++)
		json_str(j, names->v[i]);
	json_close(j, ']');
}

/* baseline_root … last_sweep */
static void show_judged(struct json *j, const struct show_judged *by)
{
	if (!by || (!by->root && !by->lacks))
		return;
	json_key(j, "golden");
	json_open(j, '{');
	json_m_bool(j, "lacks", by->lacks);
	if (by->root)
		json_m_hex(j, "root", span_make(by->root, SHA_LEN));
	json_key(j, "signed_by");
	json_open(j, '[');
	for (size_t i = 0; i < by->n_signers; i++)
		json_str(j, by->signers[i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void target_first(struct json *j, const struct target *t, const struct target_state_rec *s,
	const struct show_excluded *x, const struct show_names *holds, const struct show_judged *by)
{
	if (s->baselined)
		json_m_hex(j, "baseline_root", span_make(s->baseline_root, SHA_LEN));
	json_m_bool(j, "baselined", s->baselined);
	show_counts(j, &(struct show_counts){s->n_added, s->n_changed, s->n_deleted});
	json_m_hex(j, "drift_id", span_make(s->drift_id, SHA_LEN));
	show_excluded(j, x);
	show_time(j, "found", t->found);
	show_str(j, "fs_type", t->fs_type);
	json_m_uint(j, "generation", s->generation);
	show_judged(j, by);
	show_holds(j, holds);
	json_m_str(j, "id", t->id);
	show_str(j, "image", t->image);
	show_str(j, "image_digest", t->image_digest);
	json_m_text(j, "kind", target_kinds[t->kind].name);
	json_key(j, "labels");
	show_labels(j, t->labels);
	show_time(j, "last_sweep", s->last_sweep);
}

static void show_odd(struct json *j, const struct verdict_odd *o)
{
	json_open(j, '{');
	show_aspects(j, o->aspects);
	json_key(j, "kind");
	json_str(j, span_make(&o->kind, 1));
	json_m_path(j, "path", o->path);
	json_close(j, '}');
}

static void show_signed(struct json *j, const struct verdict_signed *s)
{
	if (s->state == SIGNED_UNKNOWN && !s->unmet.n && !s->demanded)
		return;
	json_key(j, "signature");
	json_open(j, '{');
	json_m_bool(j, "demanded", s->demanded);
	show_str(j, "key", s->key);
	show_str(j, "manifest", s->manifest);
	show_str(j, "reference", s->reference);
	json_m_text(j, "state", signed_kinds[s->state].name);
	show_str(j, "unmet", s->unmet);
	show_str(j, "why", s->why);
	json_close(j, '}');
}

void show_verdict(struct json *j, const struct verdict *v)
{
	struct rd at = rd_of(v->odds);
	struct verdict_odd o;

	json_open(j, '{');
	json_m_uint(j, "bytes", v->bytes);
	show_str(j, "digest", v->digest);
	json_m_uint(j, "entries", v->entries);
	json_m_uint(j, "files", v->files);
	json_m_text(j, "how", verdict_hows[v->how].name);
	show_str(j, "manifest", v->manifest);
	json_m_uint(j, "odd", v->n_odd);
	json_key(j, "odds");
	json_open(j, '[');
	while (verdict_odd_next(&at, &o))
		show_odd(j, &o);
	json_close(j, ']');
	show_signed(j, &v->by);
	show_time(j, "since", v->since);
	json_m_text(j, "state", verdict_kinds[v->state].name);
	show_time(j, "when", v->when);
	show_str(j, "why", v->why);
	json_close(j, '}');
}

void show_verdict_of(struct json *j, const struct verdict *v)
{
	if (!v)
		return;
	json_key(j, "verdict");
	show_verdict(j, v);
}

void show_target(struct json *j, const struct target *t, const struct target_state_rec *s,
	const struct show_excluded *x, const struct show_names *holds, const struct verdict *v,
	const struct show_judged *by)
{
	json_open(j, '{');
	target_first(j, t, s, x, holds, by);
	json_m_bool(j, "late", t->late);
	json_m_text(j, "level", level_kinds[t->level].name);
	show_paths(j, "lowers", t->lowers);
	json_m_str(j, "name", t->name);
	json_m_uint(j, "no", t->no);
	if (t->pid)
		json_m_uint(j, "pid", t->pid);
	show_pod(j, t);
	json_m_bool(j, "read_only", t->read_only);
	show_time(j, "removed", t->removed);
	json_m_str(j, "runtime", t->runtime);
	json_m_text(j, "state", state_kinds[t->state].name);
	show_time(j, "stopped", t->stopped);
	show_path(j, "upper", t->upper);
	show_verdict_of(j, v);
	show_volumes(j, t->volumes);
	json_m_text(j, "worst", worst_name(s));
	json_close(j, '}');
}

void show_coverage(struct json *j, const struct show_coverage *c)
{
	json_open(j, '{');
	json_m_bool(j, "baselined", c->baselined);
	show_excluded(j, &c->excluded);
	json_key(j, "gaps");
	json_open(j, '[');
	for (size_t i = 0; i < c->n_gaps; i++)
		show_gap(j, &c->gaps[i]);
	json_close(j, ']');
	json_key(j, "last_sweep");
	if (c->last_sweep)
		json_time(j, c->last_sweep);
	else
		json_nil(j);
	json_m_bool(j, "late", c->late);
	json_m_text(j, "level", level_kinds[c->level].name);
	if (c->sensor)
		json_m_text(j, "sensor", c->sensor);
	if (c->signature != SIGNED_UNKNOWN)
		json_m_text(j, "signature", signed_kinds[c->signature].name);
	if (c->state != STATE_RUNNING)
		json_m_text(j, "state", state_kinds[c->state].name);
	if (c->verdict != VERDICT_NONE)
		json_m_text(j, "verdict", verdict_kinds[c->verdict].name);
	json_close(j, '}');
}

void show_layer(struct json *j, const struct show_layer *l)
{
	json_open(j, '{');
	json_m_uint(j, "bytes", l->bytes);
	show_time(j, "created", l->created);
	show_str(j, "digest", l->digest);
	json_m_hex(j, "identity", span_make(l->identity, SHA_LEN));
	json_m_str(j, "kind", l->kind);
	json_m_path(j, "path", l->path);
	json_m_uint(j, "records", l->records);
	if (l->root)
		json_m_hex(j, "root", span_make(l->root, SHA_LEN));
	json_m_text(j, "state", l->root ? "complete" : "partial");
	json_key(j, "targets");
	json_open(j, '[');
	for (size_t i = 0; i < l->n_targets; i++)
		json_str(j, l->targets[i]);
	json_close(j, ']');
	show_verdict_of(j, l->verdict);
	json_close(j, '}');
}

void show_generation(struct json *j, const struct show_generation *g, const struct buf *items)
{
	if (g->drift_id)
		json_m_hex(j, "drift_id", span_make(g->drift_id, SHA_LEN));
	show_time(j, "expires", g->expires);
	json_m_uint(j, "generation", g->no);
	if (g->golden)
		json_m_hex(j, "golden", span_make(g->golden, SHA_LEN));
	if (items) {
		json_key(j, "items");
		json_raw(j, buf_span(items));
	}
	json_m_uint(j, "paths", g->n_paths);
	show_str(j, "reason", g->reason);
	if (g->root)
		json_m_hex(j, "root", span_make(g->root, SHA_LEN));
	show_time(j, "time", g->time);
	json_m_uint(j, "uid", g->uid);
}
