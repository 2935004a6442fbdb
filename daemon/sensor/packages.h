/*
 * packages.h - reading the package databases of a system: dpkg's text files, rpm's sqlite file. The formats
 * are lib/pkg's. Nothing is followed out of the root, and what is broken is passed over: a package less.
 * Any thread, one at a time for each root.
 */
#pragma once

#include "base/buf.h"
#include "model/package.h"
#include <stdatomic.h>

struct packages_hear {
	/* What comes next is of this package. */
	void (*package)(void *ctx, struct span manager, struct span name, struct span version,
		struct span arch);
	/* `path`: as it lies there, with links of /bin and the like resolved and diversions honoured. */
	void (*file)(void *ctx, struct span path, enum package_digest kind, const uint8_t *digest,
		bool config);
	void *ctx;
	const atomic_bool *stop; /* NULL: none */
};
/* How many databases were read. What could not be is added to `words`, a sentence each. */
unsigned packages_read(int root_fd, const struct packages_hear *hear, struct buf *words);
/* Is one there that could be read? */
bool packages_are_in(int root_fd);
/* Bytes that are others when a database has been written to. */
void packages_sign(int root_fd, struct buf *out);
