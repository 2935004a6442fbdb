/*
 * outside.h - what other programs say of a daemon that does not answer: boltseald --check-config, and the
 * service manager of the units. Their words go into the findings of boltseal_examine(). No shell, no
 * search along PATH, and each has a few seconds.
 */
#pragma once

#include "cli/ask.h"

void outside_ask(json_t *findings);
