/*
 * hostset.h - what of the host itself is kept when nobody configured it: its programs, libraries,
 * configuration and boot files, what runs by itself, engines' binaries and package databases. Two tables
 * of paths and one question; no file, no clock. Any thread.
 */
#pragma once

#include "base/buf.h"

/* Is what lies at `path` below the tree at `upper` (both absolute) none of it? A directory that leads
 * to what is kept is kept as well, so that what appears is seen. */
bool hostset_leaves_out(struct span upper, struct span path);
/* May what a disk's file system shows at `point` be a part of it: a directory in it or above? Those that
 * a network or memory holds never are. */
bool hostset_is_mount(struct span point, struct span fs_type);

/* The tables, for the manual and tests: NULL-terminated; stars do not take a slash. */
extern const char *const hostset_kept[], *const hostset_left_out[];
