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
#include "golden/golden.h"

/* Writes the file, without signatures. Sets canon, n_records and n_bytes of each layer, n_accepts, root and digest. -EINVAL:
 * lists out of order. */
int golden_write(struct golden *g, bool pack, struct buf *out);

/* Does it begin as such a file does? Whether it is whole says golden_read(). */
bool golden_is_one(struct span file);

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
