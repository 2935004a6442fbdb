/* key.h - what the two programs' halves of `key` share. */
#pragma once

#include "cli/cli.h"

enum {
	KEY_OUT,
	KEY_DIR,
	KEY_EXPIRES,
	KEY_ROLES,
	KEY_REASON,
	KEY_NO_PASSPHRASE,
	KEY_PASSPHRASE,
};
extern const struct option key_options[];
