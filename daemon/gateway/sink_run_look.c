/* Where a sink stands in the journal, on the disk and in memory, and what comes next there. */
#include "daemon/gateway/sink_run.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "store/journal.h"
#include <inttypes.h>

enum { SCAN_MOST = 20000 };

/* ---- the position ---- */

void run_keep(struct run *r, bool now)
{
	struct sink_cursor c = {.acked = r->acked.seq};
	struct sink_refusals refused = {.n = 0};
	struct sink *s = r->s;

	pthread_mutex_lock(&s->hub->lock);
	refusals_add(&refused, &s->refused_asked);
	refusals_add(&refused, &s->refused);
	if (s->behind_told >= s->behind_to)
		s->behind_from = s->behind_to = s->behind_told = 0;
	c.behind_from = s->behind_from;
	c.behind_to = s->behind_to;
	pthread_mutex_unlock(&s->hub->lock);
	c.refused_from = refused.from;
	c.refused_to = refused.to;
	c.refused_n = refused.n;
	memcpy(c.id, r->acked.id, SHA_LEN);
	if (memcmp(&c, &r->kept, sizeof(c)) == 0 || !s->hub->dir ||
		(!now && clock_mono() - r->kept_at < KEEP_EVERY))
		return;
	r->kept_at = clock_mono();
	if (cursor_save(s->hub->dir, s->conf.name, &c) == 0) {
		r->kept = c;
		r->told_keep = false;
	} else if (!r->told_keep) {
		r->told_keep = true;
		log_warn("sink %s: its position is not kept, so events may go twice: %s",
			s->conf.name, err_why());
	}
}

/* Is the event that is named the one that the journal has there? 1: no. */
static int check_place(struct txn *t, const struct journal_head *head, const struct place *p)
{
	struct journal_entry e;
	int res;

	if (p->seq == 0 || p->seq + 1 < head->first)
		return 0;
	if (p->seq + 1 == head->first)
		return memcmp(p->id, head->trimmed_id, SHA_LEN) != 0;
	if (p->seq > head->last)
		return 1;
	res = journal_get(t, p->seq, &e);
	return res < 0 ? res : res > 0 || memcmp(e.id, p->id, SHA_LEN) != 0;
}

static void start_over(struct run *r, const struct journal_head *head, const char *why)
{
	log_warn("sink %s: %s: it begins again with the oldest event that is kept", r->s->conf.name,
		why);
	r->acked = (struct place){.seq = head->first ? head->first - 1 : 0};
	memcpy(r->acked.id, head->trimmed_id, SHA_LEN);
}

static int find_place(struct run *r, struct txn *t, int loaded)
{
	const struct config_sink *c = &r->s->conf;
	struct journal_head head;
	int res = journal_head(t, &head);

	if (res < 0)
		return res;
	if (loaded == -EBADMSG) {
		start_over(r, &head, err_why());
	} else if (loaded == CURSOR_NONE && c->from == CONFIG_SINK_FROM_END) {
		r->acked = (struct place){.seq = head.last};
		memcpy(r->acked.id, head.last_id, SHA_LEN);
	} else if (loaded == CURSOR_NONE) {
		r->acked = (struct place){.seq = head.first ? head.first - 1 : 0};
		memcpy(r->acked.id, head.trimmed_id, SHA_LEN);
	} else {
		res = check_place(t, &head, &r->acked);
		if (res == 0 && r->has_file && check_place(t, &head, &r->sent) == 0)
			return 0;
		if (res > 0)
			start_over(r, &head,
				"the journal is not the one that it has read: the "
				"store was put back or made anew");
	}
	r->sent = r->acked;
	r->n_marks = 0;
	return res < 0 ? res : 0;
}

/* Opens a read transaction; the gate is held until read_end(). -EAGAIN: there is no store now. */
static int read_begin(struct run *r, struct txn **t)
{
	struct sink_hub *h = r->s->hub;
	int res = -EAGAIN;

	pthread_rwlock_rdlock(&h->gate);
	if (h->store && !run_stopped(r))
		res = txn_begin(h->store, false, t);
	if (res < 0)
		pthread_rwlock_unlock(&h->gate);
	return res;
}

static void read_end(struct run *r, struct txn *t)
{
	txn_abort(t);
	pthread_rwlock_unlock(&r->s->hub->gate);
}

static int place(struct run *r)
{
	struct sink *s = r->s;
	int loaded = 0, res;
	struct txn *t;

	if (!s->kind)
		return err_set(-ENOTSUP, "%s", s->status.error);
	if (!s->hub->dir)
		return err_set(-ENOENT, "there is no directory for its position");
	if ((res = cursor_dir(s->hub->dir)) < 0)
		return res;
	if (!r->has_file) { /* else it is in memory, and the store was opened anew */
		loaded = cursor_load(s->hub->dir, s->conf.name, &r->kept);
		if (loaded < 0 && loaded != -EBADMSG)
			return loaded;
		r->acked = (struct place){.seq = r->kept.acked};
		memcpy(r->acked.id, r->kept.id, SHA_LEN);
		pthread_mutex_lock(&s->hub->lock);
		s->behind_from = r->kept.behind_from;
		s->behind_to = r->kept.behind_to;
		s->refused = (struct sink_refusals){.from = r->kept.refused_from,
			.to = r->kept.refused_to,
			.n = r->kept.refused_n,
			.kept = true,
			.why = "told before a restart"};
		pthread_mutex_unlock(&s->hub->lock);
	}
	if ((res = read_begin(r, &t)) < 0)
		return res;
	res = find_place(r, t, loaded);
	read_end(r, t);
	if (res < 0)
		return res;
	if (!r->has_file) { /* nothing is sent before a restart could know that it was */
		struct sink_cursor c = {.acked = r->acked.seq,
			.behind_from = r->kept.behind_from,
			.behind_to = r->kept.behind_to,
			.refused_from = r->kept.refused_from,
			.refused_to = r->kept.refused_to,
			.refused_n = r->kept.refused_n};

		memcpy(c.id, r->acked.id, SHA_LEN);
		if ((res = cursor_save(s->hub->dir, s->conf.name, &c)) < 0)
			return res;
		r->kept = c;
		r->has_file = true;
	}
	r->placed = true;
	if (r->kept.behind_to || r->kept.refused_n)
		hub_ring(s->hub);
	return 0;
}

/* ---- reading ---- */

static bool passes(const struct config_sink *c, const struct journal_entry *e)
{
	static const bool always[EVENT_N] = {[EVENT_HEARTBEAT] = true,
		[EVENT_GAP_OPENED] = true,
		[EVENT_GAP_CLOSED] = true,
		[EVENT_DAEMON_STARTED] = true,
		[EVENT_DAEMON_STOPPED] = true};

	return e->severity >= c->min_severity || always[e->type];
}

static void add(struct run *r, const struct journal_entry *e)
{
	struct sink_event *v = &r->v[r->n];

	*v = (struct sink_event){.seq = e->seq,
		.time = e->time,
		.type = e->type,
		.severity = e->severity,
		.json = arena_dup(&r->mem, e->json)};
	memcpy(v->id, e->id, SHA_LEN);
	r->n++;
}

/* Retention was quicker: those are gone for this sink, and the journal is to say so. */
static void fell_behind(struct run *r, const struct journal_head *head)
{
	struct sink *s = r->s;
	uint64_t from = r->sent.seq + 1, to = head->first - 1;

	log_warn("sink %s is behind: events %" PRIu64 " to %" PRIu64
		 " are gone, retention was quicker",
		s->conf.name, from, to);
	pthread_mutex_lock(&s->hub->lock);
	if (s->behind_told >= s->behind_to)
		s->behind_from = from;
	s->behind_to = to;
	s->behind_asked = false;
	pthread_mutex_unlock(&s->hub->lock);
	r->sent = (struct place){.seq = to};
	memcpy(r->sent.id, head->trimmed_id, SHA_LEN);
	r->acked = r->sent; /* what was sent before and not acknowledged cannot be sent again */
	r->n_marks = 0;
	hub_ring(s->hub);
}

static void clear_batch(struct run *r)
{
	arena_free(&r->mem);
	r->mem = (struct arena){0};
	r->v = arena_alloc(&r->mem, r->limit * sizeof(*r->v));
	r->n = 0;
	r->left_out = 0;
	r->through = r->sent;
}

static int fill(struct run *r, struct txn *t)
{
	size_t bytes = 0;
	struct journal_head head;
	struct journal_entry e;
	int res = journal_head(t, &head);

	if (res < 0)
		return res;
	if (head.last < r->sent.seq) {
		r->placed = false;
		return 0;
	}
	if (head.first > r->sent.seq + 1)
		fell_behind(r, &head);
	clear_batch(r);
	for (int i = 0; i < SCAN_MOST && r->n < r->limit && r->through.seq < head.last; i++) {
		res = journal_next(t, r->through.seq + 1, &e);
		if (res != 0)
			break;
		if (passes(&r->s->conf, &e)) {
			if (r->n && bytes + e.json.n > r->s->kind->batch_bytes)
				break;
			bytes += e.json.n;
			add(r, &e);
		} else {
			r->left_out++;
		}
		r->through.seq = e.seq;
		memcpy(r->through.id, e.id, SHA_LEN);
	}
	return res < 0 ? res : 0;
}

int run_look(struct run *r)
{
	struct sink_hub *h = r->s->hub;
	struct txn *t;
	int res;

	pthread_mutex_lock(&h->lock);
	r->ticks = h->ticks;
	if (h->epoch != r->epoch)
		r->placed = false;
	r->epoch = h->epoch;
	pthread_mutex_unlock(&h->lock);
	if (!r->placed && (res = place(r)) < 0)
		return res;
	if ((res = read_begin(r, &t)) < 0)
		return res;
	res = fill(r, t);
	read_end(r, t);
	return res;
}
