#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/table.h"
#include "cli/tree.h"

enum { O_ALL };
static const struct option options[] = {
	[O_ALL] = {"all", 0, NULL,
		"every layer, every baseline and the journal (also when nothing is named)"},
	{NULL, 0, NULL, NULL},
};

/* A check is right only when it says so. */
static bool is_right(const json_t *check)
{
	return get_true(check, "ok");
}

static void add_check(struct cli *c, struct table *t, const json_t *check)
{
	BUF struct buf text = {0}, room = {0};

	table_add(c, t, span_of(is_right(check) ? "ok" : "MISMATCH"),
		is_right(check) ? "32" : "1;31");
	table_add(c, t, get_text(check, "check"), NULL);
	table_add(c, t, get_path(check, "subject", &room), NULL);
	tree_inline(c, &text, json_object_get(check, "detail"));
	table_add_safe(t, json_object_get(check, "detail") ? buf_span(&text) : span_of("-"));
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "RESULT CHECK SUBJECT DETAIL");
	json_array_foreach(json_object_get(answer, "checks"), i, v)
		add_check(c, &t, v);
	table_print(c, &t);
}

static int judge_answer(const json_t *answer)
{
	const json_t *checks = json_object_get(answer, "checks");
	int status = get_true(answer, "clean") ? EXIT_CLEAN : EXIT_DRIFT;
	size_t i;
	json_t *v;

	if (!json_is_array(checks))
		return complain("the daemon's answer lists no checks: nothing is proven");
	json_array_foreach(checks, i, v)
		if (!is_right(v))
			status = EXIT_DRIFT;
	return status;
}

static int ask(struct cli *c, const struct args *a)
{
	static const struct {
		const char *word, *what;
	} whats[] = {{"layer", "layers"}, {"layers", "layers"}, {"journal", "journal"}};

	if (a->n == 0)
		return boltseal_verify_all(c->h, "all", &c->reply);
	for (size_t i = 0; i < COUNTOF(whats); i++)
		if (strcmp(whats[i].word, a->pos[0]) == 0)
			return boltseal_verify_all(c->h, whats[i].what, &c->reply);
	return boltseal_verify(c->h, a->pos[0], &c->reply);
}

static int run_verify(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r;

	if (a->n && a->val[O_ALL])
		return complain("--all proves everything, %s too: choose one", a->pos[0]);
	r = ask_json(c, ask(c, a), &answer);
	if (r)
		return r;
	r = judge_answer(answer);
	if (r != EXIT_TROUBLE)
		c->form->answer(c, answer, &(struct view){"checks", draw, NULL});
	return r;
}

const struct command cmd_verify = {
	.word = "verify",
	.args = "[TARGET|layer|journal]",
	.sentence = "proves layers, stored baselines and the journal's chain",
	.text = "Compares lower layers with what was hashed from their image, stored baselines with "
		"their root\ndigests, and follows the journal's hash chain. A line a check. Needs the "
		"role operator.\n\n"
		"Examples:\n"
		"  boltseal verify web\n"
		"  boltseal verify journal\n"
		"  boltseal verify --all\n",
	.exits = "0 all proven; 1 a mismatch; 2 an error.",
	.options = options,
	.max = 1,
	.slots = {SLOT_TARGET},
	.run = run_verify,
};
