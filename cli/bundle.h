/* bundle.h - `boltseal doctor --bundle`: what a supporter needs in one file, and no secret. */
#pragma once

#include "cli/cli.h"

/* `file` "-": standard output. An exit status; what went wrong is said. */
int bundle_write(struct cli *c, const char *file);
