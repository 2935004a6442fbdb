/*
 * canon.h - one digest of a layer that its archive and every disk it was unpacked to agree on.
 *
 * A snapshot's root digest holds what hosts add. This one holds what the image says and engines keep: SHA-256 over the
 * entries, sorted by the bytes of their paths ('/' is lowest, so that a directory is followed by what is in it), each
 *   path | type | mode & 07777 | uid | gid | size | mtime | link | device | xattrs | SHA-256 of the content
 * Left out, each because engines and archives differ in it, or may:
 *   the root directory's own record         (podman: 0555; docker: 0755; archives often have none)
 *   times of directories                    (set again by whatever is made in them)
 *   what engines make directories of that only a path tells of: they count as 0755 of 0:0 (Docker 20.10
 *   and Podman 4.3 make them so; OVL_IMPLIED says it of those that are otherwise)
 *   nanoseconds of times                    (archives without PAX have whole seconds)
 *   times before 1970 count as 1970         (engines clamp them)
 *   modes of symbolic links                 (the kernel has none)
 *   chattr flags                            (archives have none)
 *   security.selinux, *.overlay.*           (the host's)
 *   attributes without a value              (containerd makes what an archive has of them, others do not)
 * A whiteout is its path and that it is one; of an opaque directory the mark counts beside what it is itself. All names of
 * a hard link have what the last of their headers says, as engines write it to the one file that they are.
 */
#pragma once

#include "base/sha.h"
#include "model/record.h"

/* The order of paths, as strcmp() but that '/' is lowest. */
int canon_path_cmp(struct span a, struct span b);

struct canon;
int canon_new(struct canon **ret);
void canon_free(struct canon *c);
static inline void canon_free_p(struct canon **c)
{
	canon_free(*c);
}
#define CANON CLEANUP(canon_free_p)

/* In any order; copies what it needs (a path and 32 bytes an entry). `path` without slashes around it; of the root ("") only
 * its being opaque counts. Takes records of snapshots as they are: OVL_WHITEOUT, OVL_OPAQUE, OVL_IMPLIED; xattr whiteouts count as
 * whiteouts. -EINVAL for a record that record_encode() would refuse. */
int canon_add(struct canon *c, struct span path, const struct record *rec);
/* -EEXIST with a sentence: a path that was added twice. Afterwards only canon_free(). */
int canon_end(struct canon *c, uint8_t ret[SHA_LEN]);

/* The whole image: SHA-256 over (diff_id, canon) of all layers, bottom first, and the digest of what was accepted on top
 * (SHA-256 over its (path, record) in order of bytes; NULL: nothing was, the same as an image's). */
struct canon_layer {
	uint8_t diff_id[SHA_LEN], canon[SHA_LEN];
};
void canon_root(
	const struct canon_layer *layers, size_t n, const uint8_t *accepts, uint8_t ret[SHA_LEN]);
