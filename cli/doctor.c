#include "cli/ask.h"
#include "cli/bundle.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/form.h"
#include "cli/outside.h"
#include "cli/safe.h"
#include "cli/sinks.h"
#include "cli/table.h"
#include "cli/tree.h"
#include <sys/timex.h>

static void add_sentence(struct cli *c, struct table *t, const json_t *row, const char *key)
{
	BUF struct buf text = {0};

	safe_text(&text, get_text(row, key), c->utf8_ok, false);
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
}

static void add_yes(struct cli *c, struct table *t, const json_t *row, const char *key)
{
	bool yes = get_true(row, key);

	table_add(c, t, span_of(yes ? "yes" : "no"), yes ? "32" : "33");
}

static void draw_probes(struct cli *c, const json_t *probes)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	table_heads(&t, "WORKS PROBE RESULT WITHOUT");
	json_array_foreach(probes, i, v) {
		add_yes(c, &t, v, "ok");
		table_add(c, &t, get_text(v, "name"), NULL);
		add_sentence(c, &t, v, "result");
		add_sentence(c, &t, v, "without");
	}
	table_print(c, &t);
}

static const char *const lives[] = {
	"content",
	"names",
	"attributes",
	"actor",
	"volumes",
	"prevention",
};

/* Without the kernel's process events only writers that still live are known. */
static bool actors_partly(const json_t *probes)
{
	size_t i;
	json_t *v;

	json_array_foreach(probes, i, v)
		if (span_is(get_text(v, "name"), "process events"))
			return get_false(v, "ok");
	return false;
}

static void draw_targets(struct cli *c, const json_t *targets, bool partly)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	if (json_array_size(targets) == 0)
		return;
	table_heads(&t, "TARGET LEVEL CONTENT NAMES ATTRIBUTES ACTOR VOLUMES PREVENTION LACKS");
	json_array_foreach(targets, i, v) {
		table_add(c, &t, get_text(v, "name"), "1");
		table_add(c, &t, get_text(v, "level"), NULL);
		for (size_t k = 0; k < COUNTOF(lives); k++)
			if (partly && strcmp(lives[k], "actor") == 0 && get_true(v, "actor"))
				table_add(c, &t, span_of("partly"), "33");
			else
				add_yes(c, &t, v, lives[k]);
		add_sentence(c, &t, v, "lacks");
	}
	out_text("\n");
	table_print(c, &t);
}

/* Those that are late or wait after a failure. */
static void draw_sinks(struct cli *c, const json_t *sinks)
{
	JSON json_t *late = json_array();
	size_t i;
	json_t *v;

	json_array_foreach(sinks, i, v)
		if (span_is(get_text(v, "state"), "waiting") ||
			get_int(v, "lag_seconds") >= SINK_LATE)
			json_array_append(late, v);
	if (json_array_size(late) == 0)
		return;
	out_text("\nThese sinks are behind:\n");
	sinks_draw(c, late);
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	const json_t *probes = json_object_get(answer, "probes");
	const json_t *findings = json_object_get(answer, "findings");
	const bool *all = arg;
	BUF struct buf out = {0};

	if (json_is_array(findings))
		findings_draw(c, findings, *all);
	if (json_array_size(probes)) {
		out_text(json_is_array(findings) ? "\n" : "");
		draw_probes(c, probes);
		draw_targets(c, json_object_get(answer, "targets"), actors_partly(probes));
	}
	if (json_is_array(probes) || json_is_array(findings)) {
		draw_sinks(c, json_object_get(answer, "sinks"));
		return;
	}
	tree_add(c, &out, answer, 0);
	out_add(buf_span(&out));
}

/* The gateway has said of what version it and the sensor are. */
static void add_version(const json_t *answer)
{
	struct span theirs = get_text(answer, "version");
	json_t *findings = json_object_get(answer, "findings");
	BUF struct buf what = {0};

	if (!theirs.n || span_is(theirs, BOLTSEAL_VERSION) || !json_is_array(findings))
		return;
	buf_printf(&what, "this command is of version " BOLTSEAL_VERSION ", boltseald of %.*s",
		(int)theirs.n, (const char *)theirs.p);
	json_array_append_new(findings,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", "versions", "scope", "daemon",
			"severity", "warning", "what", buf_text(&what), "costs",
			"Answers may lack what the newer one asks for.", "do",
			"install the same version of both programs, then systemctl restart boltseald "
			"boltseal-gateway"));
}

static void set_text(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, json_string(text));
}

/* The sensor's sandbox may keep it from asking; nobody keeps us. */
static void amend_clock(const json_t *answer)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);
	bool kept = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(answer, "findings"), i, v) {
		if (state < 0 || !span_is(get_text(v, "id"), "clock") ||
			!span_is(get_text(v, "severity"), "note"))
			continue;
		set_text(v, "severity", kept ? "ok" : "warning");
		set_text(v, "what",
			kept ? "the kernel says that the clock is kept by a time service"
			     : "the kernel says that the clock is not kept by a time service");
		if (kept) {
			json_object_del(v, "costs");
			json_object_del(v, "do");
		}
	}
}

/* What can be seen without an answer, and why there is none. */
static int offline(struct cli *c, int r, bool all)
{
	BUF struct buf why = {0};
	JSON json_t *answer = NULL;

	buf_add_text(&why, boltseal_why(c->h));
	(void)r;
	if (ask_json(c, boltseal_examine(c->h, &c->reply), &answer) == 0) {
		outside_ask(json_object_get(answer, "findings"));
		c->form->answer(c, answer, &(struct view){NULL, draw, &all});
	}
	return complain("%s", buf_text(&why));
}

/* The gateway answers, but has nothing to answer from: it says why, and what can be seen is shown first. */
static int without_store(struct cli *c, bool all)
{
	JSON json_t *problem = json_loadb((const char *)c->reply.body, c->reply.body_len, 0, NULL);
	JSON json_t *answer = NULL;
	struct span why = get_text(problem, "detail");

	if (ask_json(c, boltseal_examine(c->h, &c->reply), &answer) == 0)
		c->form->answer(c, answer, &(struct view){NULL, draw, &all});
	return complain("%.*s", (int)why.n, (const char *)why.p);
}

enum { OPT_ALL, OPT_BUNDLE, OPT_EXIT_CODE };
static const struct option options[] = {
	[OPT_ALL] = {"all", 'a', NULL, "what is as it should be too"},
	[OPT_BUNDLE] = {"bundle", 0, "FILE",
		"write a support bundle, a .tar.gz; - is standard output"},
	[OPT_EXIT_CODE] = {"exit-code", 0, NULL, "exit with 1 when there is a problem"},
	{NULL, 0, NULL, NULL},
};

static int run_doctor(struct cli *c, const struct args *a)
{
	bool all = a->val[OPT_ALL];
	JSON json_t *answer = NULL;
	int r;

	if (a->val[OPT_BUNDLE])
		return bundle_write(c, a->val[OPT_BUNDLE]);
	r = boltseal_doctor(c->h, &c->reply);
	if (r < 0)
		return offline(c, r, all);
	if (c->reply.status == 503)
		return without_store(c, all);
	r = ask_json(c, r, &answer);
	if (r)
		return r;
	add_version(answer);
	amend_clock(answer);
	c->form->answer(c, answer, &(struct view){NULL, draw, &all});
	return a->val[OPT_EXIT_CODE] && findings_have_problem(json_object_get(answer, "findings"))
		       ? EXIT_DRIFT
		       : EXIT_CLEAN;
}

const struct command cmd_doctor = {
	.word = "doctor",
	.args = "",
	.sentence = "what is wrong, what it costs and what to do; what this host allows",
	.text = "First what is not as it should be, the worst first: what was found, what is lost by it, "
		"and what to\ndo. boltseal.findings(7) has them all. Then what the kernel was tried for "
		"and what is lost where it\nrefused; then, per target, what is seen by event (content, "
		"names, attributes, who), and what only\nsweeps find. Where no daemon answers it says "
		"what can be seen from outside, and exits with 2.\n\n"
		"--bundle writes what a supporter needs into one file, which it never overwrites: no "
		"content of files,\nno paths in targets, no command lines, no tokens.\n\n"
		"Examples:\n  boltseal doctor\n  boltseal doctor --format json | jq '.findings[] | "
		"select(.severity != \"ok\")'\n  boltseal doctor --bundle /root/boltseal.tar.gz\n",
	.exits = "0 done; 1 with --exit-code: there is a problem; 2 no answer, or an error.",
	.options = options,
	.run = run_doctor,
};
