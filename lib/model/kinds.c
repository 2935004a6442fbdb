/* The rows of kinds.h, once more as data. */
#include "model/kinds.h"

#define X_ROW(id, n, s) {n, s},

const struct kind aspect_kinds[ASPECT_N] = {ASPECTS(X_ROW)};
const struct kind event_kinds[EVENT_N] = {EVENT_TYPES(X_ROW)};
const struct kind severity_kinds[SEV_N] = {SEVERITIES(X_ROW)};
const struct kind gap_kinds[GAP_N] = {GAP_CAUSES(X_ROW)};
const struct kind origin_kinds[ORIGIN_N] = {ORIGINS(X_ROW)};
const struct kind target_kinds[TARGET_KIND_N] = {TARGET_KINDS(X_ROW)};
const struct kind state_kinds[STATE_N] = {TARGET_STATES(X_ROW)};
const struct kind file_kinds[FILE_N] = {FILE_TYPES(X_ROW)};
const struct kind level_kinds[LEVEL_N] = {LEVELS(X_ROW)};
const struct kind flood_states[FLOOD_STATE_N] = {FLOOD_STATES(X_ROW)};
const struct kind verdict_kinds[VERDICT_N] = {VERDICTS(X_ROW)};
const struct kind verdict_hows[VERDICT_HOW_N] = {VERDICT_HOWS(X_ROW)};
const struct kind signed_kinds[SIGNED_N] = {SIGNEDS(X_ROW)};

int kind_find(const struct kind *table, int n, struct span name)
{
	for (int i = 0; i < n; i++)
		if (span_is(name, table[i].name))
			return i;
	return -1;
}
