/* What the baseline of the host found not to be what packages installed: pkgcheck.h. */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "daemon/sensor/pkgcheck.h"
#include "model/actor.h"
#include "model/judge.h"

/* Without its digest no content is what it should be. */
static int as_baselined(const struct pkgcheck_odd *o, struct record *ret)
{
	int r = record_decode(o->rec, ret);

	ret->has_sha = false;
	return r;
}

int ledger_package_records(struct ledger *l, uint32_t snap, struct span odds)
{
	struct rd at = rd_of(odds);
	struct pkgcheck_odd o;
	struct package_note n;
	struct record rec;
	int r = 0;

	while (r == 0 && pkgcheck_odd(&at, &o)) {
		r = package_decode(o.note, &n);
		if (r == 0)
			r = as_baselined(&o, &rec);
		if (r == 0 && !n.config)
			r = snap_put(l->txn, snap, o.dir, o.name, &rec, 0);
	}
	return r;
}

/* ---- telling ---- */

struct telling {
	struct ledger *l;
	struct kept *kept;
	struct rules_for *rules;
	struct buf actor;
};

static int tell_one(struct telling *t, const struct pkgcheck_odd *o)
{
	BUF struct buf base_mem = {0}, mem = {0};
	struct record base, now;
	struct rules_of_path said;
	struct package_note n;
	struct judge_in in = {.path = o->path, .packaged = true, .base = &base, .now = &now};
	struct change c = {.kind = 'C',
		.path = o->path,
		.aspects = 1u << ASPECT_CONTENT,
		.severity = SEV_INFO,
		.first = t->l->now,
		.last = t->l->now,
		.now = o->rec,
		.actor = buf_span(&t->actor),
		.package = o->note};
	struct ruled_in how = {.rules = t->rules,
		.said = &said,
		.base = &base,
		.now = &now,
		.actor = c.actor,
		.when = t->l->now};
	int r = package_decode(o->note, &n);

	if (r == 0)
		r = record_decode(o->rec, &now);
	if (r == 0)
		r = as_baselined(o, &base);
	if (r == 0)
		r = record_encode(&base, &base_mem);
	if (r < 0)
		return r;
	c.old = buf_span(&base_mem);
	if (n.config)
		return ledger_tell(t->l, t->kept, EVENT_PACKAGE_MISMATCH, &c,
			"a configuration file: the baseline has it as it is", &c.seq);
	rules_path(t->rules, o->path, &said);
	c.severity = judge_severity(&in, 'C', c.aspects);
	ledger_rule(&how, &c, &mem);
	r = ledger_tell(t->l, t->kept, EVENT_PACKAGE_MISMATCH, &c, "", &c.seq);
	return r < 0 ? r : drift_put(t->l->txn, atomic_load(&t->kept->no), &c);
}

int ledger_package_odds(struct ledger *l, struct kept *k, struct span odds)
{
	struct telling t = {.l = l, .kept = k};
	struct actor who = {.origin = ORIGIN_UNKNOWN,
		.reason = span_of("it was so when the baseline was taken")};
	struct rd at = rd_of(odds);
	struct pkgcheck_odd o;
	int r = 0;

	if (!odds.n)
		return 0;
	t.rules = kept_rules(k);
	actor_encode(&who, &t.actor);
	while (r == 0 && pkgcheck_odd(&at, &o))
		r = tell_one(&t, &o);
	buf_free(&t.actor);
	rules_for_unref(t.rules);
	ledger_who_forget(l);
	return r;
}

void ledger_package_again(const struct sighting *s, const struct change *was,
	const struct record *now, struct record *base, struct buf *mem)
{
	struct span found = sighting_get(s, s->found);
	struct package_note n;

	if (!found.n || package_decode(was->package, &n) < 0)
		return;
	n.found = found;
	package_encode(&n, mem);
	if (!span_eq(n.expected, found) || !now || !base || base->has_sha)
		return;
	base->has_sha = true;
	base->size = now->size;
	memcpy(base->sha, now->sha, SHA_LEN);
}
