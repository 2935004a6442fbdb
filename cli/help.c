/* Every word here comes from the tables, so help cannot promise what the parser does not know. */
#include "cli/help.h"
#include "cli/commands.h"
#include "cli/form.h"

int version_print(void)
{
	out_text("boltseal " BOLTSEAL_VERSION "\n");
	return EXIT_CLEAN;
}

static void add_option(struct buf *out, const struct option *o)
{
	BUF struct buf left = {0};

	if (o->letter)
		buf_printf(&left, "-%c, ", o->letter);
	buf_printf(&left, "--%s", o->name);
	if (o->arg)
		buf_printf(&left, " %s", o->arg);
	buf_printf(out, "  %-24s %s\n", buf_text(&left), o->sentence);
}

static void add_options(struct buf *out, const char *title, const struct option *o)
{
	if (!o || !o->name)
		return;
	buf_printf(out, "\n%s:\n", title);
	for (; o->name; o++)
		add_option(out, o);
}

static void add_commands(struct buf *out)
{
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			buf_printf(out, "  %-11s %s\n", commands[i]->word, commands[i]->sentence);
}

static void add_list(struct buf *out)
{
	buf_add_text(out,
		"boltseal - what differs from the image in every container, since when, "
		"and who did it\n\n"
		"Examples:\n"
		"  boltseal ps                       targets and how much each has drifted\n"
		"  boltseal diff web -l              what drifted in web, who did it\n"
		"  boltseal show web /etc/passwd     all that is known of one file\n"
		"  boltseal log -f --severity high   the journal as it is written\n\n"
		"Commands (boltseal COMMAND --help says more):\n");
	add_commands(out);
	add_options(out, "Options for every command", global_options);
	buf_add_text(out, "\nTARGET is a name, a full id, or the unique beginning of one.\n"
			  "Exit status: 0 done, and for diff and verify clean; 1 drift or a "
			  "mismatch; 2 an error.\n");
}

static void add_command(struct buf *out, const struct command *cmd)
{
	buf_printf(out, "boltseal %s%s%s - %s\n\n%s", cmd->word, *cmd->args ? " " : "", cmd->args,
		cmd->sentence, cmd->text);
	add_options(out, "Options", cmd->options);
	add_options(out, "Options for every command", global_options);
	buf_printf(out, "\nExit status: %s\n", cmd->exits ? cmd->exits : "0 done; 2 an error.");
}

int help_print(const struct command *cmd)
{
	BUF struct buf out = {0};

	if (cmd)
		add_command(&out, cmd);
	else
		add_list(&out);
	out_add(buf_span(&out));
	return EXIT_CLEAN;
}

static int run_help(struct cli *c, const struct args *a)
{
	const struct command *cmd = a->n ? command_find(a->pos[0]) : NULL;
	const char *near;

	(void)c;
	if (cmd || !a->n)
		return help_print(cmd);
	near = command_near(a->pos[0]);
	if (near)
		return complain("no help on %s: did you mean %s?", a->pos[0], near);
	return complain("no help on %s: `boltseal help` lists what there is", a->pos[0]);
}

const struct command cmd_help = {
	.word = "help",
	.args = "[COMMAND]",
	.sentence = "lists the commands, or explains one",
	.text = "Example:\n  boltseal help diff\n",
	.max = 1,
	.slots = {SLOT_COMMAND},
	.run = run_help,
};
