/* event.h - an event of the journal as one line for people. */
#pragma once

#include "cli/cli.h"

void event_line(struct cli *c, struct buf *out, const json_t *event);
