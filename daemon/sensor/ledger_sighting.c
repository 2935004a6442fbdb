/* What was seen, against what should be: the judge decides, this file writes down the verdict. */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/layer_odd.h"
#include "daemon/sensor/ledger_impl.h"
#include "model/actor.h"
#include "model/judge.h"

struct verdict {
	struct ledger *l;
	struct sighting *s;
	uint32_t no;
	struct span path;
	struct record now, base;
	struct judge_in in;
	bool had;	   /* it was drift before */
	bool second_hand;  /* what another was told for is a hand's as well */
	bool put_off;	   /* to another look: nothing was taken from this one */
	bool only_grew;	   /* since it was last looked at: that alone is no news */
	struct change old; /* as stored; `mem` keeps its bytes */
	struct buf mem, base_mem, mount_mem, rule_mem, package_mem;
	struct rules_for *rules;
	struct rules_of_path said;
	struct span base_bytes; /* the baseline's record, accepted or of the layers */
	struct change c;
	enum severity stands; /* before rules */
	uint64_t run;	      /* of a package manager, that it is part of; 0: none */
};

static void verdict_free(struct verdict *v)
{
	buf_free(&v->mem);
	buf_free(&v->base_mem);
	buf_free(&v->mount_mem);
	buf_free(&v->rule_mem);
	buf_free(&v->package_mem);
	rules_for_unref(v->rules);
}

/* ---- gathering: every read before the first write, and copies of what is lent ---- */

static int read_old(struct verdict *v)
{
	struct change c;
	int r = drift_get(v->l->txn, v->no, v->path, &c);

	if (r)
		return r < 0 ? r : 0;
	v->had = true;
	r = change_encode(&c, &v->mem);
	return r < 0 ? r : change_decode(v->path, buf_span(&v->mem), &v->old);
}

/* Is the path below something that was accepted as gone, or as no directory? Then the baseline has
 * nothing there, whatever the layers have. 1 yes, 0 no. */
static int is_below_accepted_absence(struct verdict *v)
{
	struct accepted a;
	struct record rec;
	int r = STORE_ABSENT;

	for (size_t n = v->path.n; n-- > 1 && r == STORE_ABSENT;)
		if (v->path.p[n] == '/')
			r = accepted_in_force(
				v->l->txn, v->no, span_make(v->path.p, n), v->l->now, &a);
	if (r)
		return r < 0 ? r : 0;
	if (!a.rec.n)
		return 1;
	r = record_decode(a.rec, &rec);
	return r < 0 ? r : rec.type != FILE_DIR;
}

static int read_base(struct verdict *v, bool *ret_mount_accepted)
{
	struct sighting *s = v->s;
	struct accepted a;
	int r = accepted_in_force(v->l->txn, v->no, v->path, v->l->now, &a);

	if (r < 0)
		return r;
	if (r == 0) {
		buf_add_span(&v->base_mem, a.rec);
		*ret_mount_accepted =
			(a.aspects & (1u << ASPECT_MOUNT)) && span_eq(a.mount, v->in.mount);
	} else if (s->has_base) {
		r = is_below_accepted_absence(v);
		if (r < 0)
			return r;
		if (r == 0)
			buf_add_span(&v->base_mem, sighting_get(s, s->base));
	}
	v->base_bytes = buf_span(&v->base_mem);
	return buf_err(&v->base_mem);
}

/* A mount that was told stays on the path until it is told to be gone. */
static void choose_mount(struct verdict *v)
{
	struct span told = sighting_get(v->s, v->s->mount);

	if (told.n)
		buf_add_span(&v->mount_mem, told);
	else if (v->had && v->old.mount.n && !v->s->unmounted)
		buf_add_span(&v->mount_mem, v->old.mount);
	v->in.mount = buf_span(&v->mount_mem);
}

static int gather(struct verdict *v)
{
	struct sighting *s = v->s;
	bool accepted = false;
	int r = read_old(v);

	if (r < 0)
		return r;
	choose_mount(v);
	if ((r = read_base(v, &accepted)) < 0)
		return r;
	if (accepted)
		v->in.mount = (struct span){0};
	if (s->has_now && (r = record_decode(sighting_get(s, s->now), &v->now)) < 0)
		return r;
	if (v->base_bytes.n && (r = record_decode(v->base_bytes, &v->base)) < 0)
		return r;
	v->in.path = v->path;
	v->in.now = s->has_now ? &v->now : NULL;
	v->in.base = v->base_bytes.n ? &v->base : NULL;
	v->in.parent_gone = s->parent_gone;
	v->in.packaged = v->had && package_is_mismatch(v->old.package);
	if (v->in.packaged)
		ledger_package_again(
			s, &v->old, v->in.now, v->in.base ? &v->base : NULL, &v->package_mem);
	v->in.blind = rules_blind(&v->said);
	v->in.layer_changed = s->layer_changed && (s->layer_odd || sighting_is_unlike_layers(s));
	return 0;
}

/* ---- telling ---- */

static void unknown_actor(struct buf *out)
{
	struct actor a = {.origin = ORIGIN_UNKNOWN,
		.reason = span_of("found by looking: no event named a process")};

	actor_encode(&a, out);
}

/* Who made it drift is one thing, who took it back another. */
static int clear(struct verdict *v, const struct change *was, const char *reason)
{
	BUF struct buf unknown = {0}, known = {0};
	struct span actor = sighting_get(v->s, v->s->actor);
	int r;

	if (!actor.n) {
		unknown_actor(&unknown);
		actor = buf_span(&unknown);
	}
	r = ledger_who(v->l, actor, &known);
	if (r < 0)
		return r;
	ledger_session_path(v->l, v->no, buf_span(&known), was->path);
	return ledger_clear(v->l, v->s->kept, was, buf_span(&known), reason);
}

/* A container may have been renamed, or found before its runtime had written its name. */
static struct span name_now(struct ledger *l, const struct kept *k)
{
	struct target t;

	return ledger_target_of(l, atomic_load(&k->no), &t) == 0 ? t.name : span_of(k->name);
}

static bool stacks(const struct kept *k, struct span layer)
{
	for (size_t j = 0; j < k->n_lower; j++)
		if (span_is(layer, k->lower[j]->path))
			return true;
	return false;
}

/* Has another target that stacks the layer told of the very same? 1 yes, 0 no. */
static int was_told(struct verdict *v, struct span layer)
{
	const struct ledger *l = v->l;
	struct change c;
	int r = 0;

	for (size_t i = 0; i < l->n_kept && r >= 0; i++) {
		uint32_t no = atomic_load(&l->kept[i]->no);

		if (!no || no == v->no || !stacks(l->kept[i], layer))
			continue;
		r = drift_get(l->txn, no, v->path, &c);
		if (r == 0 && c.aspects & (1u << ASPECT_LAYER) && span_eq(c.now, v->c.now))
			return 1;
	}
	return r < 0 ? r : 0;
}

/* A layer's change is told once, naming everybody who stacks the layer. */
static int tell_layer(struct verdict *v)
{
	struct ledger *l = v->l;
	struct event e = {.type = EVENT_LAYER_TAMPERED,
		.severity = SEV_CRITICAL,
		.change = &v->c,
		.detail = span_of(v->s->layer_odd ? layer_odd_words(v->s->odd) : ""),
		.layer = sighting_get(v->s, v->s->detail)};
	FREE struct span *names = calloc(l->n_kept + 1, sizeof(*names));
	struct target t;
	int r = was_told(v, e.layer);

	must(names);
	if (r)
		return r < 0 ? r : 0;
	r = ledger_verdict_tampered(l, e.layer, &v->c, v->s->odd);
	if (r >= 0)
		r = ledger_target_of(l, v->no, &t);
	if (r < 0)
		return r;
	e.target = r == 0 ? &t : NULL; /* found in its journal; the others are named */
	e.names = names;
	for (size_t i = 0; i < l->n_kept; i++)
		if (stacks(l->kept[i], e.layer))
			names[e.n_names++] = name_now(l, l->kept[i]);
	return ledger_journal(l, &e, NULL);
}

/* ---- the verdict ---- */

/* Is it news, or what the drift set says already? Who and when do not make news. */
static bool is_news(const struct verdict *v)
{
	const uint32_t growth = v->only_grew ? 1u << ASPECT_CONTENT | 1u << ASPECT_MTIME : 0;
	BUF struct buf a = {0}, b = {0};
	struct change old = v->old, now = v->c;

	if (!v->had)
		return true;
	old.blind |= growth;
	now.blind |= growth;
	change_identity(&old, &a);
	change_identity(&now, &b);
	return !span_eq(buf_span(&a), buf_span(&b));
}

/* What is no new change - settling, or not any more, growth, another rule - the set learns, the journal
 * does not repeat. */
static int put_again(struct verdict *v)
{
	struct change c = v->old;

	if (c.unsettled == v->c.unsettled && c.severity == v->c.severity && c.blind == v->c.blind &&
		span_eq(c.ruling, v->c.ruling) && span_eq(c.now, v->c.now))
		return 0;
	c.unsettled = v->c.unsettled;
	c.severity = v->c.severity;
	c.blind = v->c.blind;
	c.ruling = v->c.ruling;
	c.aspects = v->c.aspects;
	c.now = v->c.now;
	return drift_put(v->l->txn, v->no, &c);
}

/* ---- what may only grow ---- */

static bool was_altered(const struct verdict *v)
{
	struct ruling r;

	return v->had && ruling_decode(v->old.ruling, &r) == 0 && r.altered;
}

/* It came, and has not grown since: to look at it again, or at what was empty a moment ago, is no growth. */
static bool is_begun(const struct verdict *v)
{
	struct ruling r;

	return v->had && v->old.kind == 'A' && ruling_decode(v->old.ruling, &r) == 0 && !r.grown;
}

/* As it was when it was last looked at; false: it is new. */
static bool read_before(const struct verdict *v, struct record *ret)
{
	if (v->had && v->old.now.n)
		return record_decode(v->old.now, ret) == 0 && ret->type == FILE_REG;
	if (v->had || !v->in.base || v->in.base->type != FILE_REG)
		return false;
	*ret = *v->in.base;
	return true;
}

static bool same_content(const struct record *a, const struct record *b)
{
	return a->has_sha && b->has_sha && sha_same(a->sha, b->sha);
}

/* GROWTH_UNSURE: the look was made before an earlier one was written down; another is wanted. */
enum { GROWTH_UNSURE = GROWTH_BEGUN + 1 };

/* Nobody known counts as the workload, or nothing could grow where the watch names no process; in a tree
 * of the host the host's processes are the workload. */
static bool may_grow_it(const struct verdict *v)
{
	uint32_t by = v->said.by[RULE_GROWING]->grown_by;
	struct span actor = sighting_get(v->s, v->s->actor);
	struct actor who = {.origin = ORIGIN_UNKNOWN};

	if (v->s->kept->kind == TARGET_HOST && by & 1u << ORIGIN_WORKLOAD)
		by |= 1u << ORIGIN_HOST;
	return !actor.n || actor_decode(actor, &who) < 0 || by & 1u << who.origin;
}

static int growth_since(const struct verdict *v)
{
	const struct sighting *s = v->s;
	struct record before;

	if (!rules_of_path_says(&v->said, RULE_GROWING) || !v->in.now ||
		v->in.now->type != FILE_REG || v->in.layer_changed)
		return GROWTH_NONE;
	if (!read_before(v, &before))
		return GROWTH_BEGUN;
	if (is_begun(v) && (!before.size || same_content(&before, v->in.now)))
		return GROWTH_BEGUN;
	if (same_content(&before, v->in.now))
		return v->second_hand && !may_grow_it(v) ? GROWTH_FOREIGN : GROWTH_GROWN;
	if (!before.size)
		return may_grow_it(v) ? GROWTH_GROWN : GROWTH_FOREIGN;
	if (v->in.now->size < before.size)
		return GROWTH_ALTERED;
	if (s->has_prefix && s->prefix_size == before.size && before.has_sha)
		return !sha_same(s->prefix, before.sha) ? GROWTH_ALTERED
		       : may_grow_it(v)			? GROWTH_GROWN
							: GROWTH_FOREIGN;
	return s->gap_set || !before.has_sha ? GROWTH_NONE : GROWTH_UNSURE;
}

/* What was altered once stays so, however it grows; but that is not told each time. */
static int growth_of(struct verdict *v)
{
	int growth = growth_since(v);

	if ((growth != GROWTH_GROWN && growth != GROWTH_BEGUN) || !was_altered(v))
		return growth;
	v->only_grew = true;
	v->second_hand = false;
	return GROWTH_ALTERED;
}

static const char *words_of(const struct verdict *v, int growth)
{
	return growth == GROWTH_ALTERED	  ? "its old part was changed"
	       : growth == GROWTH_FOREIGN ? "it may grow, but not by this origin"
	       : v->second_hand		  ? "found in one look with what another process did"
					  : "";
}

static void rule(struct verdict *v, enum growth growth, struct span actor, uint64_t run)
{
	struct ruled_in in = {.rules = v->rules,
		.said = &v->said,
		.base = v->in.base,
		.now = v->in.now,
		.actor = actor,
		.growth = growth,
		.run = run,
		.when = v->l->now};

	v->c.severity = v->stands;
	buf_reset(&v->rule_mem);
	ledger_rule(&in, &v->c, &v->rule_mem);
}

/* Who counts for the rules: whoever made the change as it is now. */
static void apply_rules(struct verdict *v, enum growth growth)
{
	v->stands = v->c.severity;
	rule(v, growth, v->c.actor, 0);
	if (v->had && !is_news(v) && !v->second_hand)
		rule(v, growth, v->old.actor, ledger_run_of(v->old.ruling));
}

/* A look takes in whatever was done until then: somebody was told for it, and now the event comes by
 * which another one, from outside, had a part in it. He is not to be hidden by that. */
#define ONE_MOMENT CLOCK_S
static bool is_second_hand(const struct verdict *v)
{
	struct span actor = sighting_get(v->s, v->s->actor);
	int64_t apart = v->s->when - v->old.last;
	struct actor now, before;

	if (!v->had || !v->s->touched || !actor.n || apart > ONE_MOMENT || apart < -ONE_MOMENT)
		return false;
	return actor_decode(actor, &now) == 0 && actor_is_hand(&now) &&
	       actor_decode(v->old.actor, &before) == 0 && before.origin != ORIGIN_UNKNOWN &&
	       !actor_is_beside(&now, &before);
}

static bool is_only_touched(const struct verdict *v)
{
	struct record was;

	return v->old.kind == v->c.kind && !(v->old.aspects & ~v->c.aspects) && v->old.now.n &&
	       v->in.now && record_decode(v->old.now, &was) == 0 && same_content(&was, v->in.now);
}

/* Who wrote the content stays in the drift set, with what the rules make of him, when somebody else only
 * touches it afterwards, or nobody knows who changed it: the journal has both. */
static void keep_the_worse(struct verdict *v, enum growth growth)
{
	enum severity mine = v->c.severity;

	if (!v->had || !(is_only_touched(v) ||
			       (!ledger_who_known(v->c.actor) && ledger_who_known(v->old.actor))))
		return;
	rule(v, growth, v->old.actor, ledger_run_of(v->old.ruling));
	if (v->c.severity > mine)
		v->c.actor = v->old.actor;
	else
		rule(v, growth, v->c.actor, v->run);
}

/* Told now it would name whoever made the directory, or nobody. */
static bool comes_early(struct verdict *v)
{
	const struct sighting *s = v->s;

	if (!s->early || v->had || !v->l->opt.again)
		return false;
	v->l->opt.again(v->l->opt.again_ctx, s->kept, v->path, sighting_get(s, s->actor));
	v->put_off = true;
	return true;
}

static int put(struct verdict *v)
{
	BUF struct buf actor = {0}, known = {0};
	struct sighting *s = v->s;
	struct change *c = &v->c;
	bool covered_now = c->aspects & (1u << ASPECT_MOUNT);
	bool covered_before = v->had && (v->old.aspects & (1u << ASPECT_MOUNT));
	int growth, r = 0;

	v->second_hand = is_second_hand(v);
	growth = growth_of(v);
	if (growth == GROWTH_UNSURE && v->l->opt.again) {
		v->l->opt.again(v->l->opt.again_ctx, s->kept, v->path, (struct span){0});
		return 0;
	}

	if (c->kind == 'C')
		c->aspects |= s->odd & 1u << ASPECT_XATTR;
	c->path = v->path;
	c->now = s->has_now ? sighting_get(s, s->now) : (struct span){0};
	c->old = v->base_bytes;
	c->mount = v->in.mount;
	c->from = sighting_get(s, s->from);
	c->unsettled = s->unsettled;
	r = ledger_package_of(v->l, s->kept, &v->in, c, &v->package_mem);
	c->package = v->package_mem.n ? buf_span(&v->package_mem) : v->old.package;
	c->actor = sighting_get(s, s->actor);
	if (!c->actor.n) {
		unknown_actor(&actor);
		c->actor = buf_span(&actor);
	}
	r = r < 0 ? r : ledger_who(v->l, c->actor, &known);
	if (r < 0)
		return r;
	c->actor = buf_span(&known);
	apply_rules(v, (enum growth)growth);
	if (!is_news(v) && !v->second_hand)
		return put_again(v);
	if (comes_early(v))
		return 0;
	ledger_session_path(v->l, v->no, c->actor, v->path);
	r = ledger_run(v->l, s->kept, c, v->stands, &v->run);
	if (r < 0)
		return r;
	if (v->run)
		rule(v, (enum growth)growth, c->actor, v->run);
	c->first = v->had ? v->old.first : s->when;
	c->last = s->when;
	c->seq = v->had ? v->old.seq : 0;
	if (c->aspects & (1u << ASPECT_LAYER))
		r = tell_layer(v);
	if (r == 0)
		r = ledger_tell(v->l, s->kept,
			covered_now && !covered_before ? EVENT_MOUNT_COVERED : EVENT_CHANGE, c,
			words_of(v, growth), &c->seq);
	r = r == 0 ? ledger_package_database(v->l, s->kept, c, v->run) : r;
	keep_the_worse(v, (enum growth)growth);
	ledger_who_forget(v->l);
	r = r == 0 ? drift_put(v->l->txn, v->no, c) : r;
	return r < 0 ? r : ledger_ran_changed(v->l, s->kept, c, s->when);
}

struct below {
	struct span path;
	struct buf list;
};

static int gather_below(void *ctx, const struct change *c)
{
	struct below *b = ctx;

	if (c->path.n > b->path.n)
		buf_bytes(&b->list, c->path);
	return b->list.err;
}

/* Where no directory is any more, what was told of its content is over: one entry each, and the
 * directory's own change stands for all. The directory itself need not have been told: it may have
 * come and gone between two looks at it. */
static int supersede(struct verdict *v)
{
	struct below b = {.path = v->path};
	struct rd at;
	int r = drift_each(v->l->txn, v->no, v->path, gather_below, &b);

	at = rd_of(buf_span(&b.list));
	while (r >= 0 && !rd_end(&at)) {
		struct verdict one = {.l = v->l, .s = v->s, .no = v->no, .path = rd_bytes(&at)};

		if (taken_has_newer(v->l->taken, v->no, one.path, v->s->mark.look))
			continue; /* of a directory that is here again */
		r = read_old(&one);
		if (r == 0 && one.had)
			r = clear(&one, &one.old, "its directory is gone");
		verdict_free(&one);
	}
	buf_free(&b.list);
	return r < 0 ? r : 0;
}

static int on_gap(struct verdict *v)
{
	struct sighting *s = v->s;
	struct gap g = {.target = v->no,
		.path = v->path,
		.cause = s->gap,
		.from = s->when,
		.detail = sighting_get(s, s->detail)};

	return s->gap_set ? ledger_gap_open(v->l, &g) : ledger_gap_settle(v->l, v->no, v->path);
}

static int decide(struct verdict *v)
{
	struct sighting *s = v->s;
	int r = on_gap(v);

	/* Nothing could be seen at all: that is a gap, not a deletion. */
	if (r < 0 || (s->gap_set && s->gap == GAP_UNREADABLE && !s->has_now))
		return r;
	v->rules = kept_rules(s->kept);
	rules_path(v->rules, v->path, &v->said);
	r = gather(v);
	if (r < 0)
		return r;
	if (rules_excluder(v->rules, v->path))
		return v->had ? clear(v, &v->old, "a rule excludes it") : 0;
	if (s->dir_lost)
		r = supersede(v);
	if (r == 0 && judge(&v->in, &v->c) == JUDGE_DRIFT)
		r = put(v);
	else if (r == 0 && v->had)
		r = clear(v, &v->old, s->parent_gone ? "its directory is gone" : "");
	else if (r == 0)
		r = ledger_ran_same(v->l, s->kept, v->path);
	if (r == 0 && s->has_seen)
		r = seen_put(v->l->txn, v->no, &s->seen);
	return r;
}

/* What is known of a mount comes by one sighting alone. */
static bool is_late(const struct verdict *v)
{
	return !v->s->mount.len && !v->s->unmounted &&
	       taken_is_late(v->l->taken, v->no, v->path, v->s->mark.look);
}

int ledger_sighting(struct ledger *l, struct item *i)
{
	struct sighting *s = container_of(i, struct sighting, item);
	struct verdict v = {
		.l = l, .s = s, .no = atomic_load(&s->kept->no), .path = sighting_get(s, s->path)};
	int r = 0;

	taken_came(l->taken, &s->mark);
	if (v.no && !atomic_load(&s->kept->gone)) {
		atomic_fetch_add(&l->opt.stats->sightings, 1);
		r = is_late(&v) ? 0 : decide(&v);
		if (!v.put_off)
			taken_add(l->taken, v.no, v.path, s->mark.look, s->dir_lost);
	}
	verdict_free(&v);
	return r;
}
