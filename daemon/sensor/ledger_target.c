#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/ledger_impl.h"

static int tell(struct ledger *l, enum event_type type, enum severity sev, const struct target *t,
	const char *detail)
{
	struct event e = {.type = type, .severity = sev, .target = t, .detail = span_of(detail)};

	return ledger_journal(l, &e, NULL);
}

static void remember(struct ledger *l, struct kept *k)
{
	struct kept **more;

	for (size_t i = 0; i < l->n_kept; i++)
		if (l->kept[i] == k)
			return;
	more = realloc(l->kept, (l->n_kept + 1) * sizeof(*more));
	must(more);
	l->kept = more;
	l->kept[l->n_kept++] = kept_ref(k);
}

static void forget(struct ledger *l, struct kept *k)
{
	for (size_t i = 0; i < l->n_kept; i++) {
		if (l->kept[i] != k)
			continue;
		kept_unref(l->kept[i]);
		l->kept[i] = l->kept[--l->n_kept];
		return;
	}
}

/* What a stored target was, copied before anything is written. */
struct was {
	bool known;
	enum target_state state;
	struct buf name;
};

static int read_was(struct ledger *l, struct target *t, struct was *ret)
{
	struct target old;
	int r = targets_by_id(l->txn, t->id, &old);

	if (r)
		return r < 0 ? r : 0;
	ret->known = true;
	ret->state = old.state;
	buf_add_span(&ret->name, old.name);
	t->no = old.no;
	t->found = old.found;
	t->late = old.late;
	if (t->state != STATE_RUNNING)
		t->stopped = old.stopped ? old.stopped : l->now;
	return buf_err(&ret->name);
}

static int tell_difference(struct ledger *l, const struct target *t, const struct was *w)
{
	int r = 0;

	if (!w->known || w->state == STATE_REMOVED)
		return tell(l, EVENT_TARGET_FOUND, SEV_INFO, t,
			t->late ? "it ran before it was first seen" : "");
	if (!span_eq(buf_span(&w->name), t->name))
		r = tell(l, EVENT_TARGET_RENAMED, SEV_INFO, t, buf_text(&w->name));
	if (r == 0 && w->state != t->state)
		r = tell(l, t->state == STATE_RUNNING ? EVENT_TARGET_STARTED : EVENT_TARGET_STOPPED,
			SEV_INFO, t, "");
	return r;
}

int ledger_target(struct ledger *l, struct item *i)
{
	struct item_target *it = container_of(i, struct item_target, item);
	struct was w = {0};
	struct target t;
	int r = target_decode(buf_span(&it->desc), &t);

	if (r < 0)
		return r;
	t.no = 0;
	r = read_was(l, &t, &w);
	if (r == 0 && !t.found)
		t.found = l->now;
	if (r == 0)
		r = targets_put(l->txn, &t);
	if (r == 0) {
		atomic_store(&it->kept->no, t.no);
		remember(l, it->kept);
		r = tell_difference(l, &t, &w);
	}
	buf_free(&w.name);
	if (r == 0)
		r = ledger_baselined(l, it->kept, (struct span){0});
	if (r == 0)
		r = ledger_packages_known(l, it->kept);
	l->ring = true;
	return r;
}

int ledger_gone(struct ledger *l, struct item *i)
{
	struct item_gone *g = container_of(i, struct item_gone, item);
	BUF struct buf mem = {0};
	struct target t, copy;
	int r = ledger_target_of(l, atomic_load(&g->kept->no), &t);

	forget(l, g->kept);
	if (r)
		return r < 0 ? r : 0;
	target_encode(&t, &mem);
	r = target_decode(buf_span(&mem), &copy);
	if (r < 0)
		return r;
	copy.no = t.no;
	copy.state = STATE_REMOVED;
	copy.removed = l->now;
	copy.level = LEVEL_NONE;
	r = ledger_floods_end(l, copy.no);
	if (r == 0)
		r = targets_put(l->txn, &copy);
	if (r == 0)
		r = tell(l, EVENT_TARGET_REMOVED, SEV_INFO, &copy,
			g->removed		     ? ""
			: copy.kind == TARGET_VOLUME ? "it is excluded, or holds containers"
						     : "it is no longer configured");
	if (r == 0)
		r = ledger_holds_gone(l, copy.no);
	if (r == 0)
		r = ledger_gap_end_all(l, copy.no);
	return r;
}

int ledger_note(struct ledger *l, struct item *i)
{
	struct item_note *n = container_of(i, struct item_note, item);
	struct event e = {.type = n->type, .severity = n->severity, .detail = buf_span(&n->detail)};
	int r = n->type == EVENT_DAEMON_STOPPED ? ledger_runs(l, true) : 0;

	if (r == 0 && n->type == EVENT_DAEMON_STOPPED)
		r = ledger_floods_end(l, 0);
	return r < 0 ? r : ledger_journal(l, &e, NULL);
}

static void answer_scan(
	struct ledger *l, const struct item_scan_end *e, const struct target_state_rec *st)
{
	BUF struct buf text = {0};

	if (e->nowhere) {
		text_quote(&text, span_of(e->scope), true);
		buf_add_text(&text,
			" is neither in the baseline nor there now; volumes are targets of "
			"their own");
	} else {
		text_hex(&text, span_make(st->drift_id, SHA_LEN));
	}
	ledger_answer(l, e->asker, e->ask_id, e->nowhere ? DOOR_NO_PATH : DOOR_OK, buf_text(&text));
}

int ledger_scan_end(struct ledger *l, struct item *i)
{
	struct item_scan_end *e = container_of(i, struct item_scan_end, item);
	uint32_t no = e->kept ? atomic_load(&e->kept->no) : 0;
	bool all = strcmp(e->scope, "/") == 0;
	struct target_state_rec st;
	int r;

	if (!no || atomic_load(&e->kept->gone)) {
		ledger_answer(l, e->asker, e->ask_id, DOOR_NO_TARGET, "it was removed meanwhile");
		return e->heals_last ? ledger_gap_heal(l, 0, (struct span){0}, e->started) : 0;
	}
	r = targets_state_get(l->txn, no, &st);
	if (r >= 0 && all && e->whole && (e->full || !st.last_sweep)) {
		st.last_sweep = l->now;
		r = targets_state_put(l->txn, no, &st);
	}
	if (r >= 0 && e->whole)
		r = ledger_gap_heal(l, no, span_of(e->scope), e->started);
	if (r >= 0 && e->heals_last)
		r = ledger_gap_heal(l, 0, (struct span){0}, e->started);
	if (r >= 0)
		r = targets_state_get(l->txn, no, &st);
	answer_scan(l, e, &st);
	return r < 0 ? r : 0;
}

/* ---- tidying: what retention lets go, in slices, about once an hour ---- */

static int tidy_targets(struct ledger *l, bool *more)
{
	struct target t;
	uint32_t no = 0;
	int r = 0;

	while (l->opt.keep_removed && (r = targets_next(l->txn, &no, &t)) == 0) {
		if (t.state != STATE_REMOVED || t.removed + l->opt.keep_removed >= l->now)
			continue;
		r = targets_delete(l->txn, t.no, 2000, more);
		*more = true; /* there may be another */
		return r;
	}
	return r < 0 ? r : 0;
}

int ledger_tidy(struct ledger *l)
{
	bool more_targets = false, more_journal = false, more_snaps = false, more_sets = false;
	bool more_golden = false;
	uint64_t seq = 0;
	int r = tidy_targets(l, &more_targets);

	if (r == 0)
		r = ledger_golden_tidy(l, &more_golden);
	if (r == 0 && !more_golden)
		r = snap_sweep(l->txn, 2000, &more_snaps);
	if (r == 0)
		r = pkg_sweep(l->txn, l->pkg_building, 2000, &more_sets);
	if (r == 0 && l->opt.keep_journal) {
		r = journal_seek_time(l->txn, l->now - l->opt.keep_journal, &seq);
		if (r == 0 && seq > l->head.first)
			r = journal_trim(l->txn, seq, 2000, &more_journal);
		if (r > 0)
			r = 0;
	}
	store_sweep_readers(l->opt.store);
	l->next_tidy = clock_mono() +
		       (more_targets || more_journal || more_snaps || more_sets || more_golden
				       ? CLOCK_S
				       : 3600 * CLOCK_S);
	return r;
}
