/* baseline.h - what the two programs' halves of `baseline` share. */
#pragma once

#include "cli/cli.h"

enum {
	BASELINE_IMAGE,
	BASELINE_OUTPUT,
	BASELINE_GENERATION,
	BASELINE_GOLDEN,
	BASELINE_REPLACE,
	BASELINE_KEY,
	BASELINE_COMMENT,
	BASELINE_PASSPHRASE,
};
extern const struct option baseline_options[];
/* golden.c: with a daemon. */
int golden_list_run(struct cli *c, const struct args *a);
int golden_export_run(struct cli *c, const struct args *a);
int golden_import_run(struct cli *c, const struct args *a);
int golden_remove_run(struct cli *c, const struct args *a);
/* Draws what a baseline file is. */
void baseline_draw_file(struct cli *c, const json_t *answer, void *arg);
