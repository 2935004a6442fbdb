#include "daemon/sensor/ledger_impl.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define REST_MOST (200 * CLOCK_MS)

int ledger_new(struct ledger **ret, const struct ledger_options *opt)
{
	struct ledger *l = calloc(1, sizeof(*l));

	must(l);
	l->opt = *opt;
	l->opt.keys_dir = l->keys_dir = opt->keys_dir ? strdup(opt->keys_dir) : NULL;
	taken_new(&l->taken, opt->order);
	runs_new(&l->runs);
	floods_new(&l->floods);
	floods_limit(l->floods, &opt->flood);
	host_name(l->host);
	l->held_tail = &l->held;
	l->beat.next = clock_mono() + opt->heartbeat;
	l->born = clock_wall();
	ledger_holds_init(l);
	*ret = l;
	return 0;
}

static void drop_waiting(struct item_snap_batch **at, uint64_t serial, uint64_t next)
{
	struct item_snap_batch *b;

	while ((b = *at) && (b->serial < serial || (b->serial == serial && b->index < next))) {
		*at = b->next;
		item_free(&b->item);
	}
}

static void drop_answers(struct ledger *l)
{
	while (l->answers) {
		struct outbox_answer *a = l->answers;

		l->answers = a->next;
		outbox_answer_free(a);
	}
}

/* Items that wait for their turn here instead of in the queue. */
static void hold(struct ledger *l, struct item *i)
{
	struct held *h = calloc(1, sizeof(*h));

	must(h);
	h->item = i;
	*l->held_tail = h;
	l->held_tail = &h->next;
}

static bool unhold(struct ledger *l, struct item **ret)
{
	struct held *h = l->held;

	if (!h)
		return false;
	*ret = h->item;
	l->held = h->next;
	if (!l->held)
		l->held_tail = &l->held;
	free(h);
	return true;
}

void ledger_free(struct ledger *l)
{
	struct item *held;

	if (!l)
		return;
	for (int i = 0; i < SNAP_LINES; i++)
		drop_waiting(&l->waiting[i], UINT64_MAX, 0);
	drop_answers(l);
	ledger_sessions_free(l);
	ledger_who_free(l);
	ledger_ran_free(l);
	ledger_packages_free(l);
	while (unhold(l, &held))
		item_free(held);
	for (size_t i = 0; i < l->n_kept; i++)
		kept_unref(l->kept[i]);
	free(l->kept);
	free(l->keys_dir);
	ledger_beat_fini(l);
	ledger_holds_free(l);
	runs_free(l->runs);
	floods_free(l->floods);
	taken_free(l->taken);
	free(l);
}

int ledger_target_of(struct ledger *l, uint32_t no, struct target *ret)
{
	int r = no ? targets_get(l->txn, no, ret) : STORE_ABSENT;

	return r;
}

int ledger_journal(struct ledger *l, struct event *e, uint64_t *ret_seq)
{
	BUF struct buf text = {0};
	struct journal_entry j = {.seq = l->head.last + 1,
		.time = l->now,
		.type = e->type,
		.severity = e->severity,
		.target = e->target ? e->target->no : 0};
	int r;

	e->seq = j.seq;
	e->time = j.time;
	e->host = span_of(l->host);
	if (e->change)
		j.path = e->change->path;
	r = event_format(e, l->head.last_id, &text, j.id);
	if (r < 0)
		return r;
	j.json = buf_span(&text);
	r = journal_append(l->txn, &j);
	if (r < 0)
		return r;
	l->head.last = j.seq;
	memcpy(l->head.last_id, j.id, SHA_LEN);
	ledger_checkpoint_entry(l, e->type, j.id);
	if (ret_seq)
		*ret_seq = j.seq;
	return 0;
}

void ledger_answer(
	struct ledger *l, int asker, uint32_t id, enum door_result result, const char *text)
{
	struct outbox_answer *a;

	if (asker < 0)
		return;
	a = calloc(1, sizeof(*a));
	must(a);
	a->asker = asker;
	a->msg = (struct door_msg){.op = DOOR_DONE, .id = id, .value = result};
	buf_add_text(&a->mem, text);
	a->next = l->answers;
	l->answers = a;
}

/* ---- one batch ---- */

static int begin(struct ledger *l)
{
	int r = txn_begin(l->opt.store, true, &l->txn);

	if (r < 0)
		return r;
	l->now = clock_wall();
	l->n_after = 0;
	l->beat.written = false;
	l->ring = l->rejudge = false;
	drop_answers(l);
	ledger_who_forget(l);
	memcpy(l->build_saved, l->build, sizeof(l->build));
	r = journal_head(l->txn, &l->head);
	return r < 0 ? r : ledger_checkpoints_begin(l);
}

static int apply(struct ledger *l)
{
#define X_ITEM(id, fn) ledger_##fn,
	static const item_handler table[ITEM_N] = {ITEM_KINDS(X_ITEM)};
#undef X_ITEM
	int r = 0;

	l->bad = LEDGER_BATCH;
	for (size_t i = 0; r >= 0 && i < l->n_batch; i++)
		if ((r = table[l->batch[i]->kind](l, l->batch[i])) < 0)
			l->bad = i;
	return r < 0 ? r : 0;
}

static void undo(struct ledger *l)
{
	txn_abort(take(l->txn));
	ledger_given_over(l, false);
	runs_abort(l->runs);
	ledger_ran_over(l, false);
	ledger_packages_over(l, false);
	ledger_holds_forget(l);
	ledger_checkpoints_over(l, false);
	floods_abort(l->floods);
	memcpy(l->build, l->build_saved, sizeof(l->build));
}

static void told(struct ledger *l, uint64_t was)
{
	struct door_msg tick = {.op = DOOR_TICK, .value = l->head.last};
	struct outbox_answer *a;

	for (size_t i = 0; i < l->n_after; i++) {
		struct lower *w = l->after[i].lower;

		atomic_store(&w->snap, l->after[i].snap);
		if (!l->after[i].judged)
			continue;
		atomic_store(&w->broken, l->after[i].broken);
		atomic_store(&w->judged, true);
	}
	ledger_given_over(l, true);
	for (size_t i = 0; l->rejudge && i < l->n_kept; i++)
		for (size_t k = 0; k < l->kept[i]->n_lower; k++)
			atomic_store(&l->kept[i]->lower[k]->judged, true);
	if (l->head.last != was)
		outbox_put(l->opt.outbox, -1, &tick, NULL, 0);
	while ((a = l->answers)) {
		l->answers = a->next;
		a->msg.text = buf_span(&a->mem);
		outbox_put(l->opt.outbox, a->asker, &a->msg, NULL, 0);
		outbox_answer_free(a);
	}
	if (l->ring) {
		uint64_t one = 1;

		if (write(l->opt.bell, &one, sizeof(one)) < 0)
			must(errno == EAGAIN);
	}
}

static void free_batch(struct ledger *l)
{
	/* Batches of a snapshot belong to the waiting list, until they are written. */
	for (size_t i = 0; i < l->n_batch; i++)
		if (l->batch[i]->kind != ITEM_SNAP_BATCH)
			item_free(l->batch[i]);
	l->n_batch = 0;
	for (int i = 0; i < SNAP_LINES; i++)
		drop_waiting(&l->waiting[i], l->build[i].serial, l->build[i].next);
}

/* What is to be written besides the items. */
static int write_own(struct ledger *l)
{
	int r = clock_mono() >= l->next_tidy ? ledger_tidy(l) : 0;

	if (r == 0 && clock_mono() >= runs_next(l->runs))
		r = ledger_runs(l, false);
	if (r == 0)
		r = ledger_floods(l);
	if (r == 0 && ledger_beat_due(l, clock_mono()))
		r = ledger_beat(l);
	return r < 0 ? r : ledger_checkpoints(l);
}

static int attempt(struct ledger *l)
{
	uint64_t was;
	int64_t began;
	int r = begin(l);

	was = l->head.last;
	if (r == 0 && !l->left_told)
		r = ledger_floods_left(l);
	if (r == 0)
		r = ledger_holds(l);
	if (r == 0)
		r = apply(l);
	if (r == 0)
		r = write_own(l);
	if (r < 0) {
		undo(l);
		return r;
	}
	began = clock_mono();
	r = txn_commit(take(l->txn));
	l->committed = clock_mono();
	l->commit_took = l->committed - began;
	if (r < 0) {
		memcpy(l->build, l->build_saved, sizeof(l->build));
		runs_abort(l->runs);
		ledger_ran_over(l, false);
		ledger_packages_over(l, false);
		ledger_holds_forget(l);
		ledger_checkpoints_over(l, false);
		floods_abort(l->floods);
		return r;
	}
	atomic_fetch_add(&l->opt.stats->batches, 1);
	atomic_fetch_add(&l->opt.stats->entries, l->head.last - was);
	atomic_store(&l->opt.stats->last_seq, l->head.last);
	atomic_store(&l->opt.stats->last_commit, clock_mono());
	ledger_beaten(l);
	ledger_checkpoints_over(l, true);
	runs_commit(l->runs);
	ledger_ran_over(l, true);
	ledger_packages_over(l, true);
	ledger_flooded(l);
	l->left_told = true;
	told(l, was);
	free_batch(l);
	taken_forget(l->taken);
	return 0;
}

static void pause_for_room(void)
{
	struct timespec second = {0, 500 * CLOCK_MS};

	nanosleep(&second, NULL);
}

/* The store is full or broken: nothing is thrown away, nothing more is taken. */
static void stuck(struct ledger *l, int r)
{
	int health = r == -ENOSPC ? LEDGER_FULL : LEDGER_FAILED;

	if (atomic_exchange(&l->opt.stats->health, health) != health) {
		log_err("the store takes nothing more: %s; events are held back until it does",
			err_why());
		if (!l->full_since)
			l->full_since = clock_wall();
	}
	pause_for_room();
}

/* One item that cannot be written must not hold back all the others: it becomes a gap. */
static bool set_aside(struct ledger *l, int r)
{
	struct item *i = l->bad < l->n_batch ? l->batch[l->bad] : NULL;
	struct item_gap *g;

	if (!i || r == -ENOSPC || r == -EIO || r == -ENOMEM || i->kind == ITEM_GAP ||
		i->kind == ITEM_SNAP_BATCH)
		return false;
	log_err("an item could not be recorded: %s", err_why());
	g = calloc(1, sizeof(*g));
	must(g);
	g->item.kind = ITEM_GAP;
	g->cause = GAP_UNREADABLE;
	g->from = g->told = clock_wall();
	buf_add_text(&g->detail, err_why());
	item_free(i);
	l->batch[l->bad] = &g->item;
	return true;
}

/* A larger map has to wait for all readers. One of them may be a worker that waits for room in the
 * queue, which is the ledger's to make: it never waits for workers. */
static int grow(struct ledger *l)
{
	void *i;
	int r;

	while ((r = store_grow(l->opt.store, GROW_WAIT_MS)) == STORE_BUSY)
		while (queue_pop(l->opt.items, 0, &i) == 0)
			hold(l, i);
	return r;
}

int ledger_pulse(struct ledger *l, struct item *i)
{
	(void)l;
	(void)i;
	return 0;
}

/* A store that is full or broken is told and tried again: that is no stall, and a restart would only
 * lose what is held back. What hangs on the store's lock never comes here. */
static int try_it(struct ledger *l)
{
	int r = attempt(l);

	if (atomic_exchange(&l->opt.stats->asked, false) && l->opt.alive)
		l->opt.alive();
	return r;
}

static void record(struct ledger *l)
{
	bool grown = false;
	int r;

	while ((r = try_it(l)) < 0) {
		if (atomic_load(l->opt.stop))
			break;
		if (r == -ENOSPC && !grown && grow(l) == 0) {
			grown = true;
			continue;
		}
		if (set_aside(l, r))
			continue;
		stuck(l, r);
		grown = false;
	}
	if (r == 0 && atomic_exchange(&l->opt.stats->health, LEDGER_OK) != LEDGER_OK)
		log_note("the store takes entries again");
	if (r < 0) {
		log_err("%zu items are lost at the end of the sensor's life: %s", l->n_batch,
			err_why());
		free_batch(l);
	}
}

/* Being full is a gap that has ended: told when there is room to tell it. */
static void tell_full(struct ledger *l)
{
	struct item_gap *g;

	if (!l->full_since || l->n_batch == LEDGER_BATCH ||
		atomic_load(&l->opt.stats->health) != LEDGER_OK)
		return;
	g = calloc(1, sizeof(*g));
	must(g);
	g->item.kind = ITEM_GAP;
	g->cause = GAP_STORE_FULL;
	g->from = l->full_since;
	buf_add_text(&g->detail, "events were held back; none is lost unless another gap says so");
	l->full_since = 0;
	l->batch[l->n_batch++] = &g->item;
}

/* A commit goes to the disk, and on a journaling file system everybody else there waits for it: so they
 * take a third of the time at most, and what comes meanwhile goes into one. */
static int patience_ms(const struct ledger *l)
{
	int64_t rest = l->commit_took < REST_MOST / 2 ? 2 * l->commit_took : REST_MOST;
	int64_t wait = l->committed + rest - clock_mono();

	return wait > 0 ? (int)(wait / CLOCK_MS) + 1 : 0;
}

/* When something is to be written even if nothing comes. */
static int64_t next_own(const struct ledger *l)
{
	int64_t next = runs_next(l->runs), flood = floods_next(l->floods);

	next = flood < next ? flood : next;
	next = ledger_checkpoint_next(l) < next ? ledger_checkpoint_next(l) : next;
	if (l->opt.heartbeat && l->beat.next < next)
		next = l->beat.next;
	if (l->holds.wake < next)
		next = l->holds.wake;
	return l->next_tidy < next ? l->next_tidy : next;
}

static int fill(struct ledger *l)
{
	int64_t wait = next_own(l) - clock_mono();
	int r;

	while (l->n_batch < LEDGER_BATCH && unhold(l, &l->batch[l->n_batch]))
		l->n_batch++;
	if (l->n_batch)
		return 0;
	r = queue_pop(
		l->opt.items, wait > 0 ? (int)(wait / CLOCK_MS) + 1 : 0, (void **)&l->batch[0]);

	while (r == 0 && ++l->n_batch < LEDGER_BATCH)
		r = queue_pop(l->opt.items, patience_ms(l), (void **)&l->batch[l->n_batch]);
	return r;
}

/* Nothing is written after it: what the store says from now on is what it signs. */
static void seal(struct ledger *l)
{
	if (!l->opt.host_key)
		return;
	l->checkpoint.seal = true;
	if (try_it(l) < 0)
		log_warn("the last checkpoint could not be written: %s", err_why());
}

void *ledger_main(void *ledger)
{
	struct ledger *l = ledger;
	int r;

	do {
		r = fill(l);
		if (l->n_batch || (r == QUEUE_EMPTY && clock_mono() >= next_own(l)))
			record(l);
		tell_full(l);
		if (l->n_batch)
			record(l);
	} while (r != QUEUE_CLOSED);
	seal(l);
	return NULL;
}
