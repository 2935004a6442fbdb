/* covers.h - mounts inside a container that its runtime did not make, followed from look to look. On the
 * loop. */
#pragma once

#include "box/find.h"
#include "daemon/sensor/reg.h"

struct sensor;

/* Touches every path that is covered now and was not, or the other way round. */
void covers_follow(struct sensor *s, struct reg *r, const struct box *b);
void covers_free(struct reg *r);
