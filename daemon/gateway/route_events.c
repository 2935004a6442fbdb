/*
 * GET /v1/events: the journal as lines of JSON, or as server-sent events when asked for. Entries
 * are read as the peer takes them, in short transactions, so a slow reader costs nothing but its
 * connection: the journal is the buffer. One that follows sleeps until the door ticks.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/text.h"
#include <inttypes.h>

enum { BATCH_ENTRIES = 500, BATCH_BYTES = 32768 };

struct stream {
	uint64_t next, until_seq, left;
	int64_t until_time;
	bool by_seq, follow, sse, confined, has_type, has_path, ended;
	uint32_t target; /* 0: all */
	enum event_type type;
	enum severity least;
	struct span path;
};

static bool is_seq(struct span v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	}
	return v.n > 0;
}

/* since: the event after that number, or the first at or after that time. */
static int read_since(struct call *c, struct txn *t, struct stream *s)
{
	const char *last = s->sse ? call_request_header(c, "Last-Event-ID") : NULL;
	const struct span *v = query_get(&c->query, "since");
	struct span text = last ? span_of(last) : v ? *v : span_of("0");
	int64_t wall;
	int r;

	if (is_seq(text)) {
		r = text_u64(text, 0, INT64_MAX - 1, &s->next);
		if (r == 0 && v && s->next > s->until_seq)
			return err_set(-EINVAL, "until lies before since");
		s->next += r == 0;
		s->by_seq = true;
		return r < 0 ? err_wrap(r, "since") : r;
	}
	if (last)
		return err_set(-EINVAL, "Last-Event-ID must be the number of an event");
	r = clock_parse(text, clock_wall(), &wall);
	if (r < 0)
		return err_wrap(r, "since");
	if (wall > s->until_time)
		return err_set(-EINVAL, "until lies before since");
	r = journal_seek_time(t, wall, &s->next);
	if (r == STORE_ABSENT)
		s->next = 1;
	return r < 0 ? r : 0;
}

static int read_until(const struct query *q, struct stream *s)
{
	const struct span *v = query_get(q, "until");
	int r;

	s->until_seq = UINT64_MAX;
	s->until_time = INT64_MAX;
	if (!v)
		return 0;
	r = is_seq(*v) ? text_u64(*v, 0, INT64_MAX, &s->until_seq)
		       : clock_parse(*v, clock_wall(), &s->until_time);
	return r < 0 ? err_wrap(r, "until") : 0;
}

static int no_such_type(struct span v)
{
	BUF struct buf words = {.p = NULL};

	for (int i = 0; i < EVENT_N; i++)
		buf_printf(&words, "%s%s", i ? ", " : "", event_kinds[i].name);
	text_refuse(-EINVAL, v, "no such type of event");
	return err_set(-EINVAL, "%s; there are %s", err_why(), buf_text(&words));
}

static int read_kinds(const struct query *q, struct stream *s)
{
	const struct span *type = query_get(q, "type"), *severity = query_get(q, "severity");
	int t = type ? kind_find(event_kinds, EVENT_N, *type) : 0;
	int v = severity ? kind_find(severity_kinds, SEV_N, *severity) : 0;

	if (t < 0)
		return no_such_type(*type);
	if (v < 0)
		return err_set(-EINVAL, "severity is info, low, medium, high or critical");
	s->has_type = type != NULL;
	s->type = (enum event_type)t;
	s->least = (enum severity)v;
	return 0;
}

static int read_query(const struct query *q, struct stream *s)
{
	const struct span *limit = query_get(q, "limit"), *path = query_get(q, "path");
	int r = read_until(q, s);

	s->left = UINT64_MAX;
	if (r == 0 && limit && (r = text_u64(*limit, 1, INT64_MAX, &s->left)) < 0)
		err_wrap(r, "limit");
	if (r == 0)
		r = query_bool(q, "follow", &s->follow);
	if (r == 0 && path) {
		s->has_path = true;
		s->path = *path;
		if (!path->n || (path->p[0] != '/' && !span_starts(*path, span_of("**"))))
			r = text_refuse(-EINVAL, *path,
				"a path begins with /, so its glob begins with / or with **: write "
				"/GLOB or **/GLOB");
		else
			r = glob_check(*path);
	}
	return r < 0 ? r : read_kinds(q, s);
}

/* What retention removed cannot be given any more, and a number that is not reached yet was given by
 * a journal that is no more: silence would be taken for completeness. */
static int check_gone(struct call *c, struct txn *t, struct stream *s)
{
	struct journal_head head;
	int r = journal_head(t, &head);

	if (r < 0)
		return r;
	if (s->by_seq && s->next > head.last + 1) {
		problem(c, 416,
			"the journal ends at seq %" PRIu64 ": %" PRIu64
			" is of another journal; begin with since=0 or since=%" PRIu64,
			head.last, s->next - 1, head.last);
		return VIEW_ANSWERED;
	}
	if (head.first > 1 && s->next > 1 && s->next < head.first) {
		problem(c, 410,
			"events before %" PRIu64 " are no longer kept; ask with since=%" PRIu64,
			head.first, head.first - 1);
		return VIEW_ANSWERED;
	}
	return 0;
}

static bool may_see(struct call *c, struct txn *t, const struct stream *s, uint32_t no)
{
	struct target tg;

	return !s->confined || (no && targets_get(t, no, &tg) == 0 && view_sees(c, &tg));
}

static bool is_wanted(
	struct call *c, struct txn *t, const struct stream *s, const struct journal_entry *e)
{
	return (!s->has_type || e->type == s->type) && e->severity >= s->least &&
	       (!s->has_path || (e->path.n > 0 && glob_match(s->path, e->path))) &&
	       may_see(c, t, s, e->target);
}

static void add_entry(struct call *c, const struct stream *s, const struct journal_entry *e)
{
	if (s->sse)
		buf_printf(&c->out, "id: %" PRIu64 "\ndata: ", e->seq);
	buf_add_span(&c->out, e->json);
	buf_add_text(&c->out, s->sse ? "\n\n" : "\n");
}

/* STORE_ABSENT: nothing more for now. */
static int batch(struct call *c, struct stream *s, struct txn *t)
{
	struct journal_entry e;
	int r = 0;

	for (int i = 0; i < BATCH_ENTRIES && c->out.n < BATCH_BYTES; i++) {
		r = s->target ? journal_next_of(t, s->target, s->next, &e)
			      : journal_next(t, s->next, &e);
		if (r != 0)
			return r;
		if (s->left == 0 || e.seq > s->until_seq || e.time > s->until_time) {
			s->ended = true;
			return 0;
		}
		s->next = e.seq + 1;
		if (!is_wanted(c, t, s, &e))
			continue;
		add_entry(c, s, &e);
		s->left--;
	}
	return r;
}

static enum fill fill_events(struct call *c)
{
	struct stream *s = c->stream;
	TXN struct txn *t = NULL;
	int64_t now = clock_mono();
	int r;

	if (s->ended || s->left == 0)
		return FILL_END;
	r = txn_begin(c->g->store, false, &t);
	if (r >= 0)
		r = batch(c, s, t);
	if (r < 0) /* the peer resumes where it was */
		return FILL_END;
	if (r == 0 || c->out.n > 0)
		return s->ended ? FILL_END : FILL_MORE;
	if (!s->follow)
		return FILL_END;
	if (s->sse && now - c->last_sent >= c->g->limits.heartbeat) {
		buf_add_text(&c->out, ": \n\n");
		return FILL_MORE;
	}
	return FILL_WAIT;
}

static bool wants_sse(struct call *c)
{
	const char *accept = call_request_header(c, "Accept");

	return accept && strstr(accept, "text/event-stream");
}

static int read_target(struct call *c, struct txn *t, struct stream *s)
{
	const struct span *word = query_get(&c->query, "target");
	struct target tg;
	int r = word ? view_target(c, t, *word, ROLE_VIEWER, &tg) : 0;

	s->target = word && r == 0 ? tg.no : 0;
	return r;
}

static int begin(struct call *c, struct stream *s)
{
	struct gateway *g = c->g;
	bool head = strcmp(c->method, "HEAD") == 0;

	if (s->follow && g->n_streams >= g->limits.streams)
		return problem(
			c, 429, "%u others follow the journal already; close one", g->n_streams);
	c->status = 200;
	c->type = s->sse ? "text/event-stream" : "application/x-ndjson";
	if (head) /* what a GET would be, without waiting for any of it */
		return 0;
	c->fill = fill_events;
	c->last_sent = clock_mono();
	c->follows = s->follow && s->sse;
	if (s->follow) {
		c->next = g->streams;
		g->streams = c;
		g->n_streams++;
	}
	return 0;
}

int route_events(struct call *c)
{
	struct stream *s = c->stream = arena_alloc(&c->mem, sizeof(*s));
	TXN struct txn *t = NULL;
	int r;

	s->sse = wants_sse(c);
	s->confined = !view_sees_all(c);
	r = read_query(&c->query, s);
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = read_target(c, t, s);
	if (r == 0)
		r = read_since(c, t, s);
	if (r == 0)
		r = check_gone(c, t, s);
	if (r != 0)
		return r < 0 ? r : 0;
	s->follow |= s->sse && !query_get(&c->query, "follow");
	return begin(c, s);
}
