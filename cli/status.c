#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/tree.h"

/* One screen: a row a subject, left out where the daemon says nothing of it. */
static void add_size(struct buf *out, const json_t *o, const char *key)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)get_int(o, key);
	size_t i = 0;

	for (; v >= 1024 && i + 1 < COUNTOF(units); i++)
		v /= 1024;
	buf_printf(out, i ? "%.1f %s" : "%.0f %s", v, units[i]);
}

static void add_word(struct cli *c, struct buf *out, const json_t *o, const char *key)
{
	text_quote(out, get_text(o, key), c->utf8_ok);
}

static void add_since(struct buf *out, struct span time)
{
	if (!time.n)
		return;
	buf_add_text(out, " since ");
	add_time(out, time);
}

static void row_version(struct cli *c, struct buf *out, const json_t *a)
{
	add_word(c, out, a, "version");
	add_since(out, get_text(a, "since"));
}

static const json_t *live(const json_t *a)
{
	return json_object_get(json_object_get(a, "sensor"), "counters");
}

static void row_sensor(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *of = live(a);

	add_word(c, out, json_object_get(a, "sensor"), "state");
	add_since(out, get_text(of, "started"));
	if (get_true(of, "baselining"))
		buf_add_text(out, ", hashing layers");
}

static void row_targets(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *t = json_object_get(a, "targets");

	(void)c;
	if (!json_is_object(t))
		return;
	buf_printf(out, "%lld running, %lld stopped, %lld removed",
		(long long)get_int(t, "running"), (long long)get_int(t, "stopped"),
		(long long)get_int(t, "removed"));
	if (json_object_get(t, "drifted"))
		buf_printf(out, "; %lld with drift, %lld not hashed yet, %lld seen late",
			(long long)get_int(t, "drifted"), (long long)get_int(t, "not_baselined"),
			(long long)get_int(t, "late"));
}

static void row_watch(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *levels = json_object_get(live(a), "levels");
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)levels, key, v) {
		buf_printf(out, "%s%lld at ", out->n ? ", " : "", (long long)json_integer_value(v));
		text_quote(out, span_of(key), c->utf8_ok);
	}
}

static void row_queues(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *queues = json_object_get(live(a), "queues");

	if (json_is_object(queues))
		tree_inline(c, out, queues);
}

static void row_events(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *n = json_object_get(live(a), "counters");

	(void)c;
	if (!json_is_object(n))
		return;
	buf_printf(out,
		"%lld from the kernel, %lld looked at, %lld files hashed, %lld overflows, "
		"%lld lost",
		(long long)get_int(n, "events"), (long long)get_int(n, "asks"),
		(long long)get_int(n, "hashed_files"), (long long)get_int(n, "overflows"),
		(long long)get_int(n, "lost"));
}

static void row_journal(struct cli *c, struct buf *out, const json_t *a)
{
	(void)c;
	buf_printf(out, "entries %lld to %lld", (long long)get_int(a, "first_seq"),
		(long long)get_int(a, "last_seq"));
}

static void row_store(struct cli *c, struct buf *out, const json_t *a)
{
	const json_t *s = json_object_get(a, "store");

	if (!json_is_object(s))
		return;
	if (get_text(live(a), "store").n) {
		add_word(c, out, live(a), "store");
		buf_add_text(out, ", ");
	}
	add_size(out, s, "used");
	buf_add_text(out, " of at most ");
	add_size(out, s, "map_limit");
	buf_printf(out, ", %lld records, format %lld", (long long)get_int(s, "records"),
		(long long)get_int(s, "format"));
	if (!json_object_get(s, "disk_free"))
		return;
	buf_add_text(out, "; ");
	add_size(out, s, "disk_free");
	buf_add_text(out, " free on its disk");
}

static void row_memory(struct cli *c, struct buf *out, const json_t *a)
{
	(void)c;
	if (!get_int(a, "memory"))
		return;
	if (get_int(live(a), "memory")) {
		buf_add_text(out, "sensor ");
		add_size(out, live(a), "memory");
		buf_add_text(out, ", ");
	}
	buf_add_text(out, "gateway ");
	add_size(out, a, "memory");
}

static void row_requests(struct cli *c, struct buf *out, const json_t *a)
{
	(void)c;
	buf_printf(out, "%lld, %lld refused; %lld connections", (long long)get_int(a, "requests"),
		(long long)get_int(a, "refused"), (long long)get_int(a, "connections"));
}

static void row_reload(struct cli *c, struct buf *out, const json_t *a)
{
	static const char *const roles[] = {"sensor", "gateway"};

	(void)c;
	for (size_t i = 0; i < COUNTOF(roles); i++) {
		const json_t *of = json_object_get(json_object_get(a, "reload"), roles[i]);

		if (!json_is_object(of))
			continue;
		buf_printf(out, "%s%s %s", out->n ? "; " : "", roles[i],
			get_false(of, "ok") ? "failed, in force" : "ok,");
		add_since(out, get_text(of, "since"));
	}
}

static void row_sinks(struct cli *c, struct buf *out, const json_t *a)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(a, "sinks"), i, v) {
		buf_add_text(out, i ? "; " : "");
		add_word(c, out, v, "name");
		buf_u8(out, ' ');
		add_word(c, out, v, "state");
		buf_printf(out, ", %lld events, %lld s behind", (long long)get_int(v, "lag"),
			(long long)get_int(v, "lag_seconds"));
	}
}

/* How many, and a line below for each of the first. */
static void add_list_of(struct cli *c, struct buf *out, const json_t *a, const char *key)
{
	enum { SHOWN = 5 };
	const json_t *list = json_object_get(a, key);
	size_t i;
	json_t *v;

	if (!json_is_array(list))
		return;
	if (json_array_size(list))
		buf_printf(out, "%zu", json_array_size(list));
	else
		buf_add_text(out, "none");
	json_array_foreach(list, i, v) {
		if (i == SHOWN)
			buf_add_text(out, "\n            ...");
		if (i >= SHOWN)
			break;
		buf_add_text(out, "\n            ");
		tree_inline(c, out, v);
	}
}

static bool sensor_is_away(const json_t *a)
{
	struct span state = get_text(json_object_get(a, "sensor"), "state");

	return state.n && !span_is(state, "up");
}

/* What is open now is known to whoever watches: nobody does while the sensor is away. */
static void row_gaps(struct cli *c, struct buf *out, const json_t *a)
{
	if (sensor_is_away(a))
		buf_add_text(out, "unknown while the sensor is not there; before: ");
	add_list_of(c, out, a, "gaps");
}

static void row_floods(struct cli *c, struct buf *out, const json_t *a)
{
	add_list_of(c, out, a, "floods");
}

static void row_holds(struct cli *c, struct buf *out, const json_t *a)
{
	add_list_of(c, out, a, "holds");
}

static const struct {
	const char *label;
	void (*put)(struct cli *c, struct buf *out, const json_t *answer);
} rows[] = {
	{"boltseald", row_version},
	{"sensor", row_sensor},
	{"memory", row_memory},
	{"reload", row_reload},
	{"targets", row_targets},
	{"watched", row_watch},
	{"gaps", row_gaps},
	{"floods", row_floods},
	{"holds", row_holds},
	{"queues", row_queues},
	{"events", row_events},
	{"journal", row_journal},
	{"sinks", row_sinks},
	{"store", row_store},
	{"requests", row_requests},
};

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	const bool *whole = arg;

	for (size_t i = 0; !*whole && i < COUNTOF(rows); i++) {
		BUF struct buf line = {0}, out = {0};

		rows[i].put(c, &line, answer);
		if (!line.n)
			continue;
		buf_printf(&out, "%-10s  ", rows[i].label);
		buf_add_span(&out, buf_span(&line));
		buf_u8(&out, '\n');
		out_add(buf_span(&out));
	}
	if (*whole) {
		BUF struct buf out = {0};

		tree_add(c, &out, answer, 0);
		out_add(buf_span(&out));
	}
}

/* What was read and refused is not in force: whoever looks at the rest must know. */
static void remark_reload(struct cli *c, const json_t *answer)
{
	static const char *const roles[] = {"sensor", "gateway"};
	const json_t *reload = json_object_get(answer, "reload");

	for (size_t i = 0; i < COUNTOF(roles); i++) {
		const json_t *of = json_object_get(reload, roles[i]);
		BUF struct buf where = {0}, what = {0}, at = {0};
		bool same = json_equal(json_object_get(of, "error"),
			json_object_get(json_object_get(reload, roles[!i]), "error"));

		if (!get_false(of, "ok") || (same && i))
			continue;
		add_time(&at, get_text(of, "tried"));
		if (get_text(of, "file").n) {
			safe_text(&where, get_text(of, "file"), c->utf8_ok, false);
			buf_printf(&where, ":%lld:%lld: ", (long long)get_int(of, "line"),
				(long long)get_int(of, "column"));
		}
		safe_text(&what, get_text(of, "error"), c->utf8_ok, false);
		remark("the reload at %s failed, the %s goes on with what it had: %s%s",
			buf_text(&at), same ? "daemon" : roles[i], buf_text(&where),
			buf_text(&what));
	}
}

enum { O_LONG, O_HEALTH };
static const struct option options[] = {
	[O_LONG] = {"long", 'l', NULL, "every counter that there is"},
	[O_HEALTH] = {"health", 0, NULL, "say only whether the sensor answers and records"},
	{NULL, 0, NULL, NULL},
};

/* For whoever looks after the daemon's process: prints nothing when all is well. */
static int run_health(struct cli *c)
{
	JSON json_t *answer = NULL;
	int r = boltseal_health(c->h, &c->reply);
	BUF struct buf why = {0};

	if (r < 0 || c->reply.status != 503)
		return ask_check(c, r) ? EXIT_TROUBLE : EXIT_CLEAN;
	answer = json_loadb(c->reply.body, c->reply.body_len, 0, NULL);
	safe_text(&why, get_text(answer, "reason"), c->utf8_ok, false);
	return complain("not healthy: %s: `boltseal status` tells more", buf_text(&why));
}

static int run_status(struct cli *c, const struct args *a)
{
	bool whole = a->val[O_LONG];
	JSON json_t *answer = NULL;
	int r;

	if (a->val[O_HEALTH])
		return run_health(c);
	r = ask_json(c, boltseal_status(c->h, &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw, &whole});
	out_flush();
	remark_reload(c, answer);
	if (sensor_is_away(answer))
		remark("the sensor is not there: nothing is watched, and that time will be a gap: "
		       "`boltseal doctor` tells what to do");
	return EXIT_CLEAN;
}

const struct command cmd_status = {
	.word = "status",
	.args = "",
	.sentence = "the daemon's health, counters and open gaps",
	.text = "One screen; -l has every counter. Under reload it says how each role fared when it "
		"last read configuration\nand rules: where that failed, when and why, until a later "
		"one succeeds; those before stay in force\nmeanwhile.\n\nExamples:\n  boltseal status\n"
		"  boltseal status --health || systemctl status boltseald\n",
	.options = options,
	.run = run_status,
};
