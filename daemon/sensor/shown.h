/* shown.h - one name of a layer, as a container has it by its overlay: mounted.h has the idea. Any thread. */
#pragma once

#include "daemon/sensor/kept.h"
#include <sys/stat.h>

/* The root of the overlay that the container has. -1: none, or not ours: its root is of another upper directory than
 * is kept. Close it soon: it holds the mount. */
int mounted_open(const struct kept *k, struct stat *ret);
/* With several file systems, the overlay's numbers are made up. */
bool mounted_on_one_fs(const struct kept *k);
/* Its layer `i` has it at the very same place, and by its own inode. */
bool mounted_is_plain(const struct kept *k, size_t i, const struct hit *h, struct span rel);
enum { MOUNTED_SAME, MOUNTED_OTHER, MOUNTED_UNSURE };
/* What the overlay has at `rel`, against the layer's; whether that is the one to be seen there is another question. */
int mounted_compare(int overlay, dev_t overlay_dev, const struct lower *l, struct span rel);
/* All of it: has the container another object at this name, found in its layer `i`, than lies there? */
bool mounted_other(const struct kept *k, size_t i, const struct hit *now, struct span path);
