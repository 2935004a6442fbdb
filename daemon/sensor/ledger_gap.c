#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include "base/clock.h"
#include "base/text.h"

#define REFUSED_EVERY (10 * CLOCK_S)

/* Ended by a sighting of exactly their path, not by a scan. */
static bool is_of_content(enum gap_cause c)
{
	return c == GAP_TOO_LARGE || c == GAP_UNREADABLE || c == GAP_UNSETTLED;
}

static int find_open(struct ledger *l, const struct gap *like, bool *ret_found)
{
	uint64_t id = 0;
	struct gap g;
	int r;

	*ret_found = false;
	while ((r = gap_next(l->txn, &id, &g)) == 0) {
		if (g.target == like->target && g.cause == like->cause &&
			span_eq(g.path, like->path)) {
			*ret_found = true;
			return 0;
		}
	}
	return r < 0 ? r : 0;
}

static int tell(struct ledger *l, enum event_type type, const struct gap *g, uint64_t *ret_seq)
{
	struct target t;
	struct event e = {.type = type,
		.gap = g,
		.detail = g->detail,
		.severity = type == EVENT_GAP_OPENED ? SEV_MEDIUM : SEV_INFO};
	int r = ledger_target_of(l, g->target, &t);

	if (r < 0)
		return r;
	e.target = r == 0 ? &t : NULL;
	return ledger_journal(l, &e, ret_seq);
}

int ledger_gap_open(struct ledger *l, const struct gap *wanted)
{
	struct gap g = *wanted;
	bool open;
	int r = find_open(l, &g, &open);

	if (r < 0 || open)
		return r;
	if (!g.opened)
		g.opened = l->now;
	g.id = l->head.last + 1;
	r = tell(l, EVENT_GAP_OPENED, &g, NULL);
	return r < 0 ? r : gap_put(l->txn, &g);
}

static int gap_end(struct ledger *l, const struct gap *open)
{
	BUF struct buf mem = {0};
	struct gap g = *open, copy;
	int r;

	/* What gap_next() lent goes with the first write. */
	gap_encode(&g, &mem);
	r = gap_decode(buf_span(&mem), &copy);
	if (r < 0)
		return r;
	copy.id = g.id;
	copy.closed = l->now;
	r = tell(l, EVENT_GAP_CLOSED, &copy, NULL);
	return r < 0 ? r : gap_delete(l->txn, copy.id);
}

int ledger_gap_heal(struct ledger *l, uint32_t no, struct span scope, int64_t since)
{
	uint64_t id = 0;
	struct gap g;
	int r;

	while ((r = gap_next(l->txn, &id, &g)) == 0) {
		bool inside = scope.n <= 1 || path_within(g.path, scope);

		if (g.target != no || !inside || g.opened > since || is_of_content(g.cause) ||
			g.cause == GAP_MARK_REFUSED)
			continue;
		if ((r = gap_end(l, &g)) < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int ledger_gap_end_all(struct ledger *l, uint32_t no)
{
	uint64_t id = 0;
	struct gap g;
	int r;

	while ((r = gap_next(l->txn, &id, &g)) == 0)
		if (g.target == no && (r = gap_end(l, &g)) < 0)
			return r;
	return r < 0 ? r : 0;
}

int ledger_gap_settle(struct ledger *l, uint32_t no, struct span path)
{
	uint64_t id = 0;
	struct gap g;
	int r;

	while ((r = gap_next(l->txn, &id, &g)) == 0)
		if (g.target == no && is_of_content(g.cause) && span_eq(g.path, path))
			return gap_end(l, &g);
	return r < 0 ? r : 0;
}

int ledger_gap(struct ledger *l, struct item *i)
{
	struct item_gap *w = container_of(i, struct item_gap, item);
	struct gap g = {.target = w->kept ? atomic_load(&w->kept->no) : 0,
		.path = buf_span(&w->path),
		.cause = w->cause,
		.from = w->from,
		.opened = w->told,
		.count = w->count,
		.detail = buf_span(&w->detail)};
	int r;

	if (w->kept && (!g.target || atomic_load(&w->kept->gone)))
		return 0;
	if (w->over)
		return ledger_gap_settle(l, g.target, g.path);
	r = ledger_gap_open(l, &g);
	/* A full store loses nothing by itself: told, and over. */
	if (r == 0 && g.cause == GAP_STORE_FULL)
		r = ledger_gap_heal(l, 0, (struct span){0}, l->now);
	return r;
}

/* Opened, and over when it is told. */
static int tell_over(struct ledger *l, struct gap *g)
{
	int r;

	g->id = l->head.last + 1;
	r = tell(l, EVENT_GAP_OPENED, g, NULL);
	if (r < 0)
		return r;
	g->closed = l->now;
	return tell(l, EVENT_GAP_CLOSED, g, NULL);
}

/* A gateway that was hijacked can say no more with it than what is true: that those are gone. The gap
 * is over when it is told: nothing more will be missed for that reason. */
int ledger_sink_behind(struct ledger *l, struct item *i)
{
	struct item_sink_behind *w = container_of(i, struct item_sink_behind, item);
	BUF struct buf detail = {0};
	struct gap g = {.cause = GAP_SINK_BEHIND,
		.from = l->now,
		.opened = l->now,
		.count = w->to - w->from + 1};
	int r;

	if (w->to >= l->head.first) {
		ledger_answer(l, w->asker, w->ask_id, DOOR_FAILED, "those are still there");
		return 0;
	}
	buf_printf(&detail, "sink %s never got events %llu to %llu: retention was quicker", w->name,
		(unsigned long long)w->from, (unsigned long long)w->to);
	g.detail = buf_span(&detail);
	r = tell_over(l, &g);
	if (r == 0)
		ledger_answer(l, w->asker, w->ask_id, DOOR_OK, "");
	return r;
}

/* The gateway is believed here, so it is heard seldom: it could fill the journal otherwise. The words
 * are a receiver's, whoever that is. */
int ledger_sink_refused(struct ledger *l, struct item *i)
{
	struct item_sink_refused *w = container_of(i, struct item_sink_refused, item);
	int64_t now = clock_mono();
	BUF struct buf detail = {0};
	struct gap g = {.cause = GAP_SINK_REFUSED, .from = l->now, .opened = l->now, .count = w->n};
	int r;

	if (w->to > l->head.last) {
		ledger_answer(l, w->asker, w->ask_id, DOOR_FAILED, "there are no such events");
		return 0;
	}
	if (l->refused_at && now - l->refused_at < REFUSED_EVERY) {
		ledger_answer(l, w->asker, w->ask_id, DOOR_BUSY, "others were told just now");
		return 0;
	}
	buf_printf(&detail,
		"sink %s: the receiver refused %llu of events %llu to %llu for good: ", w->name,
		(unsigned long long)w->n, (unsigned long long)w->from, (unsigned long long)w->to);
	text_quote(&detail, buf_span(&w->words), false);
	buf_add_text(&detail, w->kept.n ? "; they are kept in " : "; which ones it does not say");
	text_quote(&detail, buf_span(&w->kept), false);
	g.detail = buf_span(&detail);
	r = tell_over(l, &g);
	if (r == 0) {
		l->refused_at = now;
		ledger_answer(l, w->asker, w->ask_id, DOOR_OK, "");
	}
	return r;
}
