/*
 * One sink's thread: place, read, send, acknowledge, keep; and wait.
 *
 * `sent` is how far the present connection has come, `acked` how far the receiver has for sure (or,
 * where it acknowledges nothing, as far as can be known); the file says at most `acked`. When a
 * connection breaks, sending goes on after `acked`. So whatever happens, and at whatever moment the
 * process dies, an event may go twice and never not at all.
 */
#include "daemon/gateway/sink_run.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#define SETTLE_EVERY (500 * CLOCK_MS)
#define LONGEST_PAUSE (3600 * CLOCK_S)
#define LAST_WORDS (700 * CLOCK_MS)
enum { LETTERS_LIMIT = 16 << 20 };

int64_t sink_pause(int64_t least, int64_t most, unsigned failures, uint64_t dice)
{
	int64_t cap = least;

	while (--failures > 0 && failures < 64 && cap < most)
		cap *= 2;
	if (cap > most)
		cap = most;
	return 1 + (int64_t)(dice % (uint64_t)cap);
}

/* Waits for a tick, a poke or the end, but not beyond `until` (mono; 0: for ever). `only_poke`: the
 * journal may grow meanwhile. */
static void wait_for(struct run *r, int64_t until, bool only_poke)
{
	struct sink_hub *h = r->s->hub;
	struct timespec t = {until / CLOCK_S, until % CLOCK_S};
	int e = 0;

	pthread_mutex_lock(&h->lock);
	while (e == 0 && !run_stopped(r) && !r->s->poked && (only_poke || h->ticks == r->ticks))
		e = until ? pthread_cond_timedwait(&h->tick, &h->lock, &t)
			  : pthread_cond_wait(&h->tick, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static void show(struct run *r, enum sink_state state)
{
	struct sink_status *st = &r->s->status;

	pthread_mutex_lock(&r->s->hub->lock);
	if (st->state != SINK_ENDS)
		st->state = state;
	st->acked = r->acked.seq;
	st->sent_seq = r->sent.seq;
	pthread_mutex_unlock(&r->s->hub->lock);
}

static void count(struct run *r, uint64_t sent, uint64_t retried, uint64_t refused, uint64_t left)
{
	struct sink_status *st = &r->s->status;

	pthread_mutex_lock(&r->s->hub->lock);
	st->sent += sent;
	st->retried += retried;
	st->refused += refused;
	st->left_out += left;
	pthread_mutex_unlock(&r->s->hub->lock);
}

/* ---- what became of it ---- */

static void well(struct run *r)
{
	struct sink *s = r->s;

	r->failures = 0;
	if (!r->was_well)
		log_note("sink %s: its receiver takes events", s->conf.name);
	r->was_well = true;
	pthread_mutex_lock(&s->hub->lock);
	s->status.well_at = clock_wall();
	s->status.failing_since = 0;
	s->status.retry_at = 0;
	pthread_mutex_unlock(&s->hub->lock);
}

/* Up to there; acknowledged at once where the kind knows, else when it has stood the test of time. */
static void advance(struct run *r, const struct place *to, bool sure)
{
	struct mark *m;

	r->sent = *to;
	if (!r->s->kind->settle || sure) {
		r->acked = *to;
		r->n_marks = 0;
		return;
	}
	/* The last one is made to stand for more when there are too many. */
	m = r->n_marks < SINK_MARKS ? &r->marks[r->n_marks++] : &r->marks[SINK_MARKS - 1];
	*m = (struct mark){*to, clock_mono()};
}

static void drop_link(struct run *r)
{
	if (r->s->kind)
		r->s->kind->close(r->link);
	r->link = NULL;
	r->sent = r->acked;
	r->n_marks = 0;
}

static void pause_for(struct run *r, int64_t ns)
{
	pthread_mutex_lock(&r->s->hub->lock);
	r->s->status.retry_at = clock_wall() + ns;
	pthread_mutex_unlock(&r->s->hub->lock);
	run_keep(r, true);
	show(r, SINK_WAITS);
	wait_for(r, clock_mono() + ns, true);
}

static void fail(struct run *r, const char *why, int64_t retry_after)
{
	struct sink *s = r->s;
	uint64_t dice = 0;
	int64_t ns;

	if (r->was_well || r->failures == 0)
		log_warn("sink %s: %s; it is tried again", s->conf.name, why);
	r->was_well = false;
	r->failures++;
	pthread_mutex_lock(&s->hub->lock);
	snprintf(s->status.error, sizeof(s->status.error), "%.250s", why);
	s->status.error_at = clock_wall();
	if (!s->status.failing_since)
		s->status.failing_since = s->status.error_at;
	s->status.retried++;
	pthread_mutex_unlock(&s->hub->lock);
	(void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	ns = sink_pause(s->conf.retry_min, s->conf.retry_max, r->failures, dice);
	ns = ns > retry_after ? ns : retry_after;
	pause_for(r, ns < LONGEST_PAUSE ? ns : LONGEST_PAUSE);
}

/* The receiver will never take it: it is put aside, with the reason, and the others go on. */
static int put_aside(struct run *r, const struct sink_event *e, const char *reason)
{
	struct sink *s = r->s;
	int res = letter_add(s->hub->dir, s->conf.name, e->json, reason, LETTERS_LIMIT);

	if (res < 0)
		return res;
	log_warn("sink %s refuses event %" PRIu64 ": %s", s->conf.name, e->seq, reason);
	count(r, 0, 0, 1, 0);
	pthread_mutex_lock(&s->hub->lock);
	snprintf(s->status.error, sizeof(s->status.error), "event %" PRIu64 " refused: %.200s",
		e->seq, reason);
	s->status.error_at = clock_wall();
	pthread_mutex_unlock(&s->hub->lock);
	if (!run_is_word(e)) {
		struct sink_refusals one = {.from = e->seq, .to = e->seq, .n = 1, .kept = true};

		snprintf(one.why, sizeof(one.why), "%.199s", reason);
		run_refused(r, &one);
	}
	return 0;
}

/* Of what went there some was thrown away, and nobody says which. */
static void note_lost(struct run *r, const struct sink_result *got)
{
	struct sink_refusals some = {
		.from = r->v[0].seq, .to = r->v[got->done - 1].seq, .n = got->lost};

	for (size_t i = 0; i < got->done && some.n > 0; i++)
		some.n -= run_is_word(&r->v[i]);
	snprintf(some.why, sizeof(some.why), "%.199s", got->reply);
	if (some.n > 0)
		run_refused(r, &some);
}

static struct place place_of(const struct sink_event *e)
{
	struct place p = {.seq = e->seq};

	memcpy(p.id, e->id, SHA_LEN);
	return p;
}

/* After a batch that was not all taken. */
static void judge(struct run *r, int res, const struct sink_result *got)
{
	const struct sink_event *bad = got->done < r->n ? &r->v[got->done] : NULL;
	bool refused = res == SINK_REFUSED || (res == SINK_TOO_MANY && r->n == 1);
	struct place p;

	if (res == SINK_TOO_MANY && !refused) {
		r->limit = r->n / 2;
		return;
	}
	if (!refused || !bad) {
		fail(r, res == SINK_AGAIN && got->reply[0] ? got->reply : err_why(),
			got->retry_after);
		return;
	}
	if (put_aside(r, bad, got->reply[0] ? got->reply : "refused") < 0) {
		fail(r, err_why(), 0);
		return;
	}
	p = place_of(bad);
	advance(r, &p, got->sure);
	r->failures = 0;
}

static void send_batch(struct run *r)
{
	const struct sink_kind *k = r->s->kind;
	struct sink_result got = {0};
	int res = 0;

	show(r, SINK_SENDS);
	err_set(-EIO, "it failed"); /* in case that a kind says nothing */
	if (!r->link)
		res = hub_connect(r->s->hub, k, &r->env, &r->link);
	if (res == 0 && r->link)
		res = k->send(r->link, r->v, r->n, &got);
	if (res == 0)
		got.done = r->n;
	if (got.done > 0) {
		struct place p = place_of(&r->v[got.done - 1]);

		if (got.lost)
			note_lost(r, &got);
		advance(r, got.done == r->n ? &r->through : &p, got.sure);
		count(r, got.done - got.lost, 0, got.lost, got.done == r->n ? r->left_out : 0);
	}
	if (res == 0) {
		well(r);
		r->limit = r->limit * 2 < r->most ? r->limit * 2 : r->most;
		return;
	}
	if (res < 0) {
		char why[256];

		snprintf(why, sizeof(why), "%.250s", err_why());
		/* What can be known at once need not go twice. */
		if (r->n_marks && k->window == 0 && k->settle(r->link) == 0)
			r->acked = r->marks[r->n_marks - 1].at;
		drop_link(r);
		if (!run_stopped(r))
			fail(r, why, got.retry_after);
		return;
	}
	judge(r, res, &got);
}

/* What has stood for a while on a connection that still stands is acknowledged. */
static void settle(struct run *r)
{
	const struct sink_kind *k = r->s->kind;
	int64_t now = clock_mono();
	size_t n = 0;
	int res;

	if (r->n_marks == 0 || now < r->settle_at || now < r->marks[0].sent + k->window)
		return;
	res = k->settle(r->link);
	if (res < 0) {
		char why[256];

		snprintf(why, sizeof(why), "%.250s", err_why());
		drop_link(r);
		fail(r, why, 0);
		return;
	}
	r->settle_at = k->window ? now + SETTLE_EVERY : 0;
	if (res > 0) {
		r->settle_at = now + SETTLE_EVERY;
		return;
	}
	while (n < r->n_marks && r->marks[n].sent + k->window <= now)
		n++;
	r->acked = r->marks[n - 1].at;
	r->n_marks -= n;
	memmove(r->marks, r->marks + n, r->n_marks * sizeof(*r->marks));
}

/* Nothing to send: until the next tick, or until something is to be settled or kept. */
static void rest(struct run *r)
{
	int64_t until = 0, due;

	if (r->n_marks) {
		until = r->marks[0].sent + r->s->kind->window;
		until = until > r->settle_at ? until : r->settle_at;
	}
	due = r->kept_at + KEEP_EVERY;
	if (r->kept.acked != r->acked.seq && (!until || due < until))
		until = due;
	due = run_ring_due(r);
	if (due && (!until || due < until))
		until = due;
	show(r, SINK_IDLE);
	wait_for(r, until, false);
}

/* The connection ends in order, so that as little as possible is sent again. */
static void part(struct run *r)
{
	const struct sink_kind *k = r->s->kind;

	if (r->link && r->n_marks &&
		(k->finish ? k->finish(r->link, LAST_WORDS) == 0
			   : k->window == 0 && k->settle(r->link) == 0))
		r->acked = r->marks[r->n_marks - 1].at;
	drop_link(r);
}

static void step(struct run *r)
{
	bool poked;
	int res;

	pthread_mutex_lock(&r->s->hub->lock);
	poked = r->s->poked;
	r->s->poked = false;
	pthread_mutex_unlock(&r->s->hub->lock);
	if (poked && r->link)
		part(r);
	res = run_look(r);
	if (res == -EAGAIN && !run_stopped(r)) {
		wait_for(r, 0, false);
		return;
	}
	if (res < 0) {
		if (!run_stopped(r))
			fail(r, err_why(), 0);
		return;
	}
	if (!r->placed || run_stopped(r))
		return;
	if (r->n > 0) {
		send_batch(r);
	} else if (r->through.seq != r->sent.seq) {
		count(r, 0, 0, 0, r->left_out);
		if (r->n_marks == 0)
			r->sent = r->acked = r->through;
		else
			advance(r, &r->through, false);
	}
	settle(r);
	run_ring(r);
	run_keep(r, false);
	if (r->n == 0 && r->through.seq == r->sent.seq && !run_stopped(r))
		rest(r);
}

void *sink_main(void *arg)
{
	struct sink *s = arg;
	struct sink_hub *h = s->hub;
	struct run r = {.s = s, .was_well = true, .limit = 1};

	if (s->kind)
		r.limit = s->kind->batch;
	if (s->conf.batch && s->conf.batch < r.limit)
		r.limit = (size_t)s->conf.batch;
	r.most = r.limit;
	r.env = sink_env_of(&s->conf, h->version, &s->stop, s->stop_fd);
	r.env.told = &r.told;
	while (!run_stopped(&r))
		step(&r);
	if (s->kind)
		part(&r);
	if (r.placed)
		run_keep(&r, true);
	arena_free(&r.mem);
	pthread_mutex_lock(&h->lock);
	s->ended = true;
	s->status.acked = r.acked.seq;
	pthread_cond_broadcast(&h->tick);
	pthread_mutex_unlock(&h->lock);
	hub_ring(h);
	sink_unref(s);
	return NULL;
}
