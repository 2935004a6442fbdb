/*
 * look.h - one look at one object: stat, link target, xattrs, flags and overlay marks -> a record.
 *
 * Opens nothing that could block: the object is pinned by an O_PATH fd, and only what fstat on that
 * says is a regular file or a directory is opened for reading (needs /proc). Any thread.
 */
#pragma once

#include "base/fd.h"
#include "fs/marks.h"
#include "model/record.h"

struct look {
	struct record rec; /* has_sha false; spans point into `mem` */
	struct buf mem;
	uint64_t dev, ino, nlink;
	int64_t ctime, btime; /* wall ns */
	/* overlay.origin as it stands in the xattr (a file handle), else empty; points into mem */
	struct span origin;
	bool mount_root;   /* a mount covers the name: this is its root, not what is below it */
	bool xattr_failed; /* listing or reading xattrs was refused: the record is not whole */
};
void look_free(struct look *l);
#define LOOK CLEANUP(look_free)

enum { LOOK_ABSENT = 1 };
/* Looks at `name` in the directory `dir_fd` (O_PATH or readable). Reuses ret's memory. For the
 * directory itself use name "" (AT_EMPTY_PATH). LOOK_ABSENT when it is not there (any more), and for
 * names that no directory can hold ("..", "a/b"). A regular file with an xattr whiteout has
 * OVL_WHITEOUT and its real type: whether it counts depends on where it lies (see view.h). */
int look_at(int dir_fd, struct span name, enum look_marks marks, struct look *ret);
/* The same for what a listing said is a regular file in a tree that nobody hostile writes into (an
 * image's layer): one open serves the look and the hashing that follows. Never for an upper tree: a
 * name may turn into a device between listing and open. LOOK_ABSENT: use look_at(); negative: it could not be
 * opened or read, which says nothing about what is there. */
int look_open(int dir_fd, struct span name, enum look_marks marks, struct look *ret, int *ret_fd);
/* Are all the stat fields that betray a write the same? (size, mtime, ctime, ino, dev) */
bool look_same_stat(const struct look *a, const struct look *b);

/* A directory's names in byte order, without "." and "..". `types` are DT_*, DT_UNKNOWN resolved.
 * -EFBIG beyond `limit` names. Owns its memory. */
struct names {
	struct buf mem;
	struct name {
		uint64_t ino; /* as the listing has it; 0 where names come from elsewhere */
		uint32_t off;
		uint16_t len;
		uint8_t type;
	} * v;
	size_t n, cap;
};
int names_read(int dir_fd, size_t limit, struct names *ret); /* adds to what is there, unsorted */
int names_add(struct names *ns, struct span name, uint8_t type);
void names_sort(struct names *ns); /* and drops duplicates */
static inline struct span names_at(const struct names *ns, size_t i)
{
	return span_make(ns->mem.p + ns->v[i].off, ns->v[i].len);
}
void names_free(struct names *ns);
#define NAMES CLEANUP(names_free)
