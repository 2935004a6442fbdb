/*
 * tar.h - an archive's entries: ustar, GNU's long names and base-256 numbers, PAX. Bytes in, entries out; no file.
 *
 * One reader for two streams: a whole archive, whose content comes as pieces, and headers alone, as the segments of
 * tar-split are, where content lies elsewhere (TAR_HEADERS): there an entry is followed at once by its padding. The
 * rules of what counts are those of what engines unpack with: a later PAX record beats an earlier one and the header,
 * links and devices have no content whatever their header says, global headers mean nothing, and of
 * attributes SCHILY.xattr.* are taken and LIBARCHIVE.xattr.* are not.
 *
 * Bounded: a PAX header of TAR_PAX_MAX bytes, paths and links of TAR_PATH_MAX, TAR_XATTRS_MAX attributes. Any bytes do.
 */
#pragma once

#include "image/tar_limits.h"
#include "model/record.h"

enum { TAR_BLOCK = 512 };
enum tar_kind { TAR_WHOLE, TAR_HEADERS };

/* What an entry says of its directory instead of being a file. */
enum tar_mark {
	TAR_FILE,
	TAR_WHITEOUT, /* ".wh.NAME": `path` is what is deleted, that is with NAME */
	TAR_OPAQUE,   /* ".wh..wh..opq": `path` is the directory that hides what is below it */
	TAR_NOTHING,  /* a global header, ".wh..wh.*" of aufs: `path` is what it is called */
};
struct tar_entry {
	struct span name; /* as the archive has it: what tar-split calls it */
	struct span path; /* without "./", leading and trailing slashes; empty: the root itself */
	enum tar_mark mark;
	bool hard; /* a hard link: `link` is the path of what it is a name of, written as `path` is */
	uint64_t size; /* of the content; 0 for what has none */
	/* type, mode, uid, gid, size, mtime (ns), rdev, xattrs (as record_encode() takes them, without the overlay's own
	 * and security.selinux), link of a symbolic link (as it is) - has_sha false, ovl 0. Of a hard link what its own
	 * header says, type FILE_REG. Of a whiteout FILE_CHR 0:0 with OVL_WHITEOUT. */
	struct record rec;
	struct span link; /* of hard and symbolic links */
};

struct tar;
int tar_new(enum tar_kind kind, struct tar **ret);
/* Attributes without a value are told too: containerd makes them, Docker and containers/storage do not. */
void tar_keep_empty(struct tar *t);
void tar_free(struct tar *t);
static inline void tar_free_p(struct tar **t)
{
	tar_free(*t);
}
#define TAR CLEANUP(tar_free_p)

/* Takes bytes off the front of `in`. Spans of an entry live until the next step; `data` borrows from `in`.
 * -EBADMSG with a sentence: broken, or out of bounds; -ENOTSUP: a kind of entry that no
 * engine unpacks, or holes left out. Then no more. */
enum {
	TAR_MORE = 1, /* `in` is used up */
	TAR_ENTRY,    /* `entry` is set */
	TAR_DATA,     /* TAR_WHOLE: `data` is the next piece of the last entry's content */
	TAR_DONE, /* TAR_WHOLE: the last entry's content is whole; comes for each entry, without content at once */
};
int tar_step(struct tar *t, struct span *in, struct tar_entry *entry, struct span *data);
/* After the last byte. 0, or -EBADMSG: it ends within an entry. Without the two blocks of zeros an archive ends where
 * its last entry does; what follows them is passed over, as everybody does. */
int tar_end(struct tar *t);

/* Is the path an order (".wh.")? Sets `mark`, for a whiteout `rec`, and cuts the path to what it is about. -EBADMSG. */
int tar_mark(struct buf *path, struct tar_entry *e);
/* `name` without "./", slashes in front, behind and twice, and "." parts. Appends. -EBADMSG: it has a "..", a NUL, or is
 * longer than TAR_PATH_MAX. */
int tar_path(struct span name, struct buf *out);
