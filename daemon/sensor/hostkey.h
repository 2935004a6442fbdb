/* hostkey.h - this host's own key: STATE_DIR/keys/host.key, made where it is missing. */
#pragma once

#include "trust/key.h"

/* Makes directory (0755) and key (0600) where they are missing, and writes the public half, host.pub (0644),
 * anew where it is another. NULL and a sentence: there is none, so no checkpoint is signed; -EPERM: others
 * may read it. */
int hostkey_open(struct trust_key **ret, const char *state_dir);
