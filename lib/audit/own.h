/* own.h - what this room's files share. Nobody else includes it. */
#pragma once

#include "audit/audit.h"
#include "audit/check.h"

struct audit {
	const struct audit_options *o;
	struct json *j;
	bool *clean;
	struct keyring own; /* the store's own key, where no ring is given */
};
/* One check of it. */
void audit_check(
	struct audit *a, const char *what, struct span subject, bool ok, const char *detail);
int audit_layers(struct audit *a);
int audit_targets(struct audit *a);
int audit_journal(struct audit *a);
