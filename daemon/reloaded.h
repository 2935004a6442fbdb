/* reloaded.h - how the last reading of configuration and rules went, as each role remembers it. */
#pragma once

#include "base/json.h"

struct reloaded {
	int64_t tried, done; /* wall ns: the last reading, and the last that was taken */
	char *why; /* the last one failed: "file:line:column: what", or a sentence; else NULL */
};
/* `why` NULL: what was read is in force. */
void reloaded_now(struct reloaded *r, const char *why);
void reloaded_fini(struct reloaded *r);
/* {"column":…,"error":…,"file":…,"line":…,"ok":…,"since":…,"tried":…}; since: what is in force was read. */
void reloaded_show(struct json *j, const struct reloaded *r);
