/* held.h - a maintenance window as the JSON object that its events and answers carry. */
#pragma once

#include "base/json.h"
#include "base/sha.h"
#include "model/hold.h"

struct show_hold_target {
	uint32_t no;
	struct span id, name;
	const uint8_t *drift_id; /* SHA_LEN; NULL: not known */
};
struct show_hold {
	const struct hold *hold;
	int64_t to;   /* wall: when it ended, or is to */
	bool counted; /* with what was held, by severity */
	bool listed;  /* with the paths, the worst first, and their targets */
	bool own;     /* opened by command for one target: targets[0] is that one */
	const struct show_hold_target *targets;
	size_t n_targets;
};
void show_hold(struct json *j, const struct show_hold *h);
/* Of a change that is held: by which window, and what it would have been. */
void show_held(struct json *j, struct span name, enum severity severity);
