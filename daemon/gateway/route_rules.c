/* Which rules have a word in what happens to a path, which of them decide, and who loses. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "policy/rules.h"
#include "wire/show.h"

struct explaining {
	struct json *j;
	enum rule_prop prop;
	bool open;
};

static const char *state_name(enum rule_state s)
{
	static const char *const names[] = {
		"decides", "loses", "does not fit", "expired", "not open"};

	return names[s];
}

static void close_property(struct explaining *x)
{
	if (!x->open)
		return;
	json_close(x->j, ']');
	json_close(x->j, '}');
	x->open = false;
}

static void open_property(struct explaining *x, enum rule_prop prop)
{
	if (x->open && x->prop == prop)
		return;
	close_property(x);
	x->prop = prop;
	x->open = true;
	json_open(x->j, '{');
	json_m_text(x->j, "name", rule_prop_kinds[prop].name);
	json_key(x->j, "rules");
	json_open(x->j, '[');
}

static void explain_one(void *ctx, enum rule_prop prop, const struct rule *r, enum rule_state state)
{
	struct explaining *x = ctx;
	BUF struct buf value = {.p = NULL}, when = {.p = NULL};

	open_property(x, prop);
	rule_value(r, prop, &value);
	rule_when(r, &when);
	json_open(x->j, '{');
	show_time(x->j, "expires", prop == RULE_EXPECT ? r->expires : 0);
	json_m_str(x->j, "file", r->file);
	json_m_uint(x->j, "line", r->line);
	json_m_str(x->j, "name", r->name);
	show_str(x->j, "owner", r->owner);
	show_str(x->j, "reason", r->reason);
	json_m_text(x->j, "state", state_name(state));
	json_m_str(x->j, "value", buf_span(&value));
	show_str(x->j, "when", buf_span(&when));
	json_close(x->j, '}');
}

/* The change at hand, where the path drifts. */
static int read_facts(const struct change *c, struct record mem[2], struct rule_facts *ret)
{
	struct package_note note;
	struct ruling said;
	struct actor who;
	int r = 0;

	ret->kind = c->kind;
	ret->aspects = c->aspects;
	if (c->old.n && (r = record_decode(c->old, &mem[0])) == 0)
		ret->old = &mem[0];
	if (r == 0 && c->now.n && (r = record_decode(c->now, &mem[1])) == 0)
		ret->now = &mem[1];
	if (r == 0 && c->actor.n && (r = actor_decode(c->actor, &who)) == 0) {
		ret->origin = who.origin;
		ret->exe = who.exe;
	}
	if (r == 0 && c->package.n &&
		!(c->ruling.n && ruling_decode(c->ruling, &said) == 0 && said.run) &&
		package_decode(c->package, &note) == 0)
		ret->package = 1u << note.state;
	return r;
}

static void answer(struct call *c, const struct target *tg, const struct rule_facts *facts,
	const struct change *drift)
{
	RULES_FOR struct rules_for *f = c->g->rules ? rules_for(c->g->rules, tg) : NULL;
	const struct rule *out = rules_excluder(f, facts->path);
	struct json j = call_json(c);
	struct explaining x = {.j = &j};

	json_open(&j, '{');
	json_m_uint(&j, "applicable", f ? rules_for_n(f) : 0);
	if (drift) {
		json_key(&j, "drift");
		show_drift_item(&j, drift);
	}
	if (out)
		json_m_str(&j, "excluded_by", out->name);
	json_m_path(&j, "path", facts->path);
	json_key(&j, "properties");
	json_open(&j, '[');
	rules_explain(f, facts, explain_one, &x);
	close_property(&x);
	json_close(&j, ']');
	json_m_uint(&j, "rules", c->g->rules ? c->g->rules->n : 0);
	if (c->g->rules)
		json_m_hex(&j, "rules_digest", span_make(c->g->rules->digest, SHA_LEN));
	json_key(&j, "target");
	show_target_ref(&j, tg);
	json_close(&j, '}');
}

int route_rules(struct call *c)
{
	struct rule_facts facts = {.when = clock_wall()};
	const struct span *path = query_get(&c->query, "path");
	TXN struct txn *t = NULL;
	struct record mem[2];
	struct change drift;
	struct target tg;
	int r, had = STORE_ABSENT;

	if (!path)
		return err_set(-EINVAL, "name the file: ?path=/etc/passwd");
	facts.path = *path;
	r = view_path(&facts.path);
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	had = drift_get(t, tg.no, facts.path, &drift);
	r = had < 0 ? had : had == 0 ? read_facts(&drift, mem, &facts) : 0;
	if (r < 0)
		return r;
	answer(c, &tg, &facts, had == 0 ? &drift : NULL);
	return 0;
}
