/* containerd.h - a container in containerd's own database: its image's name, and the configuration that name leads to. */
#pragma once

#include "base/buf.h"

struct containerd_box {
	struct buf image;
	struct buf config; /* 64 hex digits; empty: not to be told */
};
void containerd_box_free(struct containerd_box *c);
/* `upper`: the container's own snapshot; `space`: its namespace. Empty where the database does not tell. The name may
 * have moved on to another image since: the configuration is told only where its layers are those that the snapshot
 * is on top of. */
void containerd_box_find(
	struct span upper, struct span space, struct span id, struct containerd_box *ret);
