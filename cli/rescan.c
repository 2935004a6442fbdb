#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/progress.h"

static void draw_counts(struct cli *c, const json_t *drift, void *arg)
{
	const json_t *counts = json_object_get(drift, "counts");
	long long a = get_int(counts, "A"), ch = get_int(counts, "C"), d = get_int(counts, "D");
	struct span id = get_text(drift, "drift_id");
	BUF struct buf out = {0};

	(void)c;
	(void)arg;
	buf_printf(&out, "%lld added, %lld changed, %lld deleted\n", a, ch, d);
	if (id.n) {
		buf_add_text(&out, "drift ");
		add_id(&out, id);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

/* The counts come from the drift itself: that is what a look changes. */
static int run_rescan(struct cli *c, const struct args *a)
{
	JSON json_t *result = NULL, *drift = NULL;
	BUF struct buf path = {0};
	struct boltseal_drift_ask ask = {.limit = 1};
	int r = a->n > 1 ? path_word(a->pos[1], &path) : 0;

	if (!r)
		r = progress_rescan(c, a->pos[0], path.n ? buf_text(&path) : NULL, &result);
	if (r)
		return r;
	if (c->form->machine) {
		c->form->answer(c, result, &(struct view){NULL, draw_counts, NULL});
		return EXIT_CLEAN;
	}
	r = ask_json(c, boltseal_drift(c->h, a->pos[0], &ask, &c->reply), &drift);
	if (r)
		return r;
	c->form->answer(c, drift, &(struct view){NULL, draw_counts, NULL});
	return EXIT_CLEAN;
}

const struct command cmd_rescan = {
	.word = "rescan",
	.args = "TARGET [PATH]",
	.sentence = "looks at everything now, by content",
	.text = "Hashes every file of the target, or those at and below PATH, and closes the gaps "
		"that are open\nthere. A bar shows on a terminal; it ends with what has drifted. "
		"Needs the role operator.\n\n"
		"Examples:\n"
		"  boltseal rescan web\n"
		"  boltseal rescan web /etc\n",
	.min = 1,
	.max = 2,
	.slots = {SLOT_TARGET, SLOT_PATH},
	.run = run_rescan,
};
