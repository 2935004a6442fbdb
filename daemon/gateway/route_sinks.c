/* Sinks as the loop and its clients see them: how each is doing, a test of one, and word to the sensor
 * of what one never got. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/host_name.h"
#include "daemon/gateway/sink_impl.h"
#include "daemon/log.h"
#include <stdio.h>
#include <unistd.h>

enum { TESTS_MAX = 4 };
#define SAY_EVERY (5 * CLOCK_S)

/* ---- in the loop ---- */

static void tell_sensor(struct gateway *g)
{
	char name[65];
	uint64_t from, to;

	while (g->asks.fd >= 0 && sinks_behind(g->sinks, name, &from, &to)) {
		struct door_msg m = {.op = DOOR_SINK_BEHIND,
			.target = span_of(name),
			.value = from,
			.value2 = to};

		asks_send_sink(g, &m);
	}
}

/* Only a path that the door takes goes along. */
static void tell_refused(struct gateway *g)
{
	BUF struct buf path = {0}, text = {0};
	struct sink_refusals some;
	char name[65];

	while (g->asks.fd >= 0 && sinks_refused(g->sinks, name, &some, &path)) {
		struct door_msg m = {.op = DOOR_SINK_REFUSED,
			.target = span_of(name),
			.value = some.from,
			.value2 = some.to};

		buf_reset(&text);
		buf_varint(&text, some.n);
		buf_bytes(&text, span_of(some.why));
		m.text = buf_span(&text);
		if (path.n && path.p[0] == '/')
			m.path = buf_span(&path);
		asks_send_sink(g, &m);
		buf_reset(&path);
	}
}

/* For the heartbeat: how far each sink is, where that is news. Whatever writes a heartbeat wakes the
 * loop, so what the next one says is never older than the one before. */
static void tell_progress(struct gateway *g)
{
	int64_t now = clock_mono();
	BUF struct buf text = {0};
	struct sink_status s;
	struct sink_lag lag;

	if (g->asks.fd < 0) { /* the next sensor knows nothing */
		buf_reset(&g->sinks_said);
		g->sinks_say_at = 0;
		return;
	}
	if (now < g->sinks_say_at)
		return;
	g->sinks_say_at = now + SAY_EVERY;
	for (size_t i = 0; i < DOOR_SINKS_MAX && sinks_status(g->sinks, i, &s); i++) {
		if (sinks_lag(g, &s, &lag) < 0)
			return;
		buf_bytes(&text, span_of(s.name));
		buf_varint(&text, s.acked);
		buf_varint(&text, lag.events);
	}
	if (buf_err(&text) < 0 || span_eq(buf_span(&text), buf_span(&g->sinks_said)))
		return;
	asks_send_sink(g, &(struct door_msg){.op = DOOR_SINKS, .text = buf_span(&text)});
	buf_reset(&g->sinks_said);
	buf_add_span(&g->sinks_said, buf_span(&text));
}

void sinks_turn(struct gateway *g)
{
	if (!g->sinks)
		return;
	sinks_collect(g->sinks);
	tell_sensor(g);
	tell_refused(g);
	tell_progress(g);
	for (struct peer *p = g->peers; p; p = p->next)
		if (p->call && p->call->test && sink_test_done(p->call->test))
			call_wake(p->call);
}

/* A sensor that was not there is told again; one that refused is not. */
void sinks_answer(struct gateway *g, const struct ask *k)
{
	bool again = g->asks.fd < 0 || k->result == DOOR_BUSY;

	if (k->result != DOOR_OK && !again)
		log_warn("the sensor does not note what sink %s has missed: %s", k->sink,
			buf_text(&k->text));
	if (k->sink_refused)
		sinks_refused_told(g->sinks, k->sink, again);
	else
		sinks_told(g->sinks, k->sink, k->sink_to, again);
}

/* ---- how they are ---- */

/* When the first event that a sink lacks was written; 0: it lacks none. */
static int64_t lag_since(struct txn *t, uint64_t acked, uint64_t last)
{
	struct journal_entry e;

	return acked < last && journal_next(t, acked + 1, &e) == 0 ? e.time : 0;
}

int sinks_lag(struct gateway *g, const struct sink_status *s, struct sink_lag *ret)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	int64_t since;
	int r = txn_begin(g->store, false, &t);

	*ret = (struct sink_lag){0};
	if (r == 0)
		r = journal_head(t, &head);
	if (r < 0)
		return r;
	ret->last = head.last;
	ret->events = head.last > s->acked ? head.last - s->acked : 0;
	since = lag_since(t, s->acked, head.last);
	ret->seconds = since && clock_wall() > since ? (clock_wall() - since) / CLOCK_S : 0;
	return 0;
}

static int64_t seconds_since(int64_t wall, int64_t now)
{
	return now > wall ? (now - wall) / CLOCK_S : 0;
}

/* What went wrong last: since when it does, or how long ago that was. Nothing where nothing did. */
static void show_last_error(struct json *j, const struct sink_status *s)
{
	int64_t now = clock_wall();

	if (!s->error[0] || !s->error_at)
		return;
	json_key(j, "last_error");
	json_open(j, '{');
	json_m_int(j, "age_seconds", seconds_since(s->error_at, now));
	if (s->failing_since)
		json_m_int(j, "failing_seconds", seconds_since(s->failing_since, now));
	json_m_bool(j, "over", !s->failing_since);
	if (s->failing_since)
		json_m_time(j, "since", s->failing_since);
	json_m_text(j, "text", s->error);
	json_m_time(j, "time", s->error_at);
	json_close(j, '}');
}

static void show_one(struct json *j, struct gateway *g, const struct sink_status *s)
{
	struct sink_lag lag;

	(void)sinks_lag(g, s, &lag);
	json_open(j, '{');
	json_m_uint(j, "acked", s->acked);
	json_m_text(j, "address", s->address);
	json_m_text(j, "format", s->format);
	json_m_uint(j, "lag", lag.events);
	json_m_int(j, "lag_seconds", lag.seconds);
	show_last_error(j, s);
	json_m_uint(j, "left_out", s->left_out);
	json_m_text(j, "name", s->name);
	json_m_uint(j, "refused", s->refused);
	json_m_uint(j, "retried", s->retried);
	if (s->retry_at)
		json_m_time(j, "retry_at", s->retry_at);
	json_m_uint(j, "sent", s->sent);
	json_m_uint(j, "sent_seq", s->sent_seq);
	json_m_text(j, "state", sink_states[s->state]);
	json_m_text(j, "type", s->type);
	if (s->well_at)
		json_m_time(j, "well", s->well_at);
	json_close(j, '}');
}

void sinks_show(struct gateway *g, struct json *j)
{
	struct sink_status s;

	json_open(j, '[');
	for (size_t i = 0; sinks_status(g->sinks, i, &s); i++)
		show_one(j, g, &s);
	json_close(j, ']');
}

int route_sinks(struct call *c)
{
	struct json j;

	if (!view_sees_all(c))
		return problem(c, 403,
			"sinks get every target's events, and your role is confined by label");
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	sinks_show(c->g, &j);
	json_close(&j, '}');
	return 0;
}

/* ---- a test ---- */

void sinks_forget(struct call *c)
{
	sink_test_forget(c->test);
	c->test = NULL;
}

/* The sink itself, which goes on beside its test. */
static bool status_of(struct call *c, const char *name, struct sink_status *ret)
{
	for (size_t i = 0; sinks_status(c->g->sinks, i, ret); i++)
		if (strcmp(ret->name, name) == 0)
			return true;
	return false;
}

static int wait_test(struct call *c)
{
	struct sink_status s;
	char reply[512], id[65];
	bool known;
	struct json j;
	int r;

	if (!sink_test_done(c->test))
		return CALL_WAIT;
	r = sink_test_result(c->test, reply, id);
	known = status_of(c, sink_test_name(c->test), &s);
	sinks_forget(c);
	j = call_json(c);
	json_open(&j, '{');
	json_m_text(&j, "id", id);
	if (known)
		show_last_error(&j, &s);
	json_m_text(&j, "reply", reply);
	json_m_text(&j, "result", r == 0 ? "ok" : "failed");
	if (known)
		json_m_text(&j, "state", sink_states[s.state]);
	json_m_time(&j, "time", clock_wall());
	json_close(&j, '}');
	return 0;
}

static unsigned tests_running(struct gateway *g)
{
	unsigned n = 0;

	for (struct peer *p = g->peers; p; p = p->next)
		n += p->call && p->call->test;
	return n;
}

int route_sink_test(struct call *c)
{
	char host[HOST_NAME_ROOM], name[65];
	int r;

	if (roles_everywhere(c->g->roles, &c->peer->who) < ROLE_OPERATOR)
		return problem(c, 403,
			"sinks get every target's events, and your role is confined by label");
	if (tests_running(c->g) >= TESTS_MAX)
		return problem(c, 503, "other tests are running; ask again when they are done");
	host_name(host);
	snprintf(name, sizeof(name), "%.*s", (int)c->match.arg[0].n,
		(const char *)c->match.arg[0].p);
	r = sinks_test_start(c->g->sinks, name, span_of(host), &c->test);
	if (r == -ENOENT)
		return problem(c, 404, "there is no sink %s; boltseal sinks lists them", name);
	if (r < 0)
		return problem(c, 409, "%s", err_why());
	c->again = wait_test;
	return CALL_WAIT;
}
