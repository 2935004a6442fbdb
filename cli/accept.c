#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"

enum { O_DRIFT, O_REASON, O_EXPIRES };
static const struct option options[] = {
	[O_DRIFT] = {"drift", 0, "ID", "the drift that you looked at (needed)"},
	[O_REASON] = {"reason", 0, "TEXT", "why it is right; kept in the journal (needed)"},
	[O_EXPIRES] = {"expires", 0, "T", "until when: a time, or a duration such as 30d"},
	{NULL, 0, NULL, NULL},
};

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	struct span id = get_text(answer, "drift_id");
	BUF struct buf out = {0};

	(void)c;
	(void)arg;
	buf_printf(&out, "accepted: generation %lld\n", (long long)get_int(answer, "generation"));
	if (id.n) {
		buf_add_text(&out, "drift ");
		add_id(&out, id);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

static int check(const struct args *a)
{
	const char *id = a->val[O_DRIFT], *reason = a->val[O_REASON];

	if (!id || !*id)
		return complain("accept needs --drift ID, so that nothing is accepted unseen: "
				"`boltseal diff %s -l` prints it with what it stands for",
			a->pos[0]);
	if (id[strspn(id, "0123456789abcdefABCDEF")] || strlen(id) < 8 || strlen(id) > 64)
		return complain("--drift %s is not a drift id, nor its first 8 hex digits or more: "
				"`boltseal diff %s -l` prints it",
			id, a->pos[0]);
	if (!reason || !reason[strspn(reason, " \t")])
		return complain("accept needs --reason TEXT: whoever reads the journal later wants "
				"to know why");
	return 0;
}

/* Paths made fit, one after the other in `room`; `list` gets where each begins. */
static int read_paths(const struct args *a, struct buf *room, const char **list)
{
	size_t at = 0;

	for (size_t i = 1; i < a->n; i++) {
		int r = path_word(a->pos[i], room);

		if (r)
			return r;
		buf_u8(room, 0);
	}
	for (size_t i = 1; i < a->n; i++) {
		list[i - 1] = (const char *)room->p + at;
		at += strlen(list[i - 1]) + 1;
	}
	return 0;
}

static int run_accept(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	BUF struct buf expires = {0}, room = {0};
	FREE const char **paths = calloc(a->n, sizeof(*paths));
	int r = check(a);

	must(paths);
	if (!r)
		r = read_paths(a, &room, paths);
	if (!r && a->val[O_EXPIRES])
		r = time_option("--expires", a->val[O_EXPIRES], true, &expires);
	if (r)
		return r;
	r = boltseal_accept(c->h, a->pos[0], a->val[O_DRIFT], paths, a->n - 1, a->val[O_REASON],
		expires.n ? buf_text(&expires) : NULL, &c->reply);
	if (r == 0 && c->reply.status == 412)
		return complain("the drift of %s moved since %.12s: look again with `boltseal diff "
				"%s -l` and accept what you see then",
			a->pos[0], a->val[O_DRIFT], a->pos[0]);
	r = ask_json(c, r, &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw, NULL});
	return EXIT_CLEAN;
}

const struct command cmd_accept = {
	.word = "accept",
	.args = "TARGET [PATH...] --drift ID --reason TEXT [--expires T]",
	.sentence = "makes drift part of the baseline: a new generation",
	.text = "All of the drift, or what lies at and below each PATH. Refused when the drift is "
		"no longer the\none with that ID: nothing is accepted unseen. `boltseal diff TARGET "
		"-l` and `--stat` print the\nID; its first 8 digits are enough. Needs the role admin.\n\n"
		"Examples:\n"
		"  boltseal accept web --drift 3b1f02c9 --reason 'hotfix, ticket 4711'\n"
		"  boltseal accept web /etc/app --drift 3b1f02c9 --reason trial --expires 30d\n",
	.options = options,
	.min = 1,
	.max = MANY,
	.slots = {SLOT_TARGET, SLOT_PATH},
	.run = run_accept,
};
