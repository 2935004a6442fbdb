/*
 * layer.h - a layer's archive, as a stream, into its list of records (file.h) with the digest of each file, its diff_id and its
 * canonical digest. In memory: some hundred bytes an entry. No file.
 */
#pragma once

#include "golden/file.h"
#include "image/tar.h"

struct layer_build;
int layer_build_new(struct layer_build **ret);
void layer_build_free(struct layer_build *b);
static inline void layer_build_free_p(struct layer_build **b)
{
	layer_build_free(*b);
}
#define LAYER_BUILD CLEANUP(layer_build_free_p)

/* The next bytes of the archive, unpacked. -EBADMSG, -ENOTSUP, -EFBIG with a sentence; then no more. */
int layer_build_feed(struct layer_build *b, struct span bytes);
/* After the last byte. Hard links get what they are names of, directories that nothing but a path tells of are made
 * (OVL_IMPLIED). Appends to `records`; `ret->records` is left for the caller to set. -EBADMSG: it cannot be unpacked: a path
 * twice, a link to what is not there before it, something below what is no directory. */
int layer_build_end(struct layer_build *b, struct buf *records, struct golden_layer *ret);

/* The same without an archive: entries as tar.h has them, content already hashed. For plain trees. */
int layer_build_add(struct layer_build *b, const struct tar_entry *e, const uint8_t *sha);
