#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/accept.h"
#include "cli/form.h"
#include "cli/proof.h"

const struct option accept_options[] = {
	[ACCEPT_DRIFT] = {"drift", 0, "ID", "the drift that you looked at (needed)"},
	[ACCEPT_REASON] = {"reason", 0, "TEXT", "why it is right; kept in the journal (needed)"},
	[ACCEPT_EXPIRES] = {"expires", 0, "T", "until when: a time, or a duration such as 30d"},
	[ACCEPT_SIGN] = {"sign", 0, "KEY", "signs it by this private key (file or URI)"},
	[ACCEPT_WITH] = {"with", 0, "FILE",
		"goes with the signatures in FILE, of the same words, one a line"},
	[ACCEPT_OUTPUT] = {"output", 0, "FILE",
		"with --sign: accepts nothing, and adds the signature to FILE, for who signs next"},
	[ACCEPT_PASSPHRASE] = {"passphrase-file", 0, "FILE",
		"with --sign: where the key's passphrase is, one line (- is standard input); else it is asked for"},
	{NULL, 0, NULL, NULL},
};

void accept_draw(struct cli *c, const json_t *answer, void *arg)
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
	const char *id = a->val[ACCEPT_DRIFT], *reason = a->val[ACCEPT_REASON];

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
int accept_paths(const struct args *a, struct buf *room, const char **list)
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
	if (!r && (a->val[ACCEPT_SIGN] || a->val[ACCEPT_WITH]))
		return proof_accept_run(c, a);
	for (int i = ACCEPT_OUTPUT; !r && i <= ACCEPT_PASSPHRASE; i++)
		if (a->val[i])
			r = complain("--%s goes with --sign KEY", accept_options[i].name);
	if (!r)
		r = accept_paths(a, &room, paths);
	if (!r && a->val[ACCEPT_EXPIRES])
		r = time_option("--expires", a->val[ACCEPT_EXPIRES], true, &expires);
	if (r)
		return r;
	r = boltseal_accept(c->h, a->pos[0], a->val[ACCEPT_DRIFT], paths, a->n - 1,
		a->val[ACCEPT_REASON], expires.n ? buf_text(&expires) : NULL, &c->reply);
	if (r == 0 && c->reply.status == 412)
		return complain("the drift of %s moved since %.12s: look again with `boltseal diff "
				"%s -l` and accept what you see then",
			a->pos[0], a->val[ACCEPT_DRIFT], a->pos[0]);
	r = ask_json(c, r, &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, accept_draw, NULL});
	return EXIT_CLEAN;
}

const struct command cmd_accept = {
	.word = "accept",
	.args = "TARGET [PATH...] --drift ID --reason TEXT [--expires T]",
	.sentence = "makes drift part of the baseline: a new generation",
	.text = "All of the drift, or what lies at and below each PATH. Refused when the drift is "
		"no longer the\none with that ID: nothing is accepted unseen. `boltseal diff TARGET "
		"-l` and `--stat` print the\nID; its first 8 digits are enough. Needs the role admin.\n\n"
		"Where trust.accept_signatures wants it, keys that the host trusts must have signed the accept: exactly this\n"
		"drift, these paths, this reason and this time. Each but the last signs with --output FILE; the last one\n"
		"adds --with FILE, and it is accepted. Give --expires as a time then, not as a duration.\n\n"
		"Examples:\n"
		"  boltseal accept web --drift 3b1f02c9 --reason 'hotfix, ticket 4711'\n"
		"  boltseal accept web /etc/app --drift 3b1f02c9 --reason trial --expires 30d\n"
		"  boltseal accept web --drift 3b1f02c9 --reason 'ticket 4711' --sign alice.key --output 4711.sig\n"
		"  boltseal accept web --drift 3b1f02c9 --reason 'ticket 4711' --sign bob.key --with 4711.sig\n",
	.options = accept_options,
	.min = 1,
	.max = MANY,
	.slots = {SLOT_TARGET, SLOT_PATH},
	.run = run_accept,
};
