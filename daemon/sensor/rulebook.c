#include "daemon/sensor/rulebook.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/sensor/arming.h"
#include "daemon/sensor/loop.h"

int rulebook_open(struct sensor *s)
{
	int r = daemon_rules(s->cfg, &s->rules);

	if (r == 0) {
		s->rules_expire = rules_next_expiry(s->rules, clock_wall());
		reloaded_now(&s->reloaded, NULL);
	}
	return r;
}

void rulebook_close(struct sensor *s)
{
	reloaded_fini(&s->reloaded);
	rules_unref(s->rules);
}

void rulebook_words(const struct rules *r, struct buf *out)
{
	buf_printf(out, "%zu rule%s of %zu file%s, sha256:", r->n, r->n == 1 ? "" : "s", r->n_files,
		r->n_files == 1 ? "" : "s");
	text_hex(out, span_make(r->digest, SHA_LEN));
}

bool rulebook_share(struct sensor *s, struct reg *r, const struct target *t)
{
	struct rules_for *fresh = rules_for(s->rules, t);
	RULES_FOR struct rules_for *held = rules_for_ref(fresh);
	RULES_FOR struct rules_for *old = kept_set_rules(r->kept, fresh);

	if (rules_for_excludes(held) && rules_excludes_all(held) &&
		!rules_for_same_excludes(old, held))
		log_warn("%s: rules exclude all of it: nothing of it is watched", r->kept->name);
	return !rules_for_same_excludes(old, held);
}

/* At the start and after each reading: not before it is sure to run. */
static void warn_of_none(const struct sensor *s)
{
	BUF struct buf text = {0};

	if (s->rules->n)
		return;
	daemon_no_rules(s->cfg, &text);
	log_warn("%s", buf_text(&text));
}

void rulebook_tell(struct sensor *s)
{
	struct item_rules *i = calloc(1, sizeof(*i));

	must(i);
	warn_of_none(s);
	i->item.kind = ITEM_RULES;
	i->rules = rules_ref(s->rules);
	sensor_push(s, &i->item);
}

static void rejudge(struct sensor *s, struct kept *k)
{
	struct item_rejudge *i = calloc(1, sizeof(*i));

	must(i);
	i->item.kind = ITEM_REJUDGE;
	i->kept = kept_ref(k);
	sensor_push(s, &i->item);
}

void rulebook_rejudge(struct sensor *s)
{
	for (struct reg *r = s->reg.regs; r; r = r->next)
		rejudge(s, r->kept);
}

void rulebook_follow(struct sensor *s, struct reg *r, const struct target *t)
{
	struct scan_options opt = {.asker = -1, .trust_seen = true};
	RULES_FOR struct rules_for *old = kept_rules(r->kept);
	bool otherwise = rulebook_share(s, r, t);
	RULES_FOR struct rules_for *fresh = kept_rules(r->kept);

	if (otherwise)
		arming_renew(s, r);
	if (r->hold_until || rules_for_same(old, fresh))
		return;
	rejudge(s, r->kept);
	if (r->kept->overlay || kept_is_baselined(r->kept))
		scan_begin(&s->ex, r->kept, &opt);
}

void rulebook_replace(struct sensor *s, struct rules *fresh)
{
	bool same = sha_same(fresh->digest, s->rules->digest);
	struct rules *old = s->rules;

	if (same) {
		rules_unref(fresh);
		rulebook_tell(s); /* the host's time zone may be another */
		return;
	}
	s->rules = fresh;
	s->rules_expire = rules_next_expiry(fresh, clock_wall());
	rulebook_tell(s);
	for (struct reg *r = s->reg.regs; r; r = r->next) {
		struct target t;

		if (target_decode(buf_span(&r->desc), &t) == 0)
			rulebook_follow(s, r, &t);
	}
	rules_unref(old);
}

void rulebook_round(struct sensor *s)
{
	int64_t now = clock_wall();

	if (!s->rules_expire || s->rules_expire > now)
		return;
	log_note("a rule has expired: what it expected is told again");
	s->rules_expire = rules_next_expiry(s->rules, now);
	rulebook_rejudge(s);
}
