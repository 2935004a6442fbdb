#include "cli/verify.h"
#include "cli/commands.h"
#include "cli/form.h"
#include "cli/progress.h"
#include "cli/proof.h"
#include "cli/table.h"
#include "cli/tree.h"

const struct option verify_options[] = {
	[VERIFY_ALL] = {"all", 0, NULL,
		"every layer, every baseline and the journal (also when nothing is named)"},
	[VERIFY_STORE] = {"store", 0, "DIR",
		"a copy of a store, on any machine and without a daemon: all of it"},
	[VERIFY_FROM] = {"from", 0, "FILE",
		"with journal: what a receiver stored, without the daemon; - is standard input"},
	[VERIFY_HOST] = {"host", 0, "NAME", "with --from: only the events of this host"},
	[VERIFY_SINCE_SEQ] = {"since-seq", 0, "N", "with --from: the first that must be there"},
	[VERIFY_UNTIL_SEQ] = {"until-seq", 0, "N", "with --from: the last that must be there"},
	[VERIFY_ALLOW_HOLES] = {"allow-holes", 0, NULL,
		"with --from: missing events are told and are no mismatch"},
	[VERIFY_ONLY_COMPLETE] = {"only-complete", 0, NULL,
		"with --from: of formats other than json it is enough that none is missing"},
	[VERIFY_KEY] = {"key", 0, "FILE",
		"a host's public key, or a directory of them: checkpoints must be signed by it"},
	[VERIFY_CHECKPOINT] = {"checkpoint", 0, "ENTRY",
		"an entry that was seen elsewhere, as SEQ:ID: it must be there, or it was rolled back"},
	[VERIFY_ALLOW_TAIL] = {"allow-tail", 0, NULL,
		"with --key and --from or --store: entries after the last checkpoint are no mismatch"},
	[VERIFY_GOLDEN] = {"golden", 0, "FILE",
		"with --store: a baseline file of an image: its layers are stored as it has them"},
	{NULL, 0, NULL, NULL},
};

struct boltseal_trust verify_trust(const struct args *a)
{
	return (struct boltseal_trust){.key = a->val[VERIFY_KEY],
		.checkpoint = a->val[VERIFY_CHECKPOINT],
		.golden = a->val[VERIFY_GOLDEN],
		.allow_tail = a->val[VERIFY_ALLOW_TAIL] != NULL};
}

/* Neither proved nor known to be otherwise. */
static bool is_open(const json_t *check)
{
	return !get_true(check, "ok") && get_true(check, "unproved");
}

/* A check is right only when it says so. */
static bool is_right(const json_t *check)
{
	return get_true(check, "ok");
}

static void add_check(struct cli *c, struct table *t, const json_t *check)
{
	BUF struct buf text = {0}, room = {0};

	table_add(c, t,
		span_of(is_right(check)	 ? "ok"
			: is_open(check) ? "unproved"
					 : "MISMATCH"),
		is_right(check)	 ? "32"
		: is_open(check) ? "33"
				 : "1;31");
	table_add(c, t, get_text(check, "check"), NULL);
	table_add(c, t, get_path(check, "subject", &room), NULL);
	tree_inline(c, &text, json_object_get(check, "detail"));
	table_add_safe(t, json_object_get(check, "detail") ? buf_span(&text) : span_of("-"));
}

static void draw(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "RESULT CHECK SUBJECT DETAIL");
	json_array_foreach(json_object_get(answer, "checks"), i, v)
		add_check(c, &t, v);
	table_print(c, &t);
}

static int judge_answer(const json_t *answer)
{
	const json_t *checks = json_object_get(answer, "checks");
	size_t i, n_open = 0, n_wrong = 0;
	json_t *v;

	if (!json_is_array(checks))
		return complain("the daemon's answer lists no checks: nothing is proven");
	json_array_foreach(checks, i, v) {
		n_open += is_open(v);
		n_wrong += !is_right(v) && !is_open(v);
	}
	return n_wrong || (!n_open && !get_true(answer, "clean")) ? EXIT_DRIFT : EXIT_CLEAN;
}

/* What could not be proved is not clean: one line that says which, after the list. */
static int say_open(const json_t *answer)
{
	const json_t *checks = json_object_get(answer, "checks"), *first = NULL;
	BUF struct buf room = {0};
	struct span subject, why;
	size_t i, n = 0;
	json_t *v;

	json_array_foreach(checks, i, v) {
		first = first || !is_open(v) ? first : v;
		n += is_open(v);
	}
	if (!n)
		return EXIT_CLEAN;
	subject = get_path(first, "subject", &room);
	why = get_text(first, "detail");
	return complain("not proved, %zu of %zu: %.*s: %.*s", n, json_array_size(checks),
		(int)subject.n, (const char *)subject.p, (int)why.n, (const char *)why.p);
}

static int ask(struct cli *c, const struct args *a)
{
	static const struct {
		const char *word, *what;
	} whats[] = {{"layer", "layers"}, {"layers", "layers"}, {"journal", "journal"}};

	if (a->n == 0)
		return boltseal_verify_all(c->h, "all", &c->reply);
	for (size_t i = 0; i < COUNTOF(whats); i++)
		if (strcmp(whats[i].word, a->pos[0]) == 0)
			return boltseal_verify_all(c->h, whats[i].what, &c->reply);
	return boltseal_verify(c->h, a->pos[0], &c->reply);
}

int verify_show(struct cli *c, int r, const json_t *answer)
{
	if (r)
		return r;
	r = judge_answer(answer);
	if (r != EXIT_TROUBLE)
		c->form->answer(c, answer, &(struct view){"checks", draw, NULL});
	return r == EXIT_CLEAN ? say_open(answer) : r;
}

static bool is_journal(const struct args *a)
{
	return a->n == 1 && strcmp(a->pos[0], "journal") == 0;
}

/* From disk, by the sensor; before what the store proves. */
static bool prove(struct cli *c, const struct args *a, json_t **ret)
{
	const char *word = a->n ? a->pos[0] : NULL;
	bool all = !word || strcmp(word, "layer") == 0 || strcmp(word, "layers") == 0;

	return progress_prove(
		c, all || word[0] == '/' ? NULL : word, !all && word[0] == '/' ? word : NULL, ret);
}

/* One list: what is read from disk comes first. */
static void join(json_t *answer, const json_t *proved)
{
	JSON json_t *checks = json_array();

	if (!proved || !json_is_array(json_object_get(answer, "checks")))
		return;
	json_array_extend(checks, json_object_get(proved, "checks"));
	json_array_extend(checks, json_object_get(answer, "checks"));
	json_object_set(answer, "checks", checks);
	if (!get_true(proved, "clean"))
		json_object_set_new(answer, "clean", json_false());
}

static int run_verify(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL, *proved = NULL;
	bool read = true;
	int r;

	if (a->n && a->val[VERIFY_ALL])
		return complain("--all proves everything, %s too: choose one", a->pos[0]);
	if (a->n == 2 && strcmp(a->pos[0], "entry") == 0)
		return proof_entry_run(c, a);
	if (a->n == 1 && strcmp(a->pos[0], "entry") == 0)
		return complain("verify entry needs the FILE that boltseal log --prove wrote");
	if (a->n == 2)
		return complain("one thing at a time: a TARGET, layer, journal, or entry FILE");
	if (a->val[VERIFY_FROM] && (!is_journal(a) || a->val[VERIFY_ALL]))
		return complain("--from is of the journal: boltseal verify journal --from FILE");
	if (a->val[VERIFY_STORE] && (a->n || a->val[VERIFY_ALL] || a->val[VERIFY_FROM]))
		return complain("--store proves all of a copy: nothing else is named beside it");
	if (a->val[VERIFY_FROM])
		return proof_from_run(c, a);
	for (int i = VERIFY_HOST; i <= VERIFY_ONLY_COMPLETE; i++)
		if (a->val[i])
			return complain("--%s needs --from: boltseal verify journal --from FILE",
				verify_options[i].name);
	if (a->val[VERIFY_STORE])
		return proof_store_run(c, a);
	if (a->val[VERIFY_KEY] && is_journal(a))
		return proof_from_run(c, a);
	if (a->val[VERIFY_GOLDEN])
		return complain(
			"--golden is for a copy of a store: boltseal verify --store DIR --golden FILE");
	for (int i = VERIFY_KEY; i < VERIFY_GOLDEN; i++)
		if (a->val[i])
			return complain(
				"--%s is for a journal or a copy: boltseal verify journal --key "
				"FILE, or with --from or --store",
				verify_options[i].name);
	if (!is_journal(a))
		read = prove(c, a, &proved);
	r = ask_json(c, ask(c, a), &answer);
	if (!r)
		join(answer, proved);
	r = verify_show(c, r, answer);
	return r == EXIT_CLEAN && !read ? EXIT_TROUBLE : r;
}

enum {
	OF_TEXT = OPT(VERIFY_FROM) | OPT(VERIFY_HOST) | OPT(VERIFY_SINCE_SEQ) |
		  OPT(VERIFY_UNTIL_SEQ) | OPT(VERIFY_ALLOW_HOLES) | OPT(VERIFY_ONLY_COMPLETE),
	OF_KEYS = OPT(VERIFY_KEY) | OPT(VERIFY_CHECKPOINT) | OPT(VERIFY_ALLOW_TAIL),
};
static const struct verb verbs[] = {
	{"layer", OPT(VERIFY_ALL), 0, SLOT_NONE},
	{"journal", OPT(VERIFY_ALL) | OPT(VERIFY_STORE) | OF_TEXT | OF_KEYS, 0, SLOT_NONE},
	{"entry", OPT(VERIFY_KEY), 1, SLOT_NONE},
	{NULL, 0, 0, SLOT_NONE},
};

const struct command cmd_verify = {
	.word = "verify",
	.args = "[TARGET|layer|journal|entry FILE]",
	.sentence = "proves layers, stored baselines and the journal's chain",
	.text = "Reads the read-only layers from disk again and holds them against their image - what the "
		"engine kept\nof its archives, and the configuration and manifest that list them - compares what is "
		"stored of layers\nwith its root digests, and follows the journal's hash chain. A line a check, with the "
		"digest that it is\nproved to, or the files that are not what the image says. Needs the role operator.\n\n"
		"With --from nothing is asked: FILE is what a receiver stored, JSON lines or lines "
		"that hold the\nJSON, in any order and of any number of hosts. Every entry's digest "
		"and link is computed\nanew, and every missing sequence number told. A sink with "
		"min_severity stores no complete\njournal: --allow-holes then proves each entry "
		"alone. What came after the last entry no file can\ntell: --until-seq says up to "
		"where it must go. A format other than json carries seq, id and prev\n(CEF no "
		"prev): that none is missing is proven by these, what the entries say is not; "
		"that is\na mismatch without --only-complete.\n\n"
		"With --store nobody is asked either: DIR is a copy of a daemon's store, made with mdb_copy or "
		"taken\nwhen the daemon was stopped. Its layers, baselines, drift and journal are proven as the "
		"daemon\ndoes it.\n\n"
		"With --key the checkpoints in a journal, which the daemon writes and signs with the host's key, must be\n"
		"signed by it, and cover exactly the entries that are there: so nobody without that key has altered,\n"
		"removed, added or moved one. FILE is STATE_DIR/keys/host.pub, taken from the host while you trust it.\n"
		"--checkpoint finds a store that was rolled back. `verify entry FILE` proves one entry without the others,\n"
		"by what `boltseal log --prove SEQ` wrote.\n\n"
		"Examples:\n"
		"  boltseal verify web\n"
		"  boltseal verify journal\n"
		"  boltseal verify --all\n"
		"  boltseal verify journal --from /var/log/remote/web1.log --until-seq 4711\n"
		"  boltseal verify --store /mnt/copy --key host.pub --checkpoint 4711:0f3a…\n"
		"  boltseal verify entry 4711.proof --key host.pub\n"
		"  zcat siem-*.json.gz | boltseal verify journal --from -\n",
	.exits =
		"0 all proven, or consistent where nothing on the host tells more; 1 a mismatch; 2 an error, or\n"
		"something could not be proved.",
	.options = verify_options,
	.max = 2,
	.slots = {SLOT_TARGET, SLOT_NONE},
	.verbs = verbs,
	.run = run_verify,
};
