/* The daemon's own health: status, doctor, healthz, metrics, and the description of it all. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/gateway/findings.h"
#include "daemon/self.h"
#include "wire/jansson.h"
#include "wire/show.h"
#include <sys/statvfs.h>

#define PATIENCE (5 * CLOCK_S)

/* The sensor's text goes into our answer only when it is JSON; whatever it is, it is sorted. */
static bool show_text(struct json *j, const struct buf *text)
{
	DECREF json_t *v = json_loadb(buf_text(text), text->n, JSON_REJECT_DUPLICATES, NULL);
	FREE char *dump = NULL;

	json_object_del(v, "reload"); /* it has a place of its own */
	dump = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (dump)
		json_raw(j, span_of(dump));
	return dump != NULL;
}

/* How both roles fared with the configuration and rules when they last read them. */
static void show_reload(struct json *j, const struct call *c)
{
	const struct ask *k = c->ask;
	DECREF json_t *v = k && k->result == DOOR_OK
				   ? json_loadb(buf_text(&k->text), k->text.n, 0, NULL)
				   : NULL;
	const json_t *of_sensor = json_object_get(v, "reload");
	FREE char *dump = of_sensor ? json_dumps(of_sensor, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_key(j, "reload");
	json_open(j, '{');
	json_key(j, "gateway");
	reloaded_show(j, &c->g->reloaded);
	if (dump) {
		json_key(j, "sensor");
		json_raw(j, span_of(dump));
	}
	json_close(j, '}');
}

static void show_sensor(struct json *j, const struct call *c)
{
	const struct ask *k = c->ask;
	bool down = view_sensor_down(c);

	json_key(j, "sensor");
	json_open(j, '{');
	if (k && k->result == DOOR_OK) {
		BUF struct buf counters = {.p = NULL};
		struct json sub = json_on(&counters);

		if (show_text(&sub, &k->text)) {
			json_key(j, "counters");
			json_raw(j, buf_span(&counters));
		}
	}
	json_m_text(j, "state", down ? "down" : k && k->result != DOOR_OK ? "silent" : "up");
	json_close(j, '}');
}

static int show_gaps(struct json *j, const struct call *c, struct txn *t)
{
	struct gap g;
	uint64_t id = 0;
	int r;

	json_key(j, "gaps");
	json_open(j, '[');
	if (pulse_gap(c->g, &g))
		show_gap(j, &g);
	while ((r = gap_next(t, &id, &g)) == 0)
		show_gap(j, &g);
	json_close(j, ']');
	return r < 0 ? r : 0;
}

static int show_flood_of(struct json *j, struct txn *t, uint32_t no, const struct target *tg)
{
	struct flood f;
	struct span v;
	int r = tally_get(t, no, (struct span){0}, &v);

	if (r == 0)
		r = flood_decode(v, &f);
	if (r)
		return r < 0 ? r : 0;
	json_open(j, '{');
	json_key(j, "flood");
	show_flood(j, &f, !tg);
	if (tg) {
		json_key(j, "target");
		show_target_ref(j, tg);
	}
	json_close(j, '}');
	return 0;
}

static int show_floods(struct json *j, struct txn *t)
{
	struct target tg;
	uint32_t no = 0;
	int r;

	json_key(j, "floods");
	json_open(j, '[');
	r = show_flood_of(j, t, 0, NULL);
	while (r == 0 && (r = targets_next(t, &no, &tg)) == 0)
		r = show_flood_of(j, t, no, &tg);
	json_close(j, ']');
	return r < 0 ? r : 0;
}

static void show_store(struct json *j, const struct call *c, const struct store_stats *s)
{
	struct statvfs v;

	json_key(j, "store");
	json_open(j, '{');
	if (c->g->store_dir && statvfs(c->g->store_dir, &v) == 0)
		json_m_uint(j, "disk_free", (uint64_t)v.f_bavail * v.f_frsize);
	json_m_uint(j, "drift", s->drift);
	json_m_uint(j, "format", s->format);
	json_m_uint(j, "idle", s->idle);
	json_m_uint(j, "journal", s->journal);
	json_m_uint(j, "layers", s->layers);
	json_m_uint(j, "map_limit", s->map_limit);
	json_m_uint(j, "map_size", s->map_size);
	json_m_uint(j, "reader_lag", s->reader_lag);
	json_m_uint(j, "readers", s->readers);
	json_m_uint(j, "records", s->records);
	json_m_uint(j, "seen", s->seen);
	json_m_uint(j, "targets", s->targets);
	json_m_uint(j, "used", s->used);
	json_close(j, '}');
}

struct states {
	uint64_t n[STATE_N], drifted, late, raw; /* the last two of running ones */
};

static int count_states(struct txn *t, struct states *ret)
{
	struct target tg;
	uint32_t no = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	while ((r = targets_next(t, &no, &tg)) == 0) {
		struct target_state_rec s = {.generation = 0};

		if ((r = targets_state_get(t, tg.no, &s)) < 0)
			return r;
		ret->n[tg.state]++;
		ret->drifted += tg.state != STATE_REMOVED && s.n_added + s.n_changed + s.n_deleted;
		ret->late += tg.state == STATE_RUNNING && tg.late;
		ret->raw += tg.state == STATE_RUNNING && !s.baselined;
	}
	return r < 0 ? r : 0;
}

static void show_states(struct json *j, const struct states *s)
{
	json_key(j, "targets");
	json_open(j, '{');
	json_m_uint(j, "drifted", s->drifted);
	json_m_uint(j, "late", s->late);
	json_m_uint(j, "not_baselined", s->raw);
	json_m_uint(j, "removed", s->n[STATE_REMOVED]);
	json_m_uint(j, "running", s->n[STATE_RUNNING]);
	json_m_uint(j, "stopped", s->n[STATE_STOPPED]);
	json_close(j, '}');
}

/* Of which running targets rules leave something out, or all. */
static int show_left_out(struct json *j, struct call *c, struct txn *t)
{
	struct view_excluded x;
	struct target tg;
	uint32_t no = 0;
	int r;

	json_key(j, "excluded");
	json_open(j, '[');
	while ((r = targets_next(t, &no, &tg)) == 0) {
		if (tg.state != STATE_RUNNING || !view_sees(c, &tg))
			continue;
		view_excluded(c, &tg, &x);
		if (!x.show.n)
			continue;
		json_open(j, '{');
		show_excluded(j, &x.show);
		json_m_str(j, "id", tg.id);
		json_m_str(j, "name", tg.name);
		json_close(j, '}');
	}
	json_close(j, ']');
	return r < 0 ? r : 0;
}

static int answer_status(struct call *c)
{
	struct store_stats stats;
	struct states states;
	TXN struct txn *t = NULL;
	struct json j;
	int r = store_stats(c->g->store, &stats);

	if (r >= 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = count_states(t, &states);
	if (r != 0)
		return r < 0 ? r : 0;
	j = call_json(c);
	json_open(&j, '{');
	json_m_uint(&j, "connections", c->g->n_peers);
	r = show_left_out(&j, c, t);
	json_m_uint(&j, "first_seq", stats.first_seq);
	if (r == 0 && view_sees_all(c))
		r = show_floods(&j, t);
	if (r == 0 && view_sees_all(c))
		r = show_gaps(&j, c, t);
	if (r == 0)
		r = holds_show_all(c, t, &j, "holds");
	json_m_uint(&j, "last_seq", stats.last_seq);
	json_m_uint(&j, "memory", self_memory());
	json_m_uint(&j, "refused", c->g->n_refused);
	show_reload(&j, c);
	json_m_uint(&j, "requests", c->g->n_requests);
	show_sensor(&j, c);
	json_m_time(&j, "since", c->g->started);
	if (view_sees_all(c)) {
		json_key(&j, "sinks");
		sinks_show(c->g, &j);
	}
	show_store(&j, c, &stats);
	show_states(&j, &states);
	json_m_text(&j, "version", BOLTSEAL_VERSION);
	json_close(&j, '}');
	return r;
}

static int wait_status(struct call *c)
{
	return c->ask && !c->ask->done ? CALL_WAIT : answer_status(c);
}

int route_status(struct call *c)
{
	struct door_msg m = {.op = DOOR_STATUS};

	if (view_sensor_down(c) || asks_send(c, &m, PATIENCE) != 0)
		return answer_status(c);
	c->again = wait_status;
	return CALL_WAIT;
}

/* What the gateway alone knows, as an object of its own. */
static void show_own(
	struct call *c, struct json *j, bool sensor_answers, struct span sensor_version)
{
	BUF struct buf config = {.p = NULL};

	json_open(j, '{');
	if (roles_everywhere(c->g->roles, &c->peer->who) >= ROLE_ADMIN) {
		config_print_bare(c->g->config, &config);
		json_m_str(j, "configuration", buf_span(&config));
	}
	json_key(j, "findings");
	json_open(j, '[');
	findings_self(c, j, sensor_answers, sensor_version);
	findings_store(c, j);
	json_close(j, ']');
	json_key(j, "probes");
	json_open(j, '[');
	if (c->g->limits.wall)
		wall_show(j, c->g->limits.wall);
	json_close(j, ']');
	json_key(j, "sinks");
	sinks_show(c->g, j);
	json_m_text(j, "version", BOLTSEAL_VERSION);
	json_close(j, '}');
}

/* The sensor's findings come first: what is wrong with it explains the rest. So do its probes. */
static void join(json_t *all, json_t *own)
{
	json_t *first = json_object_get(all, "findings"), *probes = json_object_get(all, "probes");

	if (json_is_array(probes)) {
		json_array_extend(probes, json_object_get(own, "probes"));
		json_object_del(own, "probes");
	}

	if (!json_is_array(first)) {
		json_object_set_new(all, "findings", json_array());
		first = json_object_get(all, "findings");
	}
	json_array_extend(first, json_object_get(own, "findings"));
	json_object_del(own, "findings");
	json_object_update(all, own);
}

/* Of a sensor that does not answer there are no probes and no targets, and a finding says so. */
static json_t *of_sensor(const struct call *c)
{
	const struct ask *k = c->ask;
	json_t *v = k && k->done && k->result == DOOR_OK ? json_loadb(buf_text(&k->text), k->text.n,
								   JSON_REJECT_DUPLICATES, NULL)
							 : NULL;

	return json_is_object(v) ? v : json_pack("{s:[], s:[]}", "probes", "targets");
}

static int answer_doctor(struct call *c)
{
	bool answers = c->ask && c->ask->done && c->ask->result == DOOR_OK;
	DECREF json_t *all = of_sensor(c);
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	FREE char *dump = NULL;

	show_own(c, &j, answers, json_span(json_object_get(all, "version")));
	{
		DECREF json_t *own = json_loadb(buf_text(&text), text.n, 0, NULL);

		if (own)
			join(all, own);
	}
	dump = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	if (!dump)
		return problem(c, 500, "the answer is not JSON");
	j = call_json(c);
	json_raw(&j, span_of(dump));
	return 0;
}

static int wait_doctor(struct call *c)
{
	return c->ask->done ? answer_doctor(c) : CALL_WAIT;
}

int route_doctor(struct call *c)
{
	struct door_msg m = {.op = DOOR_DOCTOR};

	if (!view_sees_all(c))
		return problem(
			c, 403, "this tells of every target, and your role is confined by label");
	if (view_sensor_down(c) || pulse_is_silent(c->g) || asks_send(c, &m, 2 * PATIENCE) != 0)
		return answer_doctor(c);
	c->again = wait_doctor;
	return CALL_WAIT;
}

int route_healthz(struct call *c)
{
	TXN struct txn *t = NULL;
	const char *reason = pulse_why(c->g);
	struct json j;

	if (txn_begin(c->g->store, false, &t) < 0)
		reason = "the store cannot be read";
	j = call_json(c);
	json_open(&j, '{');
	if (reason)
		json_m_text(&j, "reason", reason);
	json_m_text(&j, "status", reason ? "failing" : "ok");
	json_close(&j, '}');
	c->status = reason ? 503 : 200;
	return 0;
}

extern const char openapi_text[], openapi_end[];

int route_openapi(struct call *c)
{
	c->status = 200;
	c->type = "application/yaml";
	/* cppcheck-suppress comparePointers ; the assembler laid them around one text */
	buf_add(&c->out, openapi_text, (size_t)(openapi_end - openapi_text));
	return 0;
}
