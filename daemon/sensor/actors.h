/* actors.h - who did it, encoded for the river. Asks the tracker, and encodes an answer once for as
 * long as it stays the same. Runs on the loop. */
#pragma once

#include "base/buf.h"
#include "daemon/sensor/tracker.h"

struct actors;
int actors_new(struct actors **ret, struct tracker *tracker);
void actors_free(struct actors *a);
/* The encoded actor of `pid` for an event that came after `since` and was read from the kernel at
 * `read_at` (monotonic); lives until the next call. Never empty: what is not known says why. */
struct span actors_of(struct actors *a, int pid, int64_t since, int64_t read_at);
