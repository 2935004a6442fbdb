#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/hold.h"
#include "cli/safe.h"
#include "cli/table.h"

enum { O_ALL, O_FOR, O_PATH, O_NAME, O_REASON };
static const struct option options[] = {
	[O_ALL] = {"all", 'a', NULL, "open: for every target"},
	[O_FOR] = {"for", 0, "TIME",
		"open: how long, such as 90m or 2h; 1h when not given, 31d at most"},
	[O_PATH] = {"path", 0, "GLOB",
		"open: only what changes at or below a path, or matches a glob"},
	[O_NAME] = {"name", 0, "NAME", "open: what it is called; the target's name, or all"},
	[O_REASON] = {"reason", 0, "TEXT", "why; kept in the journal (open needs it)"},
	{NULL, 0, NULL, NULL},
};

/* ---- list ---- */

static void add_scope(struct cli *c, struct table *t, const json_t *h)
{
	const json_t *target = json_object_get(h, "target");
	BUF struct buf text = {0}, room = {0};
	struct span path = get_path(h, "path", &room);

	if (span_is(get_text(h, "by"), "rule")) {
		safe_text(&text, get_text(h, "file"), c->utf8_ok, false);
		buf_printf(&text, ":%lld", (long long)get_int(h, "line"));
	} else if (json_is_object(target)) {
		text_quote(&text, get_text(target, "name"), c->utf8_ok);
	} else {
		buf_add_text(&text, "all");
	}
	if (path.n) {
		buf_add_text(&text, ": ");
		text_quote(&text, path, c->utf8_ok);
	}
	table_add_safe(t, buf_span(&text));
}

static long long n_held(const json_t *h)
{
	const char *severity;
	json_t *n;
	long long sum = 0;

	json_object_foreach(json_object_get(h, "counts"), severity, n)
		sum += (long long)json_integer_value(n);
	return sum;
}

static void add_hold(struct cli *c, struct table *t, const json_t *h)
{
	struct span worst = get_text(h, "worst");
	BUF struct buf text = {0}, word = {0};

	table_add(c, t, get_text(h, "name"), "1");
	add_scope(c, t, h);
	add_time(&text, get_text(h, "from"));
	table_add_safe(t, buf_span(&text));
	buf_reset(&text);
	add_time(&text, get_text(h, "to"));
	table_add_safe(t, buf_span(&text));
	buf_reset(&text);
	if (json_object_get(h, "counts"))
		buf_printf(&text, "%lld", n_held(h));
	table_add(c, t, buf_span(&text), NULL);
	buf_add_span(&word, n_held(h) ? worst : span_of(""));
	table_add(c, t, buf_span(&word), color_of(buf_text(&word)));
	table_add(c, t, get_text(h, "reason"), NULL);
}

static void draw_list(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {.right = 1u << 4};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "NAME SCOPE FROM UNTIL HELD WORST REASON");
	json_array_foreach(json_object_get(answer, "items"), i, v)
		add_hold(c, &t, v);
	table_print(c, &t);
}

static int run_list(struct cli *c)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_holds(c->h, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw_list, NULL});
	return EXIT_CLEAN;
}

/* ---- open, close ---- */

static void draw_opened(struct cli *c, const json_t *h, void *arg)
{
	BUF struct buf out = {0};

	(void)arg;
	buf_add_text(&out, "open: ");
	text_quote(&out, get_text(h, "name"), c->utf8_ok);
	buf_add_text(&out, ", until ");
	add_time(&out, get_text(h, "to"));
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

static int run_open(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	struct boltseal_hold_ask ask = {.target = a->n > 1 ? a->pos[1] : NULL,
		.name = a->val[O_NAME],
		.path = a->val[O_PATH],
		.lasts = a->val[O_FOR],
		.reason = a->val[O_REASON]};
	int r;

	if ((a->n == 2) == (a->val[O_ALL] != NULL) || a->n > 2)
		return complain("hold open takes a TARGET, or --all for every one");
	if (!ask.reason || !ask.reason[strspn(ask.reason, " \t")])
		return complain("hold open needs --reason TEXT: it silences alerts, and whoever "
				"reads the journal later wants to know why");
	r = ask_json(c, boltseal_hold_open(c->h, &ask, &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_opened, NULL});
	return EXIT_CLEAN;
}

/* "2 changes held: 1 high, 1 low" */
static void add_counts(struct buf *out, const json_t *h)
{
	static const char *const worst_first[] = {"critical", "high", "medium", "low", "info"};
	const json_t *counts = json_object_get(h, "counts");
	long long sum = n_held(h);
	const char *between = ": ";

	buf_printf(out, "%lld change%s held", sum, sum == 1 ? "" : "s");
	for (size_t i = 0; i < COUNTOF(worst_first); i++) {
		long long n = (long long)get_int(counts, worst_first[i]);

		if (!n)
			continue;
		buf_printf(out, "%s%lld %s", between, n, worst_first[i]);
		between = ", ";
	}
}

static void add_path(struct cli *c, struct buf *out, const json_t *p, bool named)
{
	BUF struct buf room = {0};

	text_quote(out, get_text(p, "kind"), c->utf8_ok);
	buf_u8(out, ' ');
	text_quote(out, get_path(p, "path", &room), c->utf8_ok);
	buf_add_text(out, " (");
	text_quote(out, get_text(p, "severity"), c->utf8_ok);
	if (named) {
		buf_add_text(out, ", ");
		text_quote(out, get_text(p, "target"), c->utf8_ok);
	}
	buf_u8(out, ')');
}

void hold_line(struct cli *c, struct buf *out, const json_t *h)
{
	enum { SHOWN = 3 };
	const json_t *paths = json_object_get(h, "paths");
	size_t i;
	json_t *p;

	text_quote(out, get_text(h, "name"), c->utf8_ok);
	if (!json_object_get(h, "counts")) {
		buf_add_text(out, " until ");
		add_time(out, get_text(h, "to"));
		buf_add_text(out, ": ");
		safe_text(out, get_text(h, "reason"), c->utf8_ok, false);
		return;
	}
	buf_add_text(out, ": ");
	add_counts(out, h);
	json_array_foreach(paths, i, p) {
		buf_add_text(out, i ? ", " : "; ");
		if (i == SHOWN) {
			buf_add_text(out, "...");
			break;
		}
		add_path(c, out, p, false);
	}
}

static void draw_closed(struct cli *c, const json_t *h, void *arg)
{
	const json_t *paths = json_object_get(h, "paths");
	long long more = (long long)get_int(h, "n_paths") - (long long)json_array_size(paths);
	BUF struct buf out = {0};
	size_t i;
	json_t *p;

	(void)arg;
	buf_add_text(&out, "closed: ");
	text_quote(&out, get_text(h, "name"), c->utf8_ok);
	buf_add_text(&out, ", ");
	add_counts(&out, h);
	buf_u8(&out, '\n');
	json_array_foreach(paths, i, p) {
		add_path(c, &out, p, true);
		buf_u8(&out, '\n');
	}
	if (more > 0)
		buf_printf(
			&out, "and %lld more: `boltseal diff -l` has all that is still so\n", more);
	out_add(buf_span(&out));
}

static int run_close(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r;

	if (a->n != 2)
		return complain("hold close takes the NAME of a window, or its TARGET: `boltseal "
				"hold list` has both");
	r = ask_json(c, boltseal_hold_close(c->h, a->pos[1], a->val[O_REASON], &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_closed, NULL});
	return EXIT_CLEAN;
}

static int run_hold(struct cli *c, const struct args *a)
{
	if (a->n == 0 || strcmp(a->pos[0], "list") == 0)
		return run_list(c);
	if (strcmp(a->pos[0], "open") == 0)
		return run_open(c, a);
	if (strcmp(a->pos[0], "close") == 0)
		return run_close(c, a);
	return complain("hold knows no %s: it is open, close or list", a->pos[0]);
}

static const struct verb verbs[] = {
	{"list", 0, 0, SLOT_NONE},
	{"open", OPT(O_ALL) | OPT(O_FOR) | OPT(O_PATH) | OPT(O_NAME) | OPT(O_REASON), 1,
		SLOT_TARGET},
	{"close", OPT(O_REASON), 1, SLOT_TARGET},
	{"", 0, 0, SLOT_NONE},
	{NULL, 0, 0, SLOT_NONE},
};

const struct command cmd_hold = {
	.word = "hold",
	.args = "[list] | open TARGET|--all --reason TEXT [OPTION...] | close NAME|TARGET",
	.sentence = "maintenance windows: alerts are held, and summed up at the end",
	.text = "While a window is open each change is in the journal as ever, as info, and in the drift "
		"with its true\nseverity. When it closes, by command or since its time is over, one entry "
		"sums up what was held, with\nthe severity of the worst. Mounts that hide files and layers "
		"that were tampered with are never held.\nopen and close need the role admin. Windows of "
		"rules are listed, too: see boltseal.rules(5).\n\n"
		"Examples:\n"
		"  boltseal hold open web --for 2h --reason 'upgrade, ticket 4711'\n"
		"  boltseal hold open --all --path /etc --for 20m --reason 'new resolver'\n"
		"  boltseal hold close web\n",
	.options = options,
	.max = 2,
	.slots = {SLOT_WORD, SLOT_TARGET},
	.verbs = verbs,
	.run = run_hold,
};
