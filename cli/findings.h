/* findings.h - what doctor found, for people: what is wrong first, each with what it costs and what to do. */
#pragma once

#include "cli/cli.h"

/* `all`: those that are ok too. */
void findings_draw(struct cli *c, const json_t *findings, bool all);
bool findings_have_problem(const json_t *findings);
