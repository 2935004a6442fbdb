/* What rules make of changes, and judging stored drift anew when they are others. */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"

uint64_t ledger_run_of(struct span ruling)
{
	struct ruling r;

	return ruling_decode(ruling, &r) == 0 ? r.run : 0;
}

/* ---- telling ---- */

static int host_path(const struct kept *k, const struct change *c, struct buf *out)
{
	if (!k || c->aspects & 1u << ASPECT_LAYER)
		return 0;
	buf_add_text(out, k->upper);
	if (c->path.n > 1)
		buf_add_span(out, c->path);
	return buf_err(out);
}

struct event ledger_event(enum event_type type, const struct change *c, const char *reason)
{
	return (struct event){.type = type,
		.change = c,
		.severity = type == EVENT_CHANGE_CLEARED ? SEV_INFO : c->severity,
		.reason = span_of(reason),
		.run_id = ledger_run_of(c->ruling)};
}

int ledger_tell_now(
	struct ledger *l, const struct kept *k, uint32_t no, struct event *e, uint64_t *ret_seq)
{
	BUF struct buf host = {0};
	struct target t;
	int r = host_path(k, e->change, &host);

	if (r == 0)
		r = ledger_target_of(l, no, &t);
	if (r < 0)
		return r;
	e->target = r == 0 ? &t : NULL;
	e->host_path = buf_span(&host);
	return ledger_journal(l, e, ret_seq);
}

int ledger_tell(struct ledger *l, const struct kept *k, enum event_type type,
	const struct change *c, const char *reason, uint64_t *ret_seq)
{
	BUF struct buf held = {0};
	uint32_t no = atomic_load(&k->no);
	struct event e = ledger_event(type, c, reason);
	struct fold fold;
	int r = ledger_hold(l, k, &e, &held);

	if (r == 0)
		r = ledger_flood(l, no, &e, &fold); /* what is held is info to the budgets, too */
	if (r)
		return r < 0 ? r : 0;
	e.fold = &fold;
	return ledger_tell_now(l, k, no, &e, ret_seq);
}

int ledger_clear(struct ledger *l, const struct kept *k, const struct change *c, struct span actor,
	const char *reason)
{
	struct change over = *c;
	int r;

	over.actor = actor;
	over.ruling = (struct span){0};
	r = ledger_tell(l, k, EVENT_CHANGE_CLEARED, &over, reason, NULL);

	if (r == 0)
		r = drift_delete(l->txn, atomic_load(&k->no), c->path);
	return r < 0 ? r : 0;
}

/* ---- ruling ---- */

enum { CONTENT_BITS = 1 << ASPECT_CONTENT | 1 << ASPECT_MTIME };

static bool only_grew(const struct ruled_in *in, const struct change *c)
{
	return in->growth == GROWTH_GROWN && c->kind != 'D' && !(c->aspects & ~CONTENT_BITS);
}

/* New content that the drift id does not look at: from its second look on a file may grow. */
static bool is_blind(const struct ruled_in *in, const struct change *c)
{
	return only_grew(in, c) || in->growth == GROWTH_BEGUN;
}

static bool is_spoilt(const struct ruled_in *in)
{
	return in->growth == GROWTH_ALTERED || in->growth == GROWTH_FOREIGN;
}

static bool is_by_drift(const struct ruled_in *in)
{
	struct actor who;

	return in->actor.n && actor_decode(in->actor, &who) == 0 && who.drifted;
}

/* The rule that says that it is expected; NULL: it is not. Of a rule that expects and one that lets it
 * grow the later one counts, as always. */
static const struct rule *expecting(
	const struct ruled_in *in, const struct rules_of_change *by, const struct change *c)
{
	const struct rule *grows =
		only_grew(in, c) ? in->said->by[RULE_GROWING] : (const struct rule *)NULL;

	if (c->aspects & 1u << ASPECT_LAYER)
		return NULL;
	/* What is expected of a program is expected of the image's, not of one that came later. */
	if (by->expect && by->expect->expect && by->expect->exe.n && is_by_drift(in))
		return NULL;
	/* A rule that expects it to come says nothing of what a later one lets it only grow by. */
	if (is_spoilt(in) && by->expect && in->said->by[RULE_GROWING] &&
		in->said->by[RULE_GROWING]->no > by->expect->no)
		return NULL;
	if (by->expect && by->expect->expect)
		return by->expect;
	if (!grows || (by->expect && by->expect->no > grows->no))
		return NULL;
	return grows;
}

static const struct rule *later_of(const struct rule *a, const struct rule *b)
{
	return !a || (b && b->no > a->no) ? b : a;
}

static struct rule_facts facts_of(const struct ruled_in *in, const struct change *c)
{
	struct rule_facts f = {.path = c->path,
		.kind = c->kind,
		.aspects = c->aspects,
		.old = in->base,
		.now = in->now,
		.when = in->when};
	struct package_note note;
	struct actor who;

	if (in->actor.n && actor_decode(in->actor, &who) == 0) {
		f.origin = who.origin;
		f.exe = who.exe;
	}
	if (!in->run && c->package.n && package_decode(c->package, &note) == 0)
		f.package = 1u << note.state;
	return f;
}

/* A raise that has nothing left to raise decides nothing. */
static enum severity decide(
	struct judge_rules *word, const struct change *c, struct rules_of_change *by)
{
	int raise = word->raise;
	enum severity without, with;

	word->raise = 0;
	without = judge_ruled(word, c, c->severity);
	word->raise = raise;
	with = judge_ruled(word, c, c->severity);
	if (with == without)
		by->raise = NULL;
	return with;
}

void ledger_rule(const struct ruled_in *in, struct change *c, struct buf *mem)
{
	struct rule_facts facts = facts_of(in, c);
	struct rules_of_change by;
	struct judge_rules word = {.expected = false};
	struct ruling ruling = {.altered = is_spoilt(in)};
	const struct rule *rule, *expects;

	rules_change(in->rules, &facts, &by);
	expects = expecting(in, &by, c);
	word.expected = expects;
	word.has_severity = by.severity;
	word.severity = by.severity ? by.severity->severity : SEV_INFO;
	word.raise = by.raise ? by.raise->raise : 0;
	c->severity = decide(&word, c, &by);
	c->blind = rules_blind(in->said) | (is_blind(in, c) ? CONTENT_BITS : 0);
	rule = expects ? expects : later_of(by.severity, by.raise);
	if (!rule && is_spoilt(in))
		rule = in->said->by[RULE_GROWING];
	if (!rule && c->blind)
		rule = in->said->by[RULE_WATCH];
	if (rule) {
		ruling.name = rule->name;
		ruling.file = rule->file;
		ruling.line = rule->line;
		ruling.reason = rule->reason;
		ruling.owner = rule->owner;
	}
	ruling.expected = expects;
	ruling.grown = only_grew(in, c);
	ruling.run = in->run;
	if (in->run && c->severity < SEV_HIGH)
		c->severity = SEV_INFO;
	ruling_encode(&ruling, mem);
	c->ruling = buf_span(mem);
}

/* ---- judging anew ---- */

struct rejudging {
	struct ledger *l;
	struct kept *kept;
	struct rules_for *rules;
	struct buf list; /* path and encoded change, each as bytes */
};

static int gather(void *ctx, const struct change *c)
{
	struct rejudging *j = ctx;
	BUF struct buf one = {0};
	int r = change_encode(c, &one);

	if (r < 0)
		return r;
	buf_bytes(&j->list, c->path);
	buf_bytes(&j->list, buf_span(&one));
	return buf_err(&j->list);
}

static int clear_by(
	struct rejudging *j, const struct change *c, const struct rule *r, const char *what)
{
	struct actor who = {.origin = ORIGIN_UNKNOWN,
		.reason = span_of("nobody: a rule decides otherwise now")};
	BUF struct buf why = {0}, actor = {0};

	actor_encode(&who, &actor);
	buf_printf(&why, "the rule %s %s", (const char *)r->name.p, what);
	return ledger_clear(j->l, j->kept, c, buf_span(&actor), buf_text(&why));
}

static int decode_side(struct span bytes, struct record *mem, const struct record **ret)
{
	int r = bytes.n ? record_decode(bytes, mem) : 0;

	*ret = r == 0 && bytes.n ? mem : NULL;
	return r;
}

/* Worse than it was, or no longer expected: that is told, once. */
static bool is_worth_telling(const struct change *was, const struct change *c)
{
	struct ruling a, b;

	if (c->severity > was->severity)
		return true;
	return ruling_decode(was->ruling, &a) == 0 && ruling_decode(c->ruling, &b) == 0 &&
	       a.expected && !b.expected;
}

static enum growth growth_again(const struct rules_of_path *said, const struct change *c)
{
	struct ruling r;

	if (!rules_of_path_says(said, RULE_GROWING) || c->aspects & 1u << ASPECT_LAYER)
		return GROWTH_NONE;
	if (ruling_decode(c->ruling, &r) < 0 || r.altered)
		return GROWTH_ALTERED;
	return r.grown ? GROWTH_GROWN : c->kind == 'A' ? GROWTH_BEGUN : GROWTH_NONE;
}

static int put(struct rejudging *j, const struct change *was, struct change *c)
{
	uint32_t no = atomic_load(&j->kept->no);
	int r = 0;

	if (was->severity == c->severity && was->aspects == c->aspects && was->blind == c->blind &&
		span_eq(was->ruling, c->ruling))
		return 0;
	if (is_worth_telling(was, c))
		r = ledger_tell(
			j->l, j->kept, EVENT_CHANGE, c, "judged anew by the rules of now", &c->seq);
	return r < 0 ? r : drift_put(j->l->txn, no, c);
}

static int rejudge_one(struct rejudging *j, const struct change *was)
{
	const struct rule *out = rules_excluder(j->rules, was->path);
	struct rules_of_path said;
	struct record base_mem, now_mem;
	struct change c = *was, fresh = {0};
	struct judge_in in = {.path = was->path,
		.mount = was->mount,
		.packaged = package_is_mismatch(was->package),
		.layer_changed = was->aspects & 1u << ASPECT_LAYER};
	struct ruled_in how = {.rules = j->rules,
		.actor = was->actor,
		.run = ledger_run_of(was->ruling),
		.when = j->l->now};
	BUF struct buf mem = {0};
	int r;

	if (out)
		return clear_by(j, was, out, "excludes it");
	rules_path(j->rules, was->path, &said);
	r = decode_side(was->old, &base_mem, &in.base);
	if (r == 0)
		r = decode_side(was->now, &now_mem, &in.now);
	if (r < 0)
		return r;
	in.blind = rules_blind(&said);
	if (judge(&in, &fresh) == JUDGE_SAME)
		return said.by[RULE_WATCH]
			       ? clear_by(j, was, said.by[RULE_WATCH], "does not watch for that")
			       : 0;
	how.said = &said;
	how.base = in.base;
	how.now = in.now;
	how.growth = growth_again(&said, was);
	c.kind = fresh.kind;
	c.aspects = fresh.aspects;
	c.severity = fresh.severity;
	ledger_rule(&how, &c, &mem);
	return put(j, was, &c);
}

int ledger_rejudge(struct ledger *l, struct item *i)
{
	struct item_rejudge *it = container_of(i, struct item_rejudge, item);
	struct rejudging j = {.l = l, .kept = it->kept};
	uint32_t no = atomic_load(&it->kept->no);
	struct rd at;
	int r = 0;

	if (!no || atomic_load(&it->kept->gone))
		return 0;
	j.rules = kept_rules(it->kept);
	r = drift_each(l->txn, no, (struct span){0}, gather, &j);
	at = rd_of(buf_span(&j.list));
	while (r >= 0 && !rd_end(&at)) {
		struct span path = rd_bytes(&at);
		struct change c;

		r = change_decode(path, rd_bytes(&at), &c);
		if (r == 0)
			r = rejudge_one(&j, &c);
	}
	buf_free(&j.list);
	rules_for_unref(j.rules);
	return r < 0 ? r : 0;
}
