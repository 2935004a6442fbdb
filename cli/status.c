#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/tree.h"

enum { O_HEALTH };
static const struct option options[] = {
	[O_HEALTH] = {"health", 0, NULL, "say only whether the sensor answers and records"},
	{NULL, 0, NULL, NULL},
};

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0};

	(void)arg;
	tree_add(c, &out, answer, 0);
	out_add(buf_span(&out));
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
	JSON json_t *answer = NULL;
	int r;

	if (a->val[O_HEALTH])
		return run_health(c);
	r = ask_json(c, boltseal_status(c->h, &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw, NULL});
	out_flush();
	remark_reload(c, answer);
	return EXIT_CLEAN;
}

const struct command cmd_status = {
	.word = "status",
	.args = "",
	.sentence = "the daemon's health, counters and open gaps",
	.text = "Under reload it says how each role fared when it last read configuration and "
		"rules: where that\nfailed, when and why, until a later one succeeds; those before "
		"stay in force meanwhile.\n\nExamples:\n  boltseal status\n"
		"  boltseal status --health || systemctl status boltseald\n",
	.options = options,
	.run = run_status,
};
