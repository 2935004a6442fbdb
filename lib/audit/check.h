/* check.h - one line of a proof: {"check","detail","ok","subject"}. */
#pragma once

#include "base/json.h"

/* `detail` may be NULL. Returns `ok`. */
bool audit_say(struct json *j, const char *what, struct span subject, bool ok, const char *detail);
