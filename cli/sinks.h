/* sinks.h - the table of sinks, which doctor shows too. */
#pragma once

#include "cli/cli.h"

enum { SINK_LATE = 60 }; /* seconds of lag from which on it is pointed out */
void sinks_draw(struct cli *c, const json_t *list);
