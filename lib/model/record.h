/*
 * record.h - all that is known of one file at one moment.
 *
 * A record is a view: its spans are borrowed from whatever it was decoded from or built on. To keep
 * one, keep its encoding (record_encode) and decode it again where it is needed. The encoding is
 * versioned, described in lib/store/FORMAT, and canonical: equal records have equal bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"
#include "model/kinds.h"

/* chattr flags that count (the ones overlayfs itself carries over on copy-up). */
enum { FLAG_IMMUTABLE = 1, FLAG_APPEND = 2, FLAG_NOATIME = 4, FLAG_SYNC = 8 };

/* Overlay marks found on the object in its layer. They steer lookups and are no attribute. */
enum {
	OVL_WHITEOUT = 1,   /* the name is deleted here: char 0:0, xattr whiteout, fuse marker */
	OVL_OPAQUE = 2,	    /* directory: lower layers are hidden */
	OVL_XWHITEOUTS = 4, /* directory: opaque="x", may hold xattr whiteouts */
	OVL_METACOPY = 8,   /* regular file: data is further down */
	OVL_IMPLIED = 16, /* directory: made on the way, the layer's archive has no header of it */
};

struct record {
	enum file_type type;
	uint32_t mode; /* 07777 */
	uint32_t uid, gid;
	uint64_t size; /* regular files: bytes; others 0 */
	int64_t mtime; /* wall ns */
	uint32_t rdev_major, rdev_minor;
	uint32_t flags; /* FLAG_* */
	bool has_sha;	/* regular files whose content was read to the end */
	uint8_t sha[SHA_LEN];
	struct span link;     /* target of a symbolic link */
	struct span xattrs;   /* encoded list, see xattr_next(); sorted by name */
	uint32_t ovl;	      /* OVL_*; in layer records only */
	struct span redirect; /* overlay redirect; in layer records only */
};

/* Appends; -EINVAL for a record that cannot be: type, mode or flags out of range, a size or hash on
 * what is no regular file, a link target on no link, a number on no device, a broken xattr list. */
int record_encode(const struct record *rec, struct buf *out);
/* `rec` borrows from `bytes`. -EBADMSG with a sentence on anything but a well-formed record. */
int record_decode(struct span bytes, struct record *rec);

/* The aspects in which two records of one path differ: bits (1u << ASPECT_x). Overlay marks do not
 * count. Content: both regular and sizes differ, or both have a hash and they differ, or exactly
 * one has a hash. A directory's mtime and size never count. */
uint32_t record_diff(const struct record *a, const struct record *b);
/* Two looks at a layer's file: archives have seconds, so a difference below one says nothing of the image, and
 * counts nowhere. `fresh` takes the older's then. */
void record_same_second(struct record *fresh, const struct record *old);
/* Do they steer lookups in different ways? OVL_IMPLIED is what an archive says; a disk has no such mark. */
static inline bool record_marks_differ(const struct record *a, const struct record *b)
{
	return (a->ovl ^ b->ovl) & ~(uint32_t)OVL_IMPLIED;
}

/* xattr lists: an encoding of (name, value) pairs sorted by name. Values over XATTR_KEEP bytes are
 * kept as "sha256:" + hex. */
enum { XATTR_KEEP = 256 };
struct xattr {
	struct span name, value;
};
/* Steps through a list: pass a rd_of(rec->xattrs). False at the end or on broken bytes. */
bool xattr_next(struct rd *at, struct xattr *ret);
/* In any order; the list stays sorted, a name that is there gets the new value. */
void xattr_add(struct buf *list, struct span name, struct span value);
