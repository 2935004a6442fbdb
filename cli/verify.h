/* verify.h - what the proofs that the daemon makes and those made here have in common. */
#pragma once

#include "cli/ask.h"

/* Rows of verify's options. */
enum verify_option {
	VERIFY_ALL,
	VERIFY_STORE,
	VERIFY_FROM,
	VERIFY_HOST,
	VERIFY_SINCE_SEQ,
	VERIFY_UNTIL_SEQ,
	VERIFY_ALLOW_HOLES,
	VERIFY_ONLY_COMPLETE,
	VERIFY_KEY,
	VERIFY_CHECKPOINT,
	VERIFY_ALLOW_TAIL,
	VERIFY_GOLDEN,
};
extern const struct option verify_options[];
/* What --key and the like say. */
struct boltseal_trust verify_trust(const struct args *a);

/* Prints {"checks":[…],"clean":…}, a line a check. `r`: what getting it came to. Returns the exit status. */
int verify_show(struct cli *c, int r, const json_t *answer);
