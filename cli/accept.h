/* accept.h - what the two programs' halves of `accept` share. */
#pragma once

#include "cli/ask.h"

enum {
	ACCEPT_DRIFT,
	ACCEPT_REASON,
	ACCEPT_EXPIRES,
	ACCEPT_SIGN,
	ACCEPT_WITH,
	ACCEPT_OUTPUT,
	ACCEPT_PASSPHRASE,
};
extern const struct option accept_options[];
/* Paths made fit, one after the other in `room`; `list` gets where each begins. 0 or EXIT_TROUBLE, said. */
int accept_paths(const struct args *a, struct buf *room, const char **list);
void accept_draw(struct cli *c, const json_t *answer, void *arg);
