/* rules check reads files here, so that it runs where no daemon does; rules explain asks it. */
#include "base/clock.h"
#include "base/paths.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/table.h"
#include <errno.h>
#include <unistd.h>

#define RULES_DIR BOLTSEAL_CONF_DIR "/rules.d"

enum { O_STRICT };
static const struct option options[] = {
	[O_STRICT] = {"strict", 0, NULL, "1 on warnings too"},
	{NULL, 0, NULL, NULL},
};

/* ---- check ---- */

struct checking {
	json_t *findings;
	size_t errors, warnings;
};

/* File names are bytes: they are quoted before they are text. */
static void hear(void *arg, const struct boltseal_finding *f)
{
	struct checking *k = arg;
	BUF struct buf file = {0}, text = {0};

	text_quote(&file, span_of(f->file), true);
	text_to_utf8(&text, span_of(f->text));
	must(json_array_append_new(k->findings,
		     json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", buf_text(&file), "line",
			     (int)f->line, "column", (int)f->column, "level",
			     f->error ? "error" : "warning", "text", buf_text(&text))) == 0);
	*(f->error ? &k->errors : &k->warnings) += 1;
}

static void draw_findings(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0};
	size_t i;
	json_t *v;

	(void)arg;
	json_array_foreach(json_object_get(answer, "findings"), i, v) {
		struct span level = get_text(v, "level");

		safe_text(&out, get_text(v, "file"), c->utf8_ok, false);
		buf_printf(&out, ":%lld:%lld: ", (long long)get_int(v, "line"),
			(long long)get_int(v, "column"));
		paint(c, &out, span_is(level, "error") ? "1;31" : "33", level);
		buf_add_text(&out, ": ");
		safe_text(&out, get_text(v, "text"), c->utf8_ok, false);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

/* What is not there has no mistake, nor is it right. */
static int unreadable(const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		BUF struct buf name = {0};

		if (access(paths[i], R_OK) == 0)
			continue;
		text_quote(&name, span_of(paths[i]), false);
		return complain("%s: %s; name files or directories of rules", buf_text(&name),
			strerror(errno));
	}
	return 0;
}

static int run_check(struct cli *c, const struct args *a)
{
	static const char *const standard[] = {RULES_DIR};
	const char *const *paths = a->n > 1 ? a->pos + 1 : standard;
	struct checking k = {.findings = json_array()};
	JSON json_t *answer = json_object();
	size_t n = 0, n_paths = a->n > 1 ? a->n - 1 : 1;
	int bad = unreadable(paths, n_paths);

	if (bad) {
		json_decref(k.findings);
		return bad;
	}
	bad = boltseal_rules_check(
		paths, n_paths, (long long)(clock_wall() / CLOCK_S), hear, &k, &n);

	must(answer && json_object_set_new(answer, "findings", k.findings) == 0);
	must(json_object_set_new(answer, "rules", json_integer((json_int_t)n)) == 0);
	must(json_object_set_new(answer, "usable", json_boolean(!bad)) == 0);
	c->form->answer(c, answer, &(struct view){"findings", draw_findings, NULL});
	out_flush();
	if (bad)
		remark("%zu mistake%s: a daemon would not take these rules", k.errors,
			k.errors == 1 ? "" : "s");
	else
		remark("%zu rule%s, no mistake, %zu warning%s", n, n == 1 ? "" : "s", k.warnings,
			k.warnings == 1 ? "" : "s");
	return bad || (a->val[O_STRICT] && k.warnings) ? EXIT_DRIFT : EXIT_CLEAN;
}

/* ---- explain ---- */

static void add_where(struct cli *c, struct buf *out, const json_t *rule)
{
	safe_text(out, get_text(rule, "file"), c->utf8_ok, false);
	buf_printf(out, ":%lld", (long long)get_int(rule, "line"));
}

static void add_row(struct cli *c, struct table *t, struct span prop, const json_t *rule)
{
	static const char *const more[] = {"when", "reason", "owner", "expires"};
	struct span state = get_text(rule, "state");
	BUF struct buf text = {0};

	table_add(c, t, prop, NULL);
	table_add(c, t, get_text(rule, "value"), NULL);
	table_add(c, t, state, span_is(state, "decides") ? "32" : NULL);
	table_add(c, t, get_text(rule, "name"), NULL);
	add_where(c, &text, rule);
	table_add_safe(t, buf_span(&text));
	buf_reset(&text);
	for (size_t i = 0; i < COUNTOF(more); i++) {
		struct span v = get_text(rule, more[i]);

		if (!v.n)
			continue;
		buf_printf(&text, "%s%s ", text.n ? "; " : "", more[i]);
		safe_text(&text, v, c->utf8_ok, false);
	}
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
}

static void draw_head(struct cli *c, const json_t *answer)
{
	const json_t *drift = json_object_get(answer, "drift");
	BUF struct buf out = {0}, room = {0};
	struct span by = get_text(answer, "excluded_by");

	text_quote(&out, get_path(answer, "path", &room), c->utf8_ok);
	buf_add_text(&out, " in ");
	text_quote(&out, get_text(json_object_get(answer, "target"), "name"), c->utf8_ok);
	if (json_is_object(drift)) {
		buf_add_text(&out, ": drift ");
		text_quote(&out, get_text(drift, "kind"), c->utf8_ok);
		buf_add_text(&out, ", severity ");
		text_quote(&out, get_text(drift, "severity"), c->utf8_ok);
		if (get_true(json_object_get(drift, "rule"), "expected"))
			buf_add_text(&out, ", expected");
	} else {
		buf_add_text(&out, ": not in the drift");
	}
	buf_u8(&out, '\n');
	if (by.n) {
		buf_add_text(&out, "excluded, by the rule ");
		text_quote(&out, by, c->utf8_ok);
		buf_add_text(&out, ": it is not watched, and nothing is known of it\n");
	}
	out_add(buf_span(&out));
}

static void draw_explained(struct cli *c, const json_t *answer, void *arg)
{
	const json_t *props = json_object_get(answer, "properties");
	TABLE struct table t = {0};
	size_t i, k;
	json_t *prop, *rule;

	(void)arg;
	draw_head(c, answer);
	if (!json_array_size(props)) {
		out_text("no rule has a word in it\n");
		return;
	}
	out_text("\n");
	table_heads(&t, "PROPERTY VALUE STATE RULE WHERE WHY");
	json_array_foreach(props, i, prop)
		json_array_foreach(json_object_get(prop, "rules"), k, rule)
			add_row(c, &t, get_text(prop, "name"), rule);
	table_print(c, &t);
}

static int run_explain(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	BUF struct buf path = {0};
	int r;

	if (a->n != 3)
		return complain("rules explain takes a TARGET and a PATH");
	r = path_word(a->pos[2], &path);
	if (!r)
		r = ask_json(c, boltseal_rules_explain(c->h, a->pos[1], buf_text(&path), &c->reply),
			&answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_explained, NULL});
	return EXIT_CLEAN;
}

static int run_rules(struct cli *c, const struct args *a)
{
	if (strcmp(a->pos[0], "check") == 0)
		return run_check(c, a);
	if (strcmp(a->pos[0], "explain") == 0)
		return run_explain(c, a);
	return complain("rules knows no %s: it is check or explain", a->pos[0]);
}

static const struct verb verbs[] = {
	{"check", OPT(O_STRICT), MANY, SLOT_NONE},
	{"explain", 0, 2, SLOT_TARGET},
	{NULL, 0, 0, SLOT_NONE},
};

const struct command cmd_rules = {
	.word = "rules",
	.args = "check [FILE|DIR...] | explain TARGET PATH",
	.sentence = "lints rule files; says which rule decides for a path, and who loses",
	.text = "check reads the files (" RULES_DIR " when none is named) here, without a "
		"daemon, and prints\neach mistake and each rule that is shadowed, expired or named "
		"twice with its line and column.\nexplain asks the daemon, for paths that do not drift "
		"too: per property the rule that decides,\nthose that lose, and what a change would "
		"have to be for the others. See boltseal.rules(5).\n\n"
		"Examples:\n"
		"  boltseal rules check conf/rules.d --strict\n"
		"  boltseal rules explain web /etc/passwd\n",
	.exits = "0 the rules can be used, 1 they cannot (check), 2 error",
	.options = options,
	.min = 1,
	.max = MANY,
	.slots = {SLOT_WORD, SLOT_NONE},
	.verbs = verbs,
	.run = run_rules,
};
