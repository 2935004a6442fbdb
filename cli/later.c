/* Words that are promised and not kept yet: a clear sentence is better than "unknown command". */
#include "cli/commands.h"

static int run_report(struct cli *c, const struct args *a)
{
	(void)c;
	(void)a;
	return complain("report comes with a later release: `boltseal diff TARGET -l` prints the "
			"same as text");
}

const struct command cmd_report = {
	.word = "report",
	.args = "TARGET --html FILE",
	.sentence = "one page for an auditor (comes with a later release)",
	.text = "Comes with a later release.\n",
	.max = MANY,
	.hidden = true,
	.raw = true,
	.run = run_report,
};
