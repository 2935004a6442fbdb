#include "daemon/sensor/expiry.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/loop.h"
#include "store/targets.h"

/* Each generation of each kept target that expires after `after`. */
static void each_generation(struct sensor *s, struct txn *t, int64_t after,
	void (*fn)(struct sensor *s, struct txn *t, struct reg *r, const struct generation *g))
{
	for (struct reg *r = s->reg.regs; r; r = r->next) {
		uint32_t target = atomic_load(&r->kept->no);
		struct generation g;

		for (uint32_t no = 2; target && generation_get(t, target, no, &g) == 0; no++)
			if (g.expires > after)
				fn(s, t, r, &g);
	}
}

static void sooner(struct sensor *s, struct txn *t, struct reg *r, const struct generation *g)
{
	(void)t;
	(void)r;
	if (!s->next_expiry || g->expires < s->next_expiry)
		s->next_expiry = g->expires;
}

void expiry_plan(struct sensor *s)
{
	TXN struct txn *t = NULL;

	s->next_expiry = 0;
	if (txn_begin(s->store, false, &t) == 0)
		each_generation(s, t, s->expired_upto, sooner);
}

struct asking {
	struct sensor *s;
	struct kept *kept;
	uint32_t from, to; /* generations */
	int64_t when;	   /* wall ns */
};

static int touch(void *ctx, const struct accepted *a)
{
	struct asking *k = ctx;
	struct touch t = {.kept = k->kept, .path = a->path, .when = k->when};

	if (a->generation >= k->from && a->generation <= k->to)
		sensor_touch(k->s, &t);
	return 0;
}

static void expire(struct sensor *s, struct txn *t, struct reg *r, const struct generation *g)
{
	struct asking k = {s, r->kept, g->no, g->no, g->expires};
	struct item_expired *e;

	if (g->expires > clock_wall())
		return;
	e = calloc(1, sizeof(*e));
	must(e);
	e->item.kind = ITEM_EXPIRED;
	e->kept = kept_ref(r->kept);
	e->generation = g->no;
	sensor_push(s, &e->item);
	accepted_each(t, atomic_load(&r->kept->no), g->no, touch, &k);
}

void expiry_round(struct sensor *s)
{
	TXN struct txn *t = NULL;
	int64_t now = clock_wall();

	if (!s->next_expiry || s->next_expiry > now || txn_begin(s->store, false, &t) < 0)
		return;
	each_generation(s, t, s->expired_upto, expire);
	txn_abort(take(t));
	s->expired_upto = now;
	expiry_plan(s);
}

void expiry_given(struct sensor *s)
{
	TXN struct txn *t = NULL;

	for (struct reg *r = s->reg.regs; r; r = r->next) {
		struct asking k = {.s = s, .kept = r->kept, .to = UINT32_MAX, .when = clock_wall()};

		if (!atomic_load(&r->kept->look))
			continue;
		if (!t && txn_begin(s->store, false, &t) < 0)
			return; /* at the next bell */
		k.from = atomic_exchange(&r->kept->look, 0);
		accepted_each(t, atomic_load(&r->kept->no), UINT32_MAX, touch, &k);
	}
}
