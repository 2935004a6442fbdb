/*
 * Completion: a few lines of each shell's own language that ask this program, which has the table.
 * Target names come from other people's hands, so only those made of plain letters are offered, and
 * the scripts never let the shell expand a word that was printed.
 */
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"

static const char bash_script[] =
	"# boltseal completion bash: source this, or keep it as\n"
	"# /usr/share/bash-completion/completions/boltseal\n"
	"_boltseal()\n"
	"{\n"
	"	local line\n"
	"	COMPREPLY=()\n"
	"	while IFS= read -r line; do\n"
	"		COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
	"	done < <(boltseal __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"}\n"
	"complete -o default -F _boltseal boltseal\n";

static const char zsh_script[] =
	"#compdef boltseal\n"
	"# boltseal completion zsh: keep this as _boltseal in a directory of $fpath\n"
	"_boltseal()\n"
	"{\n"
	"	local line\n"
	"	local -a found\n"
	"	while IFS= read -r line; do\n"
	"		found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
	"	done < <(boltseal __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"	if (( ${#found} )); then\n"
	"		_describe boltseal found\n"
	"	else\n"
	"		_files\n"
	"	fi\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _boltseal ]; then\n"
	"	_boltseal \"$@\"\n"
	"else\n"
	"	compdef _boltseal boltseal\n"
	"fi\n";

static const char fish_script[] =
	"# boltseal completion fish: keep this as ~/.config/fish/completions/boltseal.fish\n"
	"function __boltseal_complete\n"
	"	set -l words (commandline -opc) (commandline -ct)\n"
	"	set -e words[1]\n"
	"	set -l found (boltseal __complete $words 2>/dev/null)\n"
	"	if set -q found[1]\n"
	"		printf '%s\\n' $found\n"
	"	else\n"
	"		__fish_complete_path (commandline -ct)\n"
	"	end\n"
	"end\n"
	"complete -c boltseal -f -a '(__boltseal_complete)'\n";

static const struct {
	const char *shell, *script;
} shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static int run_completion(struct cli *c, const struct args *a)
{
	(void)c;
	for (size_t i = 0; i < COUNTOF(shells); i++) {
		if (strcmp(shells[i].shell, a->pos[0]) == 0) {
			out_text(shells[i].script);
			return EXIT_CLEAN;
		}
	}
	return complain("no completion for %s: it is bash, zsh or fish", a->pos[0]);
}

/* What is known of the words before the one that is being written. */
struct place {
	struct cli *c;
	const struct command *cmd;
	size_t n_words;		    /* positional, after the command */
	const struct verb *verb;    /* the first of them */
	const struct option *wants; /* the option whose value is being written */
	const char *prefix;
};

static void offer(const struct place *p, const char *word, const char *sentence)
{
	BUF struct buf line = {0};

	if (strncmp(word, p->prefix, strlen(p->prefix)) != 0)
		return;
	buf_printf(&line, "%s\t%s\n", word, sentence);
	out_add(buf_span(&line));
}

static void offer_words(const struct place *p, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		BUF struct buf word = {0};

		buf_add(&word, words, n);
		offer(p, buf_text(&word), "");
		words += n + strspn(words + n, " ");
	}
}

static void offer_verbs(const struct place *p)
{
	for (const struct verb *v = p->cmd->verbs; v && v->word; v++)
		if (*v->word)
			offer(p, v->word, "");
}

/* `those`: bits of the rows. */
static void offer_options(const struct place *p, const struct option *o, uint32_t those)
{
	for (int i = 0; o && o[i].name; i++) {
		BUF struct buf word = {0};

		buf_printf(&word, "--%s", o[i].name);
		if (those & OPT(i))
			offer(p, buf_text(&word), o[i].sentence);
	}
}

static void offer_commands(const struct place *p)
{
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			offer(p, commands[i]->word, commands[i]->sentence);
}

static bool is_plain_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!name.p[i] || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_.:/@+-",
					  name.p[i]))
			return false;
	return name.n && name.p[0] != '-';
}

static void offer_targets(const struct place *p)
{
	JSON json_t *answer = NULL;
	struct cli *c = p->c;
	size_t i;
	json_t *v;

	boltseal_patience(c->h, 1000);
	if (boltseal_targets(c->h, 1, &c->reply) || c->reply.status != 200)
		return; /* a shell's line is no place for errors */
	answer = json_loadb(c->reply.body, c->reply.body_len, JSON_ALLOW_NUL, NULL);
	json_array_foreach(json_object_get(answer, "items"), i, v) {
		struct span name = get_text(v, "name"), image = get_text(v, "image");
		BUF struct buf about = {0};

		if (is_plain_name(image))
			buf_add_span(&about, image);
		if (is_plain_name(name))
			offer(p, (const char *)name.p, buf_text(&about));
	}
}

static void no_offer(const struct place *p)
{
	(void)p;
}

static void offer_slot_words(const struct place *p)
{
	if (p->cmd->words)
		offer_words(p, p->cmd->words);
}

static void (*const slot_offers[])(const struct place *p) = {
	[SLOT_NONE] = no_offer,
	[SLOT_TARGET] = offer_targets,
	[SLOT_PATH] = no_offer,
	[SLOT_WORD] = offer_slot_words,
	[SLOT_COMMAND] = offer_commands,
};

/* Options whose values are known words. */
static const struct {
	const char *command; /* NULL: of whichever */
	const char *option, *words;
} values[] = {
	{"sbom", "format", "cyclonedx spdx"},
	{NULL, "format", "table json jsonl"},
	{NULL, "severity", "info low medium high critical"},
	{"key", "roles", "baseline accept checkpoint"},
	{NULL, "type",
		"change change.cleared target.found target.stopped target.started target.renamed "
		"target.removed baseline.created baseline.accepted layer.tampered mount.covered "
		"exec.drifted exec.denied gap.opened gap.closed daemon.started daemon.stopped "
		"rules.loaded canary baseline.expired exec.session package.run flood hold.opened "
		"hold.closed heartbeat rules.failed package.mismatch "
		"package.database layer.verdict checkpoint baseline.imported baseline.refused baseline.removed "
		"image.signature"},
	{NULL, "against", "baseline image"},
};

static void offer_values(const struct place *p)
{
	const char *word = p->cmd ? p->cmd->word : "";

	for (size_t i = 0; i < COUNTOF(values); i++)
		if (strcmp(values[i].option, p->wants->name) == 0 &&
			(!values[i].command || strcmp(values[i].command, word) == 0)) {
			offer_words(p, values[i].words);
			break;
		}
	if (strcmp(p->wants->name, "against") == 0)
		offer_targets(p);
}

static const struct option *option_of(const struct option *o, const char *word)
{
	for (; o && o->name; o++)
		if ((word[1] == '-' && strcmp(o->name, word + 2) == 0) ||
			(word[1] && word[1] == o->letter && !word[2]))
			return o;
	return NULL;
}

static void read_word(struct place *p, const char *word)
{
	const struct option *o;

	if (p->wants) {
		p->wants = NULL;
		return;
	}
	if (word[0] != '-') {
		if (p->cmd && !p->n_words)
			p->verb = command_verb(p->cmd, word);
		p->n_words += p->cmd != NULL;
		p->cmd = p->cmd ? p->cmd : command_find(word);
		return;
	}
	o = option_of(p->cmd ? p->cmd->options : NULL, word);
	if (!o)
		o = option_of(global_options, word);
	p->wants = o && o->arg ? o : NULL;
}

static void offer_place(const struct place *p)
{
	if (p->n_words == 0)
		offer_verbs(p);
	if (p->verb && p->n_words == 1)
		slot_offers[p->verb->slot](p);
	else if (!p->verb && p->n_words < p->cmd->max)
		slot_offers[p->cmd->slots[p->n_words > 0]](p);
}

static int run_complete(struct cli *c, const struct args *a)
{
	struct place p = {.c = c, .prefix = a->n ? a->pos[a->n - 1] : ""};

	for (size_t i = 0; i + 1 < a->n; i++)
		read_word(&p, a->pos[i]);
	if (p.wants) {
		offer_values(&p);
	} else if (p.prefix[0] == '-') {
		offer_options(
			&p, p.cmd ? p.cmd->options : NULL, p.verb ? p.verb->options : UINT32_MAX);
		offer_options(&p, global_options, UINT32_MAX);
	} else if (!p.cmd) {
		offer_commands(&p);
	} else {
		offer_place(&p);
	}
	return EXIT_CLEAN;
}

const struct command cmd_completion = {
	.word = "completion",
	.args = "bash|zsh|fish",
	.sentence = "prints the completion of a shell",
	.text = "Examples:\n"
		"  source <(boltseal completion bash)\n"
		"  boltseal completion fish > ~/.config/fish/completions/boltseal.fish\n",
	.min = 1,
	.max = 1,
	.slots = {SLOT_WORD},
	.words = "bash zsh fish",
	.run = run_completion,
};

const struct command cmd_complete = {
	.word = "__complete",
	.args = "[WORD...]",
	.sentence = "what could stand for the last word; for the completion scripts",
	.text = "A line a word, a tab, a sentence.\n",
	.max = MANY,
	.hidden = true,
	.raw = true,
	.run = run_complete,
};
