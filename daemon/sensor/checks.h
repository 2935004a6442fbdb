/* checks.h - the sensor's part of `boltseal doctor`: findings into an open array. Runs on the loop,
 * reads a few small files, and keeps nothing. */
#pragma once

#include "wire/finding.h"

struct sensor;
void checks_kernel(struct sensor *s, struct json *j); /* what the probes found, and limits */
void checks_host(
	struct sensor *s, struct json *j); /* rights, files, engines, clock, the store's disk */
void checks_kept(struct sensor *s, struct json *j); /* levels, host trees, volumes */
/* Each round: does what waits for the ledger move? */
void checks_round(struct sensor *s);
