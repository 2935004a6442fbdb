/*
 * xattrs.h - the extended attributes of one object: told apart into the overlay's own markers and
 * ordinary ones. Inside of lib/fs; look_at() is what others call.
 */
#pragma once

#include "fs/marks.h"
#include "model/record.h"

enum {
	XATTRS_LIST_MAX = 65536, /* the kernel's own limits */
	XATTRS_VALUE_MAX = 65536,
	XATTRS_COUNT_MAX = 1024, /* ours, per object */
	XATTRS_TOTAL_MAX = 4 << 20,
};

/* Where to read: an open fd, or a path when fd < 0. */
struct xattrs_at {
	int fd;
	const char *path;
};
/* A piece of `mem` that may still move. */
struct part {
	size_t off, n;
};
struct xattrs_found {
	uint32_t ovl;	/* OVL_*, whatever the object's type is */
	uint32_t flags; /* FLAG_* that overlayfs keeps in a marker */
	struct part redirect, origin, list;
	bool failed; /* refused, too large, or it would not hold still */
};
/* Appends to `mem`. -ENOMEM is the only failure. */
int xattrs_read(const struct xattrs_at *at, enum look_marks marks, struct buf *mem,
	struct xattrs_found *ret);
