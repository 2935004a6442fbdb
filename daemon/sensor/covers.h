/* covers.h - mounts inside a container that its runtime did not make, and over parts of a tree of the
 * host, followed from look to look. On the loop. */
#pragma once

#include "box/find.h"
#include "daemon/sensor/reg.h"

struct sensor;

/* Touches every path that is covered now and was not, or the other way round. */
void covers_follow(struct sensor *s, struct reg *r, const struct box *b);
/* The same for volumes and host trees, by the host's own table. */
void covers_follow_trees(struct sensor *s);
void covers_free(struct reg *r);
