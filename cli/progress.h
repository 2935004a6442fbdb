/* progress.h - asking for a rescan, with a bar on stderr where that is a terminal. */
#pragma once

#include "cli/cli.h"

/* Asking for layers to be held against their images. The last line goes to `ret`. False: it could not be done, which
 * is said unless the next answer says it, too. */
bool progress_prove(struct cli *c, const char *target, const char *path, json_t **ret);
/* The last line of the answer goes to `ret` (may be NULL). 0, or EXIT_TROUBLE, said. */
int progress_rescan(struct cli *c, const char *target, const char *path, json_t **ret);
