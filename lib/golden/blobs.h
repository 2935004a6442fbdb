/*
 * blobs.h - the pieces that an image is shipped in, by name: documents (JSON) as they are, layers as what they consist of, since
 * an archive can be read but once and says what is what at its end. Inside of lib/golden.
 */
#pragma once

#include "golden/layer.h"

struct blob {
	struct span name;     /* path in the archive or layout */
	struct span link;     /* another name of what is there; empty: it is itself */
	uint8_t sha[SHA_LEN]; /* of its bytes as they lie there */
	bool is_json;
	struct buf json;
	struct buf why; /* why it is no layer; empty: it is one */
	struct buf records;
	struct golden_layer layer;
};
struct blobs {
	struct arena mem;
	struct blob **v;
	size_t n;
	int dir_fd; /* of a layout in a directory, where blobs are read as they are asked for; else -1 */
};
#define BLOBS CLEANUP(blobs_fini)
void blobs_fini(struct blobs *b);
/* All that is in the archive that `fd` is at the beginning of; it may be packed. */
int blobs_read_archive(struct blobs *b, int fd);
/* By name, links followed. NULL with a sentence: it is not there. */
struct blob *blobs_find(struct blobs *b, struct span name);
/* A document, a layer. -EBADMSG when it is none. */
int blob_json(const struct blob *b, struct span *ret);
int blob_layer(const struct blob *b, const struct golden_layer **ret);
