/* The bill of materials, as the daemon made it. */
#include "base/err.h"
#include "base/fd.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/form.h"

enum { O_IMAGE, O_FORM, O_FILE };
static const struct option options[] = {
	[O_IMAGE] = {"image", 0, NULL, "of the image alone, without what the container changed"},
	[O_FORM] = {"format", 'o', "FORM", "cyclonedx (1.6) or spdx (2.3), both JSON"},
	[O_FILE] = {"output", 0, "FILE", "into this file; it is whole or as it was"},
	{NULL, 0, NULL, NULL},
};

static int write_it(struct cli *c, const char *file)
{
	struct span body = span_make(c->reply.body, c->reply.body_len);

	if (!file || strcmp(file, "-") == 0) {
		out_add(body);
		out_flush();
		return EXIT_CLEAN;
	}
	if (fd_save_file(file, body, 0644) == 0)
		return EXIT_CLEAN;
	return complain("%s; name a file that can be written", err_why());
}

static int run_sbom(struct cli *c, const struct args *a)
{
	const char *form = a->val[O_FORM] ? a->val[O_FORM] : "cyclonedx";
	int r;

	if (strcmp(form, "cyclonedx") != 0 && strcmp(form, "spdx") != 0)
		return complain("--format of a bill of materials is cyclonedx or spdx");
	if (a->val[O_FILE] && !*a->val[O_FILE])
		return complain("--output needs a file's name; - is standard output");
	r = ask_check(c, boltseal_sbom(c->h, a->pos[0], form, a->val[O_IMAGE] != NULL, &c->reply));
	return r ? r : write_it(c, a->val[O_FILE]);
}

const struct command cmd_sbom = {
	.word = "sbom",
	.args = "TARGET",
	.sentence = "the bill of materials of a container, or of its image",
	.text = "Packages as the databases in the image's verified layers have them, each with its "
		"package URL and its\nfiles, and whether these are as the package has them; then, but "
		"for --image, every path that drifts,\nas modified, added or deleted. Options stand "
		"behind the word.\n\n"
		"Examples:\n"
		"  boltseal sbom web > web.cdx.json\n"
		"  boltseal sbom web --image --format spdx --output web.spdx.json\n",
	.options = options,
	.min = 1,
	.max = 1,
	.slots = {SLOT_TARGET},
	.run = run_sbom,
};
