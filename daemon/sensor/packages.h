/*
 * packages.h - reading the package databases of a system: dpkg's text files, those that distroless images
 * have in their place, apk's text file, rpm's sqlite file. The formats are lib/pkg's. What is broken is passed
 * over: a package less. From a root on disk nothing is followed out of it; an image's come by packages_from.
 * Any thread, one at a time for each root.
 */
#pragma once

#include "base/buf.h"
#include "fs/look.h"
#include "model/package.h"
#include <stdatomic.h>

struct packages_one {
	struct span manager, name, version, arch, source, licence, vendor;
};
struct packages_hear {
	/* What comes next is of this package. */
	void (*package)(void *ctx, const struct packages_one *p);
	/* `path`: as it lies there, with links of /bin and the like resolved and diversions honoured.
	 * `digest` NULL: the database has none. Nothing of what is no regular file, but for apk's links. */
	void (*file)(void *ctx, struct span path, enum package_digest kind, const uint8_t *digest,
		bool config);
	void *ctx;
	const atomic_bool *stop; /* NULL: none */
	/* At the end: what was not heard of may be a package's all the same. May be NULL. */
	void (*lost)(void *ctx);
};
/* How many databases were read. What could not be is added to `words`, a sentence each. */
unsigned packages_read(int root_fd, const struct packages_hear *hear, struct buf *words);

/* Where databases come from, if not from a root. Paths have no slash at the front. PACKAGES_ABSENT. */
enum { PACKAGES_ABSENT = 1 };
struct packages_from {
	int (*text)(void *ctx, const char *path, size_t limit, struct buf *out); /* all of it; of no
		file but a regular one */
	int (*names)(void *ctx, const char *dir, struct names *out);
	bool (*is_there)(void *ctx, const char *path); /* a file */
	int (*link)(void *ctx, const char *path, struct buf *out);
	void *ctx;
};
unsigned packages_read_from(
	const struct packages_from *from, const struct packages_hear *hear, struct buf *words);
/* Is it a file of a package database? The manager's name; NULL: no. `path` with its slash. */
const char *packages_database(struct span path);
/* The next place of one, or of its directory, that lies below the path; `*i` counts on, from 0. NULL: no more. */
const char *packages_place_below(struct span path, size_t *i, const char **ret_manager);

/* Is one there that could be read? */
bool packages_are_in(int root_fd);
/* Bytes that are others when a database has been written to. */
void packages_sign(int root_fd, struct buf *out);
