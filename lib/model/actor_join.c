/* Who of two is told, where one look found what both have done. Nobody may hide behind the other: who
 * is not the actor is named in its reason. */
#include "model/actor.h"
#include "base/err.h"

bool actor_is_hand(const struct actor *a)
{
	return a->origin == ORIGIN_EXEC || a->origin == ORIGIN_RUNTIME || a->origin == ORIGIN_HOST;
}

static bool is_same_process(const struct actor *a, const struct actor *b)
{
	return a->pid == b->pid && a->start == b->start;
}

bool actor_is_beside(const struct actor *a, const struct actor *b)
{
	return a->origin == b->origin && span_eq(a->session, b->session) &&
	       span_eq(a->container, b->container);
}

static void name_other(struct buf *out, const struct actor *other)
{
	buf_add_text(out, "at the same moment changed by ");
	buf_add_span(out, other->exe.n ? other->exe : span_of("a process that is not known"));
	if (other->pid)
		buf_printf(out, "[%u]", other->pid);
	buf_printf(out, " (%s)", origin_kinds[other->origin].name);
	if (other->session.n) {
		buf_add_text(out, " of session ");
		buf_add_span(out, other->session);
	}
	buf_add_text(out, ", too");
}

/* A reason that is there stays: it may name somebody already. */
static void tell_both(struct buf *out, const struct actor *a, const struct actor *other)
{
	BUF struct buf why = {0};
	struct actor who = *a;

	if (!who.reason.n && !actor_is_beside(a, other)) {
		name_other(&why, other);
		who.reason = buf_span(&why);
	}
	actor_encode(&who, out);
}

void actor_join(struct buf *mine, bool *wrote, struct span later, bool later_wrote)
{
	BUF struct buf both = {0};
	struct actor a, b;
	int rank_a, rank_b;

	if (!later.n || span_eq(buf_span(mine), later)) {
		*wrote |= later.n && later_wrote;
		return;
	}
	if (!mine->n || actor_decode(buf_span(mine), &a) < 0 || actor_decode(later, &b) < 0) {
		buf_reset(mine);
		buf_add_span(mine, later);
		*wrote = later_wrote;
		return;
	}
	rank_a = 2 * actor_is_hand(&a) + *wrote;
	rank_b = 2 * actor_is_hand(&b) + later_wrote;
	if (is_same_process(&a, &b))
		actor_encode(&b, &both);
	else if (rank_b >= rank_a)
		tell_both(&both, &b, &a);
	else
		tell_both(&both, &a, &b);
	*wrote = is_same_process(&a, &b) ? *wrote || later_wrote
		 : rank_b >= rank_a	 ? later_wrote
					 : *wrote;
	buf_reset(mine);
	buf_add_span(mine, buf_span(&both));
	must(!mine->err);
}
