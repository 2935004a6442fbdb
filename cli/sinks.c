#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/sinks.h"
#include "cli/table.h"

static void add_age(struct cli *c, struct table *t, const json_t *sink)
{
	BUF struct buf text = {0};
	int64_t lag = get_int(sink, "lag"), seconds = get_int(sink, "lag_seconds");

	if (lag)
		clock_format_duration(&text, seconds * CLOCK_S);
	else
		buf_add_text(&text, "-");
	table_add(c, t, buf_span(&text), seconds >= SINK_LATE ? "33" : NULL);
}

/* "since 3m: …", or "was, 3m ago: …" when it is over; nothing where there was none. */
static void add_error(struct cli *c, struct buf *out, const json_t *e)
{
	bool over = json_is_true(json_object_get(e, "over"));
	int64_t seconds = get_int(e, over ? "age_seconds" : "failing_seconds");

	if (!e)
		return;
	buf_add_text(out, over ? "was, " : "since ");
	clock_format_duration(out, seconds * CLOCK_S);
	buf_add_text(out, over ? " ago: " : ": ");
	safe_text(out, get_text(e, "text"), c->utf8_ok, false);
}

static void add_sink(struct cli *c, struct table *t, const json_t *v)
{
	struct span state = get_text(v, "state");
	BUF struct buf text = {0};

	table_add(c, t, get_text(v, "name"), "1");
	table_add(c, t, get_text(v, "type"), NULL);
	table_add(c, t, state, span_is(state, "waiting") ? "33" : NULL);
	table_add_int(c, t, json_object_get(v, "lag"));
	add_age(c, t, v);
	table_add_int(c, t, json_object_get(v, "acked"));
	table_add_int(c, t, json_object_get(v, "sent"));
	table_add_int(c, t, json_object_get(v, "retried"));
	table_add_int(c, t, json_object_get(v, "refused"));
	add_error(c, &text, json_object_get(v, "last_error"));
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
}

void sinks_draw(struct cli *c, const json_t *list)
{
	TABLE struct table t = {.right = 31u << 3 | 1u << 8};
	size_t i;
	json_t *v;

	table_heads(&t, "NAME TYPE STATE LAG AGE ACKED SENT RETRIED REFUSED LAST-ERROR");
	json_array_foreach(list, i, v)
		add_sink(c, &t, v);
	table_print(c, &t);
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	(void)arg;
	sinks_draw(c, json_object_get(answer, "items"));
}

static int run_list(struct cli *c)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_sinks(c->h, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw, NULL});
	return EXIT_CLEAN;
}

static void draw_test(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0};

	(void)arg;
	safe_text(&out, get_text(answer, "result"), c->utf8_ok, false);
	buf_add_text(&out, ": ");
	safe_text(&out, get_text(answer, "reply"), c->utf8_ok, false);
	buf_add_text(&out, "\nevent ");
	add_id(&out, get_text(answer, "id"));
	if (get_text(answer, "state").n > 0) {
		buf_add_text(&out, "\nthe sink itself: ");
		safe_text(&out, get_text(answer, "state"), c->utf8_ok, false);
	}
	if (json_object_get(answer, "last_error")) {
		buf_add_text(&out, "; ");
		add_error(c, &out, json_object_get(answer, "last_error"));
	}
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

static int run_test(struct cli *c, const char *name)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_sink_test(c->h, name, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_test, NULL});
	return span_is(get_text(answer, "result"), "ok") ? EXIT_CLEAN : EXIT_DRIFT;
}

static int run_sinks(struct cli *c, const struct args *a)
{
	if (a->n == 0)
		return run_list(c);
	if (strcmp(a->pos[0], "test") != 0)
		return complain(
			"sinks knows no %s: it is test NAME, or nothing to list them", a->pos[0]);
	if (a->n < 2)
		return complain("sinks test needs the name of a sink: `boltseal sinks` lists them");
	return run_test(c, a->pos[1]);
}

const struct command cmd_sinks = {
	.word = "sinks",
	.args = "[test NAME]",
	.sentence = "where events are sent, and how far each receiver has come",
	.text = "LAG counts the events of the journal that are not acknowledged yet, AGE is how long "
		"ago the\noldest of them was written; plain syslog acknowledges nothing, so there a "
		"few seconds always\npass. LAST-ERROR says since when nothing has gone well, or how "
		"long ago what was is over. REFUSED\nevents lie in a file beside the sink's position, "
		"and the journal says so. test sends a marked canary on a\nconnection of its own and says what came back; it "
		"needs the role operator.\n\n"
		"Examples:\n"
		"  boltseal sinks\n"
		"  boltseal sinks test siem\n",
	.exits = "0 done, the test arrived as far as can be known; 1 the test failed; 2 an error.",
	.max = 2,
	.slots = {SLOT_WORD, SLOT_NONE},
	.words = "test",
	.run = run_sinks,
};
