/*
 * refuse.h - which trees are not kept as volumes: those that the configuration leaves out, and those
 * that hold containers. A cAdvisor mounts an engine's whole data root: every change in any container
 * would be one in its volume too. Runs on the loop.
 */
#pragma once

#include "box/find.h"
#include "daemon/sensor/reg.h"

struct sensor;

/* Before each look at volumes: learns where engines keep theirs, and forgets what was not met again. */
void refuse_begin(struct sensor *s);
/* Is this mount not to be kept? What holds containers is told, once in the log. */
bool refuse_mount(struct sensor *s, const struct box *b, const struct box_mount *m);
/* Is what is kept, or was stored, a volume no more? The descriptor counts, not whether anybody mounts it. */
bool refuse_kept(struct sensor *s, const struct target *t);
