/* The maintenance windows that are open, as the store has them. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "wire/held.h"

int holds_read(struct call *c, struct txn *t, struct view_holds *ret)
{
	struct hold h;
	uint64_t id = 0;
	size_t room = 0;
	int r;

	while ((r = hold_next(t, &id, &h)) == 0) {
		BUF struct buf bytes = {.p = NULL};
		struct view_hold *to;

		if (ret->n == room) {
			struct view_hold *old = ret->v;

			room = room ? 2 * room : 8;
			ret->v = arena_alloc(&c->mem, room * sizeof(*ret->v));
			if (ret->n)
				memcpy(ret->v, old, ret->n * sizeof(*old));
		}
		to = &ret->v[ret->n++];
		hold_encode(&h, &bytes);
		r = hold_decode(arena_dup(&c->mem, buf_span(&bytes)), id, &to->hold);
		if (r < 0)
			return r;
		to->rule =
			hold_by_rule(&h) && c->g->rules ? rules_holding(c->g->rules, h.name) : NULL;
	}
	return r < 0 ? r : 0;
}

bool holds_cover(const struct view_hold *h, const struct target *tg)
{
	if (hold_by_rule(&h->hold))
		return !h->rule || rule_applies(h->rule, tg);
	return !h->hold.target || h->hold.target == tg->no;
}

bool holds_sees(const struct call *c, struct txn *t, const struct hold *h)
{
	struct target tg;

	return !h->target || (targets_get(t, h->target, &tg) == 0 && view_sees(c, &tg));
}

int holds_show(const struct call *c, struct txn *t, const struct hold *h, struct json *j)
{
	struct show_hold_target own = {.no = h->target};
	struct target tg;
	int r = h->target ? targets_get(t, h->target, &tg) : STORE_ABSENT;

	if (r < 0)
		return r;
	if (r == 0) {
		own.id = tg.id;
		own.name = tg.name;
	}
	show_hold(j, &(struct show_hold){.hold = h,
			     .to = h->until,
			     .counted = h->target || view_sees_all(c),
			     .own = r == 0,
			     .targets = &own,
			     .n_targets = r == 0});
	return 0;
}

int holds_show_all(struct call *c, struct txn *t, struct json *j, const char *key)
{
	struct view_holds holds = {NULL, 0};
	int r = holds_read(c, t, &holds);

	json_key(j, key);
	json_open(j, '[');
	for (size_t i = 0; i < holds.n && r == 0; i++)
		if (holds_sees(c, t, &holds.v[i].hold))
			r = holds_show(c, t, &holds.v[i].hold, j);
	json_close(j, ']');
	return r;
}
