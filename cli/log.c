#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/event.h"
#include "cli/form.h"
#include "cli/proof.h"

enum {
	O_FOLLOW,
	O_SINCE,
	O_UNTIL,
	O_PATH,
	O_SEVERITY,
	O_TYPE,
	O_ALL,
	O_PROVE = LOG_PROVE,
	O_OUTPUT = LOG_OUTPUT
};
static const struct option options[] = {
	[O_FOLLOW] = {"follow", 'f', NULL, "go on with what happens from now on"},
	[O_SINCE] = {"since", 0, "T", "from a time, a duration ago (2h, 7d) or a sequence number"},
	[O_UNTIL] = {"until", 0, "T", "to a time, or a duration ago"},
	[O_PATH] = {"path", 0, "GLOB", "only of paths that match: * stops at /, ** does not"},
	[O_SEVERITY] = {"severity", 0, "S", "at least info, low, medium, high or critical"},
	[O_TYPE] = {"type", 0, "T", "only of one type, such as change or gap.opened"},
	[O_ALL] = {"all", 'a', NULL, "heartbeats too, in the table; other forms have them always"},
	[O_PROVE] = {"prove", 0, "SEQ",
		"the proof that this entry is in the journal, without the others"},
	[O_OUTPUT] = {"output", 0, "FILE", "with --prove: where to write it; else standard output"},
	{NULL, 0, NULL, NULL},
};

struct stream {
	struct cli *c;
	bool follow, heartbeats;
	size_t n;
};

static void draw(struct cli *c, const json_t *event, void *arg)
{
	const struct stream *s = arg;
	BUF struct buf line = {0};

	/* One a minute would bury what a person looks for. */
	if (!s->heartbeats && span_is(get_text(event, "type"), "heartbeat"))
		return;
	event_line(c, &line, event);
	out_add(buf_span(&line));
}

static int on_line(void *arg, const char *line, size_t n)
{
	struct stream *s = arg;
	struct view view = {NULL, draw, s};

	s->c->form->item(s->c, s->n++, span_make(line, n), &view);
	if (s->follow)
		out_flush();
	return ferror(stdout); /* nobody reads any more */
}

static int since_option(const char *value, struct buf *out)
{
	if (value[0] && !value[strspn(value, "0123456789")]) {
		buf_add_text(out, value);
		return 0;
	}
	return time_option("--since", value, false, out);
}

static int read_events(struct cli *c, const struct boltseal_event_ask *ask, bool heartbeats)
{
	struct stream s = {.c = c, .follow = ask->follow, .heartbeats = heartbeats};
	int r;

	c->form->begin(c);
	r = boltseal_events(c->h, ask, on_line, &s, &c->reply);
	c->form->end(c, s.n);
	if (r > 0)
		return EXIT_TROUBLE; /* it was said why */
	r = ask_check(c, r);
	if (!r && ask->follow && !ask->until)
		return complain("the journal ended: boltseald stopped? systemctl status boltseald");
	return r;
}

/* The proof of one entry has nothing to choose. */
static int run_prove(struct cli *c, const struct args *a)
{
	if (a->n)
		return complain("--prove is of one entry, whichever target it is of");
	for (int i = 0; options[i].name; i++)
		if (a->val[i] && i != O_PROVE && i != O_OUTPUT)
			return complain(
				"--%s does nothing beside --prove: leave it out", options[i].name);
	return proof_prove_run(c, a);
}

static int run_log(struct cli *c, const struct args *a)
{
	BUF struct buf since = {0}, until = {0};
	struct boltseal_event_ask ask = {
		.target = a->n ? a->pos[0] : NULL,
		.type = a->val[O_TYPE],
		.severity = a->val[O_SEVERITY],
		.path = a->val[O_PATH],
		.follow = a->val[O_FOLLOW] != NULL,
	};
	int r = 0;

	if (a->val[O_PROVE])
		return run_prove(c, a);
	if (a->val[O_OUTPUT])
		return complain("--output goes with --prove SEQ");
	if (a->val[O_SINCE]) {
		r = since_option(a->val[O_SINCE], &since);
		ask.since = buf_text(&since);
	}
	if (!r && a->val[O_UNTIL]) {
		r = time_option("--until", a->val[O_UNTIL], false, &until);
		ask.until = buf_text(&until);
	}
	return r ? r : read_events(c, &ask, a->val[O_ALL] || ask.type);
}

const struct command cmd_log = {
	.word = "log",
	.args = "[TARGET]",
	.sentence = "the journal: every change, gap and decision, in order",
	.text = "A line an event: time (UTC), severity, type, target, path, actor. With --format "
		"jsonl each event\nis printed as the daemon wrote it, so that its hash can be "
		"checked.\n"
		"Heartbeats are left out of the table unless --all or --type heartbeat asks for "
		"them.\n\n"
		"Examples:\n"
		"  boltseal log web --since 2h\n"
		"  boltseal log -f --severity high\n"
		"  boltseal log web --path '/etc/**' --type change\n"
		"  boltseal log --since 4711 --format jsonl\n"
		"  boltseal log --prove 4711 --output 4711.proof\n",
	.options = options,
	.max = 1,
	.slots = {SLOT_TARGET},
	.run = run_log,
};
