/* baseline.h - what the two programs' halves of `baseline` share. */
#pragma once

#include "cli/cli.h"

enum { BASELINE_IMAGE, BASELINE_OUTPUT };
extern const struct option baseline_options[];
/* Draws what a baseline file is. */
void baseline_draw_file(struct cli *c, const json_t *answer, void *arg);
