/* watch_walk.h - every directory at and below one, for those designs that need a mark on each. */
#pragma once

#include "base/buf.h"

struct watch_walker {
	void *ctx;
	/* Before the directory is read, so that what appears in it later is told by the mark.
	 * fd -1: nested so deep that the walk ends here. */
	int (*visit)(void *ctx, struct span below, int fd);
	bool (*skip)(void *ctx, struct span below); /* neither visited nor entered */
};
/* `root` is the root's path, `below` where to start. Does not cross mounts or follow links; what
 * is gone meanwhile is passed over. 0, or the first failure of visit; the walk ends with it. */
int watch_walk(const char *root, struct span below, const struct watch_walker *v);
/* The directory `below` opened for reading; 0 with *ret_fd, 1: not there (any more). */
int watch_walk_open(const char *root, struct span below, int *ret_fd);
/* "below/name" into `out`; either part may be empty. */
void watch_join(struct buf *out, struct span below, struct span name);
