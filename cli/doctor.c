#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/sinks.h"
#include "cli/table.h"
#include "cli/tree.h"

static void add_sentence(struct cli *c, struct table *t, const json_t *row, const char *key)
{
	BUF struct buf text = {0};

	safe_text(&text, get_text(row, key), c->utf8_ok, false);
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
}

static void add_yes(struct cli *c, struct table *t, const json_t *row, const char *key)
{
	bool yes = get_true(row, key);

	table_add(c, t, span_of(yes ? "yes" : "no"), yes ? "32" : "33");
}

static void draw_probes(struct cli *c, const json_t *probes)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	table_heads(&t, "WORKS PROBE RESULT WITHOUT");
	json_array_foreach(probes, i, v) {
		add_yes(c, &t, v, "ok");
		table_add(c, &t, get_text(v, "name"), NULL);
		add_sentence(c, &t, v, "result");
		add_sentence(c, &t, v, "without");
	}
	table_print(c, &t);
}

static const char *const lives[] = {
	"content",
	"names",
	"attributes",
	"actor",
	"volumes",
	"prevention",
};

static void draw_targets(struct cli *c, const json_t *targets)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	if (json_array_size(targets) == 0)
		return;
	table_heads(&t, "TARGET LEVEL CONTENT NAMES ATTRIBUTES ACTOR VOLUMES PREVENTION LACKS");
	json_array_foreach(targets, i, v) {
		table_add(c, &t, get_text(v, "name"), "1");
		table_add(c, &t, get_text(v, "level"), NULL);
		for (size_t k = 0; k < COUNTOF(lives); k++)
			add_yes(c, &t, v, lives[k]);
		add_sentence(c, &t, v, "lacks");
	}
	out_text("\n");
	table_print(c, &t);
}

/* Those that are late or wait after a failure. */
static void draw_sinks(struct cli *c, const json_t *sinks)
{
	JSON json_t *late = json_array();
	size_t i;
	json_t *v;

	json_array_foreach(sinks, i, v)
		if (span_is(get_text(v, "state"), "waiting") ||
			get_int(v, "lag_seconds") >= SINK_LATE)
			json_array_append(late, v);
	if (json_array_size(late) == 0)
		return;
	out_text("\nThese sinks are behind:\n");
	sinks_draw(c, late);
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	const json_t *probes = json_object_get(answer, "probes");
	BUF struct buf out = {0};

	(void)arg;
	if (json_is_array(probes)) {
		draw_probes(c, probes);
		draw_targets(c, json_object_get(answer, "targets"));
		draw_sinks(c, json_object_get(answer, "sinks"));
		return;
	}
	tree_add(c, &out, answer, 0);
	out_add(buf_span(&out));
}

static int run_doctor(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_doctor(c->h, &c->reply), &answer);

	(void)a;
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw, NULL});
	return EXIT_CLEAN;
}

const struct command cmd_doctor = {
	.word = "doctor",
	.args = "",
	.sentence =
		"what this kernel and host allow, what is live per target, what is lost without",
	.text = "First what the kernel was tried for and what is lost where it refused; then, per "
		"target, what is\nseen by event (content, names, attributes, who), and what only "
		"sweeps find.\n\n"
		"Example:\n  boltseal doctor\n",
	.run = run_doctor,
};
