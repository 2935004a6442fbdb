/*
 * build.h - a baseline from what an image is shipped as: an archive of `docker save` or `podman save`, an OCI layout (a
 * directory, or an archive of one), packed or not; or a plain tree of files. No daemon, no root, nothing is unpacked to disk.
 * Every digest that leads to a layer is checked: index, manifest, configuration, diff_ids.
 */
#pragma once

#include "golden/file.h"

struct golden_ask {
	const char *path;
	const char *
		image; /* which, where there are several: a name, or a digest of manifest or configuration; NULL */
	int64_t created; /* wall ns, for the header */
};
/* Appends the file to `out`. Failures have a sentence that names what of the archive it is about. */
int golden_build(const struct golden_ask *ask, struct buf *out);

/* What is in a file, for people and programs: JSON. */
void golden_show(const struct golden *g, struct buf *out);
