/* own.h - what the files of lib/audit share; nobody else includes it. */
#pragma once

#include "audit/audit.h"
#include "base/err.h"
#include "store/targets.h"

/* Tells of one check; `detail` NULL: nothing more. */
void audit_tell(
	struct audit *a, const char *what, struct span subject, bool ok, const char *detail);
/* Is `code` damage? Then it is told with the sentence at hand, and 0; else `code`. */
int audit_damage(struct audit *a, const char *what, struct span subject, int code);
/* Golden baselines that were imported: their records give their digests. */
int audit_imported(struct audit *a);
/* Does the target stack this layer? */
bool audit_stacks(const struct target *t, struct span path);
/* One target after the other, each in a transaction of its own: `fn` returns 0 or an error. Those that
 * cannot be read are told as damage. */
int audit_each_target(struct audit *a, const char *what,
	int (*fn)(struct audit *a, struct txn *t, const struct target *tg));
