#include "cli/commands.h"
#include "cli/help.h"

static int run_version(struct cli *c, const struct args *a)
{
	(void)c;
	(void)a;
	return version_print();
}

const struct command cmd_version = {
	.word = "version",
	.args = "",
	.sentence = "prints the version",
	.text = "The same as boltseal --version. The daemon's is in boltseal status.\n",
	.run = run_version,
};
