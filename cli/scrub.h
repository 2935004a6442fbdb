/* scrub.h - an answer of the daemon as it may leave this host: what could hold a secret, or what the
 * files of a target are called, goes out of it, wherever in it that is. */
#pragma once

#include "cli/cli.h"

void scrub(json_t *v);
/* An event: what is not known to be harmless goes. NULL: it is of no type that is given away; the
 * caller frees it. */
json_t *scrub_event(const json_t *e);
extern const char *const scrub_types[]; /* of events that are; ends with NULL */
