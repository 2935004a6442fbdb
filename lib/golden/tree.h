/* tree.h - a plain tree of files as one layer. Inside of lib/golden. */
#pragma once

#include "golden/layer.h"

/* Reads everything below the directory `fd`; crosses mounts, follows no link. Its diff_id is its canonical digest: a tree
 * has no archive. Sockets are passed over, as in archives. */
int tree_read(int fd, struct buf *records, struct golden_layer *ret);
