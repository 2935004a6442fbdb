/*
 * file.h - a portable baseline: one file with what an image (or a live target) consists of, and who signed that.
 *
 *   "boltseal.baseline/1\n"
 *   BE32 length | header: JSON, canonical (RFC 8785)
 *   u8 1 where they are packed by zstd, else 0 | BE64 length | the records
 *   SHA-256 of all before it: what signatures are of
 *   any number of: BE32 length | signature, as trust/sign.h has it (domain SIGN_BASELINE)
 *
 * Records: of each layer, bottom first, and then of what was accepted on top, a list of its own. A list is sorted by
 * canon_path_cmp(), no path twice. Of a layer: bytes path | bytes record. Of what was accepted: bytes path | varint
 * generation | time (zigzag) until which it is accepted | bytes record, empty: that nothing is there.
 *
 * golden_read() believes nothing: layers' canonical digests and the root are computed again from the records, and what is cut
 * off, altered or longer than it should be is an error that says what. Signatures it only steps over: see golden_signature().
 */
#pragma once

#include "base/arena.h"
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
/* Borrows from what it was made of; of golden_read(): from the file's bytes and from `mem`. */
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

/* Writes the file, without signatures. Sets canon, n_records and n_bytes of each layer, n_accepts, root and digest. -EINVAL:
 * lists out of order. */
int golden_write(struct golden *g, bool pack, struct buf *out);

struct golden_mem {
	struct arena texts;
	struct buf records;
};
void golden_mem_free(struct golden_mem *m);
#define GOLDEN_MEM CLEANUP(golden_mem_free)
/* -EBADMSG, -EFBIG, -EPROTO (of a later version), with a sentence. */
int golden_read(struct span file, struct golden_mem *mem, struct golden *ret);

/* The next block of `at` (start with rd_of(g->signatures)), as signature_decode() takes it. */
bool golden_signature(struct rd *at, struct span *block);
/* Appends one to a file that golden_read() has read. -E2BIG. */
int golden_sign(const struct golden *g, struct span block, struct buf *file);
