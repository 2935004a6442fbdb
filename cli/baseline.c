#include "cli/baseline.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/proof.h"
#include "cli/safe.h"
#include "cli/table.h"
#include "cli/tree.h"

static void add_generation(struct cli *c, struct table *t, struct span target, const json_t *v)
{
	BUF struct buf text = {0};
	struct span root = get_text(v, "root");

	if (root.n > 12)
		root.n = 12;
	table_add(c, t, target, NULL);
	table_add_int(c, t, json_object_get(v, "generation"));
	add_time(&text, get_text(v, "time"));
	table_add_safe(t, buf_span(&text));
	table_add_int(c, t, json_object_get(v, "uid"));
	table_add_int(c, t, json_object_get(v, "paths"));
	buf_reset(&text);
	add_time(&text, get_text(v, "expires"));
	table_add_safe(t, buf_span(&text));
	table_add(c, t, root, NULL);
	buf_reset(&text);
	safe_text(&text, get_text(v, "reason"), c->utf8_ok, false);
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
}

static void draw_list(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {.right = 1u << 1 | 1u << 3 | 1u << 4};
	size_t i, k;
	json_t *one, *v;

	(void)arg;
	table_heads(&t, "TARGET GEN TIME UID PATHS EXPIRES ROOT REASON");
	json_array_foreach(json_object_get(answer, "items"), i, one)
		json_array_foreach(json_object_get(one, "generations"), k, v)
			add_generation(c, &t, get_text(json_object_get(one, "target"), "name"), v);
	table_print(c, &t);
}

/* What was accepted at one path: its kind, against what the image has there. */
static void add_accepted(struct cli *c, struct table *t, const json_t *v)
{
	bool image = json_is_object(json_object_get(v, "image"));
	bool record = json_is_object(json_object_get(v, "record"));
	BUF struct buf text = {0}, room = {0};

	table_add_text(c, t, !record ? "D" : image ? "C" : "A");
	table_add_int(c, t, json_object_get(v, "generation"));
	add_time(&text, get_text(v, "expires"));
	table_add_safe(t, buf_span(&text));
	table_add(c, t, get_path(v, "path", &room), NULL);
}

static void draw_one(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {.right = 1u << 1};
	JSON json_t *head = json_copy((json_t *)answer);
	BUF struct buf out = {0};
	size_t i;
	json_t *v;

	(void)arg;
	must(head);
	json_object_del(head, "items");
	tree_add(c, &out, head, 0);
	out_add(buf_span(&out));
	if (!json_array_size(json_object_get(answer, "items")))
		return;
	out_text("\n");
	table_heads(&t, "K GEN EXPIRES PATH");
	json_array_foreach(json_object_get(answer, "items"), i, v)
		add_accepted(c, &t, v);
	table_print(c, &t);
}

static int run_list(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r;

	if (a->val[BASELINE_GOLDEN] && a->n > 1)
		return complain(
			"--golden lists by image, and %s is a target: leave one out", a->pos[1]);
	if (a->val[BASELINE_GOLDEN])
		return golden_list_run(c, a);
	r = ask_json(c, boltseal_baselines(c->h, a->n > 1 ? a->pos[1] : NULL, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw_list, NULL});
	return EXIT_CLEAN;
}

static int run_show(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r;

	if (a->n < 3)
		return complain("baseline show needs a target and a generation: `boltseal baseline "
				"list` has both");
	r = ask_json(c, boltseal_baseline(c->h, a->pos[1], a->pos[2], &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_one, NULL});
	return EXIT_CLEAN;
}

void baseline_draw_file(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0};

	(void)arg;
	tree_add(c, &out, answer, 0);
	out_add(buf_span(&out));
}

static const struct {
	const char *word;
	int (*run)(struct cli *c, const struct args *a);
} runs[] = {
	{"list", run_list},
	{"show", run_show},
	{"build", proof_build_run},
	{"inspect", proof_inspect_run},
	{"export", golden_export_run},
	{"import", golden_import_run},
	{"remove", golden_remove_run},
	{"sign", proof_sign_run},
	{"verify", proof_signed_run},
};

static int run_baseline(struct cli *c, const struct args *a)
{
	for (size_t i = 0; i < COUNTOF(runs); i++)
		if (strcmp(runs[i].word, a->pos[0]) == 0)
			return runs[i].run(c, a);
	return complain(
		"baseline knows no %s: it is list, show, build, inspect, sign, verify, export, "
		"import or remove",
		a->pos[0]);
}

const struct option baseline_options[] = {
	[BASELINE_IMAGE] = {"image", 0, "NAME",
		"with build: which, where there are several: its name, or a digest"},
	[BASELINE_OUTPUT] = {"output", 0, "FILE",
		"with build and export: where to write it (NAME.baseline here); - is standard output"},
	[BASELINE_GENERATION] = {"generation", 0, "N",
		"with export: which; 1 is the image alone; the one in force where it is not given"},
	[BASELINE_GOLDEN] = {"golden", 0, NULL, "with list: golden baselines, by image"},
	[BASELINE_REPLACE] = {"replace", 0, NULL,
		"with import: in the place of another one of the same image"},
	[BASELINE_KEY] = {"key", 0, "FILE",
		"with sign: the private key; with verify: a public key, or a directory of them"},
	[BASELINE_COMMENT] = {"comment", 0, "TEXT", "with sign: a line that is signed with it"},
	[BASELINE_PASSPHRASE] = {"passphrase-file", 0, "FILE",
		"with sign: where the key's passphrase is, one line (- is standard input); else it is asked for"},
	{NULL, 0, NULL, NULL},
};

static const struct verb verbs[] = {
	{"list", OPT(BASELINE_GOLDEN), 1, SLOT_TARGET},
	{"show", 0, 2, SLOT_TARGET},
	{"build", OPT(BASELINE_IMAGE) | OPT(BASELINE_OUTPUT), 1, SLOT_NONE},
	{"inspect", 0, 1, SLOT_NONE},
	{"sign", OPT(BASELINE_KEY) | OPT(BASELINE_COMMENT) | OPT(BASELINE_PASSPHRASE), 1,
		SLOT_NONE},
	{"verify", OPT(BASELINE_KEY), 1, SLOT_NONE},
	{"export", OPT(BASELINE_OUTPUT) | OPT(BASELINE_GENERATION), 1, SLOT_TARGET},
	{"import", OPT(BASELINE_REPLACE), 1, SLOT_NONE},
	{"remove", 0, 1, SLOT_NONE},
	{NULL, 0, 0, SLOT_NONE},
};

const struct command cmd_baseline = {
	.word = "baseline",
	.args = "list [TARGET] | list --golden | show TARGET GENERATION | build IMAGE | inspect FILE | "
		"sign FILE --key KEY | verify FILE [--key PUB] | export TARGET | import FILE | remove IMAGE",
	.sentence = "the generations of baselines: who accepted what, when and why",
	.text = "build makes a baseline file, without a daemon and without root, from what `docker save` or "
		"`podman save`\nwrites, from an OCI layout (a directory, or an archive of one; packed or not), or "
		"from a plain tree of\nfiles. Its root digest is that of a container of the same image. inspect reads "
		"such a file, holds it\nagainst its own digests and says what is in it.\n\n"
		"sign adds a signature to such a file, by a key of `boltseal key new`; verify says whose signatures "
		"it has\nand whether they are good: by --key, or by the keys in /etc/boltseal/keys.\n\n"
		"export writes the same file of what is stored of a container: its image's layers, and what was accepted on "
		"top.\nimport makes such a file the golden baseline of its image: on this host, its containers are judged by "
		"that\nand not by what their layers show first. The file is held against its own digests, its signatures "
		"against the\nkeys in trust.keys_dir; what does not hold is refused, and the journal says so. remove IMAGE (its "
		"digest)\ntakes it away. export needs the role operator, import and remove need admin.\n\n"
		"Examples:\n"
		"  boltseal baseline build web.tar --output web.baseline\n"
		"  boltseal baseline inspect web.baseline\n"
		"  boltseal baseline sign web.baseline --key ci.key --passphrase-file /run/secrets/ci\n"
		"  boltseal baseline verify web.baseline --key ci.pub\n"
		"  boltseal baseline import web.baseline\n"
		"  boltseal baseline list --golden\n"
		"  boltseal baseline export web --output web.baseline\n"
		"  boltseal baseline list web\n"
		"  boltseal baseline show web 3\n",
	.exits = "0 done; 1 with verify: a signature is not good, or there is none; 2 an error.",
	.min = 1,
	.max = 3,
	.slots = {SLOT_WORD, SLOT_TARGET},
	.verbs = verbs,
	.options = baseline_options,
	.run = run_baseline,
};
