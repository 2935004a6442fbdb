/* hold.h - a maintenance window in a line. */
#pragma once

#include "cli/cli.h"

/* The member `hold` of hold.opened and hold.closed. */
void hold_line(struct cli *c, struct buf *out, const json_t *h);
