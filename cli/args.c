/* One pass over argv. Global options may stand anywhere; a command's own only after its word. */
#include "cli/args.h"
#include "base/paths.h"
#include "cli/form.h"

enum global { G_SOCKET, G_FORMAT, G_NO_COLOR, G_HELP, G_VERSION, G_N };

const struct option global_options[] = {
	[G_SOCKET] = {"socket", 0, "PATH",
		"the daemon's socket (also BOLTSEAL_SOCKET; " BOLTSEAL_SOCKET ")"},
	[G_FORMAT] = {"format", 'o', "FORM",
		"table, json (one document) or jsonl (one item a line)"},
	[G_NO_COLOR] = {"no-color", 0, NULL, "no colours (also NO_COLOR); never any in a pipe"},
	[G_HELP] = {"help", 'h', NULL, "what a command does, its options and examples"},
	[G_VERSION] = {"version", 0, NULL, "the version"},
	{NULL, 0, NULL, NULL},
};

struct reader {
	struct cli *c;
	struct request *r;
	const char *global[G_N];
	char **next, **end;
};

void request_fini(struct request *r)
{
	free(r->words);
}

/* Edits between two words, swaps of neighbours counted once; words are short. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[3][32];

	if (n > 30 || m > 30)
		return 99;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *upup = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			best = up[j] + 1 < best ? up[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[n % 3][m];
}

const char *args_near(
	const char *word, const char *(*word_at)(const void *table, size_t i), const void *table)
{
	size_t best = strlen(word) / 3 + 1;
	const char *w, *near = NULL;

	for (size_t i = 0; (w = word_at(table, i)); i++) {
		size_t d = *w ? distance(word, w) : 99;

		if (d <= best && (!near || d < best)) {
			best = d;
			near = w;
		}
	}
	return near;
}

static const char *option_name_at(const void *table, size_t i)
{
	return ((const struct option *)table)[i].name;
}

static int find_option(const struct option *o, const char *name, size_t n, char letter)
{
	for (int i = 0; o && o[i].name; i++) {
		if (letter && o[i].letter == letter)
			return i;
		if (!letter && strlen(o[i].name) == n && memcmp(o[i].name, name, n) == 0)
			return i;
	}
	return -1;
}

static int unknown_option(const struct reader *rd, const char *arg)
{
	const struct command *cmd = rd->r->cmd;
	const char *near = NULL;

	if (arg[1] == '-' && cmd && cmd->options)
		near = args_near(arg + 2, option_name_at, cmd->options);
	if (arg[1] == '-' && !near)
		near = args_near(arg + 2, option_name_at, global_options);
	if (near)
		return complain("unknown option %s: did you mean --%s?", arg, near);
	if (!cmd)
		return complain("unknown option %s before the command: `boltseal help` lists what "
				"there is",
			arg);
	return complain(
		"unknown option %s: `boltseal %s --help` lists what there is", arg, cmd->word);
}

/* Where an option's value goes, and its row; NULL when there is no such option. */
static const struct option *lookup(
	struct reader *rd, const char *name, size_t n, char letter, const char ***ret_slot)
{
	const struct command *cmd = rd->r->cmd;
	int i = cmd ? find_option(cmd->options, name, n, letter) : -1;

	if (i >= 0) {
		*ret_slot = &rd->r->args.val[i];
		return &cmd->options[i];
	}
	i = find_option(global_options, name, n, letter);
	if (i < 0)
		return NULL;
	*ret_slot = &rd->global[i];
	return &global_options[i];
}

static int needs_value(const struct option *o, const char *shown)
{
	return complain("%s needs a value: %s %s", shown, shown, o->arg);
}

/* Names cannot be empty; texts can. */
static int check_value(const struct option *o, const char *value)
{
	static const char *const names[] = {"FILE", "DIR", "KEY"};

	for (size_t i = 0; !*value && i < COUNTOF(names); i++)
		if (strcmp(o->arg, names[i]) == 0)
			return complain(
				"--%s is empty: give it a %s, or leave it out", o->name, o->arg);
	return 0;
}

static int long_option(struct reader *rd, const char *arg)
{
	const char *eq = strchr(arg, '='), **slot;
	size_t n = eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2;
	const struct option *o = lookup(rd, arg + 2, n, 0, &slot);

	if (!o)
		return unknown_option(rd, arg);
	if (!o->arg && eq)
		return complain("--%s takes no value: leave %s out", o->name, eq);
	if (!o->arg) {
		*slot = "";
		return 0;
	}
	*slot = eq ? eq + 1 : rd->next < rd->end ? *rd->next++ : NULL;
	return *slot ? check_value(o, *slot) : needs_value(o, arg);
}

/* "-lp", "-ojson", "-o json". */
static int short_options(struct reader *rd, const char *arg)
{
	for (const char *p = arg + 1; *p; p++) {
		char shown[] = {'-', *p, 0};
		const char **slot;
		const struct option *o = lookup(rd, NULL, 0, *p, &slot);

		if (!o)
			return unknown_option(rd, p == arg + 1 && !p[1] ? arg : shown);
		*slot = "";
		if (!o->arg)
			continue;
		*slot = p[1] ? p + 1 : rd->next < rd->end ? *rd->next++ : NULL;
		return *slot ? check_value(o, *slot) : needs_value(o, shown);
	}
	return 0;
}

static int word(struct reader *rd, const char *arg)
{
	const char *near;

	if (rd->r->cmd) {
		rd->r->words[rd->r->args.n++] = arg;
		return 0;
	}
	rd->r->cmd = command_find(arg);
	if (rd->r->cmd)
		return 0;
	near = command_near(arg);
	if (near)
		return complain("unknown command %s: did you mean %s?", arg, near);
	return complain("unknown command %s: `boltseal help` lists what there is", arg);
}

static int read_all(struct reader *rd)
{
	bool only_words = false;

	while (rd->next < rd->end) {
		const char *arg = *rd->next++;
		int r = 0;

		if (only_words || arg[0] != '-' || !arg[1])
			r = word(rd, arg);
		else if (strcmp(arg, "--") == 0)
			only_words = true;
		else if (arg[1] == '-')
			r = long_option(rd, arg);
		else
			r = short_options(rd, arg);
		only_words |= rd->r->cmd && rd->r->cmd->raw;
		if (r)
			return r;
	}
	return 0;
}

static int apply_globals(struct reader *rd)
{
	rd->r->help = rd->global[G_HELP];
	rd->r->version = rd->global[G_VERSION];
	rd->c->no_color = rd->global[G_NO_COLOR];
	if (rd->global[G_SOCKET] && !*rd->global[G_SOCKET])
		return complain("--socket is empty: name the daemon's socket, or leave it out");
	if (rd->global[G_SOCKET])
		rd->c->socket = rd->global[G_SOCKET];
	if (!rd->global[G_FORMAT])
		return 0;
	rd->c->form = form_find(rd->global[G_FORMAT]);
	if (!rd->c->form)
		return complain(
			"unknown format %s: it is table, json or jsonl", rd->global[G_FORMAT]);
	return 0;
}

/* Whoever gives an option must not learn later that it did nothing. */
static int check_verb(const struct request *r)
{
	const struct command *cmd = r->cmd;
	const struct verb *v = command_verb(cmd, r->args.n ? r->words[0] : "");

	for (int i = 0; v && cmd->options[i].name; i++)
		if (r->args.val[i] && !(v->options & OPT(i)))
			return complain("--%s is not for %s%s%s: `boltseal %s --help` says what is",
				cmd->options[i].name, cmd->word, *v->word ? " " : "", v->word,
				cmd->word);
	if (v && v->most != MANY && r->args.n > v->most + 1u)
		return complain("%s is one word too many: boltseal %s %s", r->words[v->most + 1],
			cmd->word, cmd->args);
	return 0;
}

static int check_words(const struct request *r)
{
	const struct command *cmd = r->cmd;

	if (!cmd || r->help || r->version)
		return 0;
	for (size_t i = 0; i < r->args.n && !cmd->raw; i++)
		if (!r->words[i][0])
			return complain("a word is empty: boltseal %s %s", cmd->word, cmd->args);
	if (r->args.n < cmd->min)
		return complain(
			"%s needs more words: boltseal %s %s", cmd->word, cmd->word, cmd->args);
	if (cmd->max != MANY && r->args.n > cmd->max)
		return complain("%s is one word too many: boltseal %s%s%s", r->words[cmd->max],
			cmd->word, *cmd->args ? " " : "", cmd->args);
	return check_verb(r);
}

int args_parse(struct cli *c, int argc, char **argv, struct request *r)
{
	struct reader rd = {.c = c, .r = r, .next = argv + (argc > 0), .end = argv + argc};
	int e;

	r->words = calloc((size_t)argc + 1, sizeof(*r->words));
	must(r->words);
	r->args.pos = r->words;
	e = read_all(&rd);
	if (!e)
		e = apply_globals(&rd);
	return e ? e : check_words(r);
}
