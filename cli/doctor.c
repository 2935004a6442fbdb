#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/tree.h"

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0};

	(void)arg;
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
	.sentence = "what this kernel and host allow, what is live per target, what is lost without it",
	.text = "Example:\n  boltseal doctor\n",
	.run = run_doctor,
};
