/* golden.h - what a baseline consists of: the image's layers and what was accepted on top, as lists of records. */
#pragma once

#include "golden/canon.h"

#define GOLDEN_SCHEMA "boltseal.baseline/1"
enum { GOLDEN_HEAD_MAX = 4 << 20, GOLDEN_LAYERS_MAX = 1024, GOLDEN_SIGNATURES_MAX = 64 };
#define GOLDEN_FILE_MAX (UINT64_C(512) << 20)
#define GOLDEN_RECORDS_MAX (UINT64_C(1) << 30)

struct golden_layer {
	uint8_t diff_id[SHA_LEN], canon[SHA_LEN];
	uint64_t n_records, n_bytes; /* bytes of content */
	struct span records;
};
struct golden_generation { /* what of the accepted is from which act */
	uint32_t no, uid;
	int64_t time;
	struct span reason;
};
/* Borrows from what it was made of; of golden_read() (file.h): from the file's bytes and from `mem`. */
struct golden {
	struct span name; /* the image's, as it was called; may be empty */
	struct span os, arch;
	bool has_image, has_manifest;
	uint8_t image[SHA_LEN];	   /* digest of the image's configuration; a plain tree has none */
	uint8_t manifest[SHA_LEN]; /* where it is known: `docker save` does not keep it */
	struct span host, target_id, target_name; /* of a live target's export; empty */
	uint32_t generation;			  /* the same; 0 */
	int64_t created;			  /* wall ns */
	struct golden_layer *layers;		  /* bottom first */
	size_t n_layers;
	struct golden_generation *generations;
	size_t n_generations;
	struct span accepts; /* a list; empty: nothing was accepted */
	uint64_t n_accepts;
	uint8_t root[SHA_LEN];	 /* canon_root() of the layers and the SHA-256 of `accepts` */
	uint8_t digest[SHA_LEN]; /* of the file: what signatures are of */
	struct span signatures;	 /* for golden_signature() */
	size_t n_signatures;
};

/* Lists. In order, as canon_path_cmp() has it; steps end with false at the end or at what is broken (at->bad). */
int golden_add(struct buf *list, struct span path, const struct record *rec);
bool golden_next(struct rd *at, struct span *path, struct record *rec);
struct golden_accept {
	struct span path;
	uint32_t generation;
	int64_t expires;
	bool absent;
	struct record rec;
};
int golden_accept_add(struct buf *list, const struct golden_accept *a);
bool golden_accept_next(struct rd *at, struct golden_accept *ret);
