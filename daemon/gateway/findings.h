/* findings.h - the gateway's part of `boltseal doctor`: what it knows without the sensor. Findings
 * into an open array, on the loop. */
#pragma once

#include "wire/finding.h"

struct call;
struct txn;
/* Itself, the socket, the sinks, the rules' wording, and whether the sensor answers, of which version. */
void findings_self(struct call *c, struct json *j, bool sensor_answers, struct span sensor_version);
/* The store and what it says of targets. Negative: it cannot be read, and that is a finding already. */
int findings_store(struct call *c, struct json *j);
