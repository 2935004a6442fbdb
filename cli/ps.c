#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/table.h"

enum { O_ALL };
static const struct option options[] = {
	[O_ALL] = {"all", 'a', NULL, "also stopped and removed targets"},
	{NULL, 0, NULL, NULL},
};

/* "L1", "L5, 2 gaps", "L1, hashing": how it is watched, and what is missing. */
static void add_coverage(struct cli *c, struct table *t, const json_t *target)
{
	const json_t *gaps = json_object_get(target, "gaps");
	BUF struct buf text = {0};
	struct span level = get_text(target, "level");
	bool held = json_array_size(json_object_get(target, "holds")) > 0;
	bool lacks = get_true(json_object_get(target, "golden"), "lacks");
	long long n = json_is_array(gaps) ? (long long)json_array_size(gaps)
					  : (long long)json_integer_value(gaps);

	buf_add_span(&text, level.n ? level : span_of("?"));
	if (get_false(target, "baselined"))
		buf_add_text(&text, ", hashing");
	else if (get_true(target, "late"))
		buf_add_text(&text, ", late");
	if (get_true(target, "excluded_all"))
		buf_add_text(&text, ", excluded");
	else if (json_array_size(json_object_get(target, "excluded")))
		buf_add_text(&text, ", partly excluded");
	if (lacks)
		buf_add_text(&text, ", unsigned");
	if (held)
		buf_add_text(&text, ", held");
	if (n)
		buf_printf(&text, ", %lld gap%s", n, n == 1 ? "" : "s");
	table_add(c, t, buf_span(&text),
		n || held || lacks || get_true(target, "excluded_all") ? "33" : NULL);
}

/* Are the layers below what the image says, and who has signed that? */
static void add_verdict(struct cli *c, struct table *t, const json_t *target)
{
	const json_t *verdict = json_object_get(target, "verdict");
	const json_t *by = json_object_get(verdict, "signature");
	struct span state = get_text(verdict, "state"), key = get_text(by, "state");
	bool forged = span_is(key, "mismatch") || json_object_get(by, "unmet");
	BUF struct buf text = {0};

	buf_add_span(&text, state.n ? state : span_of("-"));
	if (span_is(key, "verified"))
		buf_add_text(&text, ", signed");
	if (span_is(key, "mismatch"))
		buf_add_text(&text, ", signature mismatch");
	else if (forged)
		buf_add_text(&text, ", not as policy wants");
	table_add(c, t, buf_span(&text),
		forged || span_is(state, "broken") ? "1;31"
		: span_is(state, "unknown")	   ? "33"
						   : NULL);
}

static void add_target(struct cli *c, struct table *t, const json_t *v)
{
	const json_t *counts = json_object_get(v, "counts");
	struct span id = get_text(v, "id"), worst = get_text(v, "worst");
	BUF struct buf name = {0};

	if (id.n > 12)
		id.n = 12;
	if (span_is(worst, "none"))
		worst.n = 0;
	buf_add_span(&name, worst);
	table_add(c, t, id, NULL);
	table_add(c, t, get_text(v, "name"), "1");
	table_add(c, t, get_text(v, "runtime"), NULL);
	table_add(c, t, get_text(v, "image"), NULL);
	table_add(c, t, get_text(v, "state"), NULL);
	table_add_int(c, t, json_object_get(counts, "A"));
	table_add_int(c, t, json_object_get(counts, "C"));
	table_add_int(c, t, json_object_get(counts, "D"));
	table_add(c, t, worst, color_of(buf_text(&name)));
	table_add_int(c, t, json_object_get(v, "generation"));
	add_verdict(c, t, v);
	add_coverage(c, t, v);
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {.right = 7u << 5 | 1u << 9};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "ID NAME RUNTIME IMAGE STATE A C D WORST GEN LAYERS COVERAGE");
	json_array_foreach(json_object_get(answer, "items"), i, v)
		add_target(c, &t, v);
	table_print(c, &t);
}

/* Quiet may mean that alerts are held: whoever looks must not take it for nothing. */
static void tell_held(struct cli *c, const json_t *items)
{
	JSON json_t *told = json_object();
	BUF struct buf names = {0};
	size_t i, k;
	json_t *v, *name;

	json_array_foreach(items, i, v)
		json_array_foreach(json_object_get(v, "holds"), k, name) {
			const char *text = json_string_value(name);

			if (!text || json_object_get(told, text))
				continue;
			json_object_set_new(told, text, json_true());
			buf_add_text(&names, names.n ? ", " : "");
			text_quote(&names, span_of(text), c->utf8_ok);
		}
	if (names.n)
		remark("alerts are held: maintenance windows are open (%s); `boltseal hold list` "
		       "says until when",
			buf_text(&names));
}

static int run_ps(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_targets(c->h, a->val[O_ALL] != NULL, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw, NULL});
	out_flush();
	tell_held(c, json_object_get(answer, "items"));
	if (json_object_get(answer, "sensor"))
		remark("the sensor is down: this is how it last saw them: systemctl status "
		       "boltseald");
	return EXIT_CLEAN;
}

const struct command cmd_ps = {
	.word = "ps",
	.args = "",
	.sentence = "lists targets, how much each has drifted and how well it is watched",
	.text = "A, C and D count the paths added, changed and deleted against the baseline; WORST "
		"is the\nhighest severity among them; GEN the baseline's generation. LAYERS says whether the "
		"read-only\nlayers are what the image says: proved, consistent (only with how they were first seen), broken or\n"
		"unknown; boltseal verify names what. Behind it: signed (a trusted key has signed the image), signature\nmismatch, or not as policy wants. COVERAGE is the watch level, then\nwhat is missing: hashing (the baseline is not complete), "
		"late (it ran before boltseald did),\nexcluded (rules leave all of it "
		"out: nothing of it is watched) or partly excluded, unsigned (signed golden baselines are\nrequired, and its image has none), held (a maintenance window is open: "
		"see boltseal hold), and open gaps.\n\n"
		"Examples:\n"
		"  boltseal ps\n"
		"  boltseal ps -a --format jsonl\n",
	.options = options,
	.run = run_ps,
};
