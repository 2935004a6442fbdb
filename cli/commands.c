#include "cli/commands.h"
#include "cli/args.h"

const struct command *const commands[] = {
	&cmd_ps,
	&cmd_diff,
	&cmd_show,
	&cmd_log,
	&cmd_accept,
	&cmd_hold,
	&cmd_rescan,
	&cmd_verify,
	&cmd_baseline,
	&cmd_key,
	&cmd_sbom,
	&cmd_sinks,
	&cmd_rules,
	&cmd_status,
	&cmd_doctor,
	&cmd_completion,
	&cmd_help,
	&cmd_version,
	&cmd_report,
	&cmd_complete,
	NULL,
};

const struct command *command_find(const char *word)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->word, word) == 0)
			return commands[i];
	return NULL;
}

const struct verb *command_verb(const struct command *cmd, const char *word)
{
	for (const struct verb *v = cmd->verbs; v && v->word; v++)
		if (strcmp(v->word, word) == 0)
			return v;
	return NULL;
}

/* Hidden ones are no suggestions. */
static const char *word_at(const void *table, size_t i)
{
	const struct command *const *list = table;

	return !list[i] ? NULL : list[i]->hidden ? "" : list[i]->word;
}

const char *command_near(const char *word)
{
	return args_near(word, word_at, commands);
}
