/* GET /metrics: one row per family, in Prometheus' text format. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/verdict.h"
#include <inttypes.h>

struct facts {
	struct call *call;
	struct store_stats stats;
	uint64_t state[STATE_N], drift[3], gaps[GAP_N], unbaselined;
	uint64_t worst[SEV_N];
	uint64_t verdict[VERDICT_N], layers[VERDICT_N], signatures[SIGNED_N], unmet;
	uint64_t holds, held[SEV_N];
	uint64_t floods, flooded, folded;
	int64_t last_time; /* of the journal's last entry, wall ns; 0: none */
};

static void sample(
	struct buf *out, const char *name, const char *label, const char *value, uint64_t v)
{
	if (label)
		buf_printf(out, "boltseal_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, v);
	else
		buf_printf(out, "boltseal_%s %" PRIu64 "\n", name, v);
}

static void put_up(struct buf *out, const char *name, const struct facts *f)
{
	sample(out, name, NULL, NULL, !view_sensor_down(f->call));
}

static void put_targets(struct buf *out, const char *name, const struct facts *f)
{
	for (int i = 0; i < STATE_N; i++)
		sample(out, name, "state", state_kinds[i].name, f->state[i]);
}

static void put_verdicts(struct buf *out, const char *name, const uint64_t *n)
{
	for (int i = VERDICT_PROVED; i < VERDICT_N; i++)
		sample(out, name, "verdict", verdict_kinds[i].name, n[i]);
}

static void put_layer_verdicts(struct buf *out, const char *name, const struct facts *f)
{
	put_verdicts(out, name, f->layers);
}

static void put_images(struct buf *out, const char *name, const struct facts *f)
{
	put_verdicts(out, name, f->verdict);
}

static void put_signatures(struct buf *out, const char *name, const struct facts *f)
{
	for (int i = 0; i < SIGNED_N; i++)
		sample(out, name, "verdict", signed_kinds[i].name, f->signatures[i]);
}

static void put_unmet(struct buf *out, const char *name, const struct facts *f)
{
	sample(out, name, NULL, NULL, f->unmet);
}

static void put_drift(struct buf *out, const char *name, const struct facts *f)
{
	static const char *const kinds[] = {"added", "changed", "deleted"};

	for (size_t i = 0; i < COUNTOF(kinds); i++)
		sample(out, name, "kind", kinds[i], f->drift[i]);
}

static void put_gaps(struct buf *out, const char *name, const struct facts *f)
{
	for (int i = 0; i < GAP_N; i++)
		sample(out, name, "cause", gap_kinds[i].name, f->gaps[i]);
}

static void put_held(struct buf *out, const char *name, const struct facts *f)
{
	for (int i = 0; i < SEV_N; i++)
		sample(out, name, "severity", severity_kinds[i].name, f->held[i]);
}

static void put_answers(struct buf *out, const char *name, const struct facts *f)
{
	static const char *const codes[] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};

	for (size_t i = 2; i < COUNTOF(codes); i++)
		sample(out, name, "code", codes[i], f->call->g->n_answers[i]);
}

static void put_sinks(struct buf *out, const char *name, const struct facts *f,
	uint64_t (*value)(struct gateway *g, const struct sink_status *s))
{
	struct sink_status s;

	for (size_t i = 0; sinks_status(f->call->g->sinks, i, &s); i++)
		sample(out, name, "sink", s.name, value(f->call->g, &s));
}

#define PUT_SINKS(what, expression)                                                                \
	static uint64_t sink_##what(struct gateway *g, const struct sink_status *s)                \
	{                                                                                          \
		(void)g;                                                                           \
		return (expression);                                                               \
	}                                                                                          \
	static void put_sink_##what(struct buf *out, const char *name, const struct facts *f)      \
	{                                                                                          \
		put_sinks(out, name, f, sink_##what);                                              \
	}
static uint64_t lag_of(struct gateway *g, const struct sink_status *s, bool seconds)
{
	struct sink_lag lag;

	(void)sinks_lag(g, s, &lag);
	return seconds ? (uint64_t)lag.seconds : lag.events;
}
PUT_SINKS(up, s->state != SINK_WAITS)
PUT_SINKS(lag, lag_of(g, s, false))
PUT_SINKS(lag_seconds, lag_of(g, s, true))
PUT_SINKS(acked, s->acked)
PUT_SINKS(sent, s->sent)
PUT_SINKS(retried, s->retried)
PUT_SINKS(refused, s->refused)
PUT_SINKS(left_out, s->left_out)

static void put_drifted(struct buf *out, const char *name, const struct facts *f)
{
	for (int i = 0; i < SEV_N; i++)
		sample(out, name, "severity", severity_kinds[i].name, f->worst[i]);
}

/* Both roles read the files, each with its own rights. */
static void put_reload_ok(struct buf *out, const char *name, const struct facts *f)
{
	sample(out, name, "role", "gateway", !f->call->g->reloaded.why);
	if (f->call->g->pulse.reload_done)
		sample(out, name, "role", "sensor", !f->call->g->pulse.reload_failed);
}

static void put_reload_time(struct buf *out, const char *name, const struct facts *f)
{
	sample(out, name, "role", "gateway", (uint64_t)(f->call->g->reloaded.done / CLOCK_S));
	if (f->call->g->pulse.reload_done)
		sample(out, name, "role", "sensor", (uint64_t)f->call->g->pulse.reload_done);
}

#define PUT(fn, what)                                                                              \
	static void fn(struct buf *out, const char *name, const struct facts *f)                   \
	{                                                                                          \
		sample(out, name, NULL, NULL, what);                                               \
	}
PUT(put_holds, f->holds)
PUT(put_unbaselined, f->unbaselined)
PUT(put_floods, f->floods)
PUT(put_flooded, f->flooded)
PUT(put_folded, f->folded)
PUT(put_seq, f->stats.last_seq)
PUT(put_last_time, (uint64_t)(f->last_time / CLOCK_S))
PUT(put_first, f->stats.first_seq)
PUT(put_layers, f->stats.layers)
PUT(put_records, f->stats.records)
PUT(put_used, f->stats.used)
PUT(put_limit, f->stats.map_limit)
PUT(put_connections, f->call->g->n_peers)
PUT(put_streams, f->call->g->n_streams)
PUT(put_requests, f->call->g->n_requests)
PUT(put_refused, f->call->g->n_refused)

static const struct {
	const char *name, *type, *help;
	void (*put)(struct buf *out, const char *name, const struct facts *f);
} families[] = {
	{"sensor_up", "gauge", "1 while the sensor's door is open", put_up},
	{"targets", "gauge", "kept targets by state", put_targets},
	{"targets_not_baselined", "gauge", "running targets whose layers are not all stored",
		put_unbaselined},
	{"layer_verdicts", "gauge", "read-only layers by whether they are what their image says",
		put_layer_verdicts},
	{"target_verdicts", "gauge", "targets by whether what they stack is what their image says",
		put_images},
	{"target_signatures", "gauge", "targets by whether a trusted key has signed their image",
		put_signatures},
	{"targets_not_as_policy_wants", "gauge",
		"targets whose image has not the signature that policy.json demands", put_unmet},
	{"drift_paths", "gauge", "paths that differ, in targets that are not removed", put_drift},
	{"targets_drifted", "gauge", "targets with drift by its worst severity", put_drifted},
	{"gaps_open", "gauge", "open gaps by cause", put_gaps},
	{"config_last_reload_successful", "gauge",
		"0 while the last reading of configuration and rules has failed and the old stay",
		put_reload_ok},
	{"config_last_reload_success_timestamp_seconds", "gauge",
		"when the configuration and rules in force were read", put_reload_time},
	{"holds_open", "gauge", "open maintenance windows: what falls into them is no alert yet",
		put_holds},
	{"held_changes", "gauge", "changes held in them by the severity they would have had",
		put_held},
	{"floods_open", "gauge",
		"targets whose changes are counted instead of told, and all together", put_floods},
	{"changes_flooded_total", "counter", "changes that have no event but a flood's",
		put_flooded},
	{"changes_folded_total", "counter",
		"changes that a later event of the same path stands for", put_folded},
	{"journal_last_timestamp_seconds", "gauge", "when the last event was written",
		put_last_time},
	{"journal_seq", "gauge", "number of the last event", put_seq},
	{"journal_first_seq", "gauge", "number of the oldest event that is kept", put_first},
	{"store_layers", "gauge", "stored layers and trees", put_layers},
	{"store_records", "gauge", "stored records", put_records},
	{"store_used_bytes", "gauge", "bytes of the store in use", put_used},
	{"store_limit_bytes", "gauge", "bytes that the store may have", put_limit},
	{"http_connections", "gauge", "connections", put_connections},
	{"http_streams", "gauge", "followers of the journal", put_streams},
	{"http_requests_total", "counter", "requests", put_requests},
	{"http_refused_total", "counter", "requests refused for want of a role", put_refused},
	{"http_answers_total", "counter", "answers by code", put_answers},
	{"sink_up", "gauge", "0 while a sink waits after a failure", put_sink_up},
	{"sink_lag_events", "gauge", "events of the journal that a sink has not acknowledged",
		put_sink_lag},
	{"sink_lag_seconds", "gauge", "age of the oldest of them", put_sink_lag_seconds},
	{"sink_acked_seq", "gauge", "number of the last event acknowledged", put_sink_acked},
	{"sink_sent_total", "counter", "events sent, repeated ones too", put_sink_sent},
	{"sink_retries_total", "counter", "exchanges that failed and were tried again",
		put_sink_retried},
	{"sink_refused_total", "counter", "events that the receiver refuses for good",
		put_sink_refused},
	{"sink_left_out_total", "counter", "events below the sink's severity", put_sink_left_out},
};

static int gather_last(struct txn *t, struct facts *f)
{
	struct journal_entry e;
	int r = f->stats.last_seq ? journal_get(t, f->stats.last_seq, &e) : STORE_ABSENT;

	f->last_time = r == 0 ? e.time : 0;
	return r < 0 ? r : 0;
}

static int gather_holds(struct txn *t, struct facts *f)
{
	struct hold h;
	uint64_t id = 0;
	int r;

	while ((r = hold_next(t, &id, &h)) == 0) {
		f->holds++;
		for (int i = 0; i < SEV_N; i++)
			f->held[i] += h.counts[i];
	}
	return r < 0 ? r : 0;
}

static int gather_floods(struct txn *t, struct facts *f)
{
	struct target tg;
	struct span v;
	struct rd in;
	uint32_t no = 0;
	int r = tally_get(t, 0, (struct span){0}, &v);

	f->floods = r == 0;
	while (r >= 0 && (r = targets_next(t, &no, &tg)) == 0) {
		r = tally_get(t, no, (struct span){0}, &v);
		f->floods += r == 0;
	}
	if (r >= 0)
		r = meta_get(t, META_FLOODED, &v);
	if (r == 0) {
		in = rd_of(v);
		f->flooded = rd_varint(&in);
		f->folded = rd_varint(&in);
	}
	return r < 0 ? r : 0;
}

static int gather_verdicts(struct txn *t, struct facts *f)
{
	struct snap_info info;
	struct verdict v;
	uint32_t no = 0;
	int r = 0;

	while (r >= 0 && (r = snap_next(t, &no, &info)) == 0) {
		r = verdict_get(t, VERDICT_OF_LAYER, no, &v);
		if (r == 0)
			f->layers[v.state]++;
	}
	return r < 0 ? r : 0;
}

static int gather(struct txn *t, struct facts *f)
{
	struct target tg;
	struct verdict v;
	struct gap g;
	uint32_t no = 0;
	uint64_t id = 0;
	int r;

	while ((r = targets_next(t, &no, &tg)) == 0) {
		struct target_state_rec s = {.generation = 0};

		r = targets_state_get(t, tg.no, &s);
		if (r < 0)
			return r;
		f->state[tg.state]++;
		f->unbaselined += tg.state == STATE_RUNNING && !s.baselined;
		if (tg.state == STATE_REMOVED)
			continue;
		f->drift[0] += s.n_added;
		f->drift[1] += s.n_changed;
		f->drift[2] += s.n_deleted;
		f->worst[s.worst] += s.n_added + s.n_changed + s.n_deleted > 0;
		r = verdict_get(t, VERDICT_OF_TARGET, tg.no, &v);
		if (r < 0)
			return r;
		if (r == 0) {
			f->verdict[v.state]++;
			f->signatures[v.by.state]++;
			f->unmet += v.by.unmet.n > 0;
		}
	}
	f->gaps[GAP_STORE_FULL] += pulse_gap(f->call->g, &g);
	while (r >= 0 && (r = gap_next(t, &id, &g)) == 0)
		f->gaps[g.cause]++;
	return r < 0 ? r : 0;
}

int route_metrics(struct call *c)
{
	struct facts f = {.call = c};
	TXN struct txn *t = NULL;
	int r = store_stats(c->g->store, &f.stats);

	if (r >= 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = gather(t, &f);
	if (r == 0)
		r = gather_verdicts(t, &f);
	if (r == 0)
		r = gather_holds(t, &f);
	if (r == 0)
		r = gather_last(t, &f);
	if (r == 0)
		r = gather_floods(t, &f);
	if (r != 0)
		return r < 0 ? r : 0;
	c->status = 200;
	c->type = "text/plain; version=0.0.4; charset=utf-8";
	for (size_t i = 0; i < COUNTOF(families); i++) {
		buf_printf(&c->out, "# HELP boltseal_%s %s\n# TYPE boltseal_%s %s\n",
			families[i].name, families[i].help, families[i].name, families[i].type);
		families[i].put(&c->out, families[i].name, &f);
	}
	return 0;
}
