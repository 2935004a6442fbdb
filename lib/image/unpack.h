/*
 * unpack.h - gzip, zstd, or plain bytes, told by how they begin. Bytes in, bytes out; no file.
 *
 * Members of gzip and frames of zstd may follow one another; zstd's skippable frames are passed over. Whatever else
 * stands behind, and an end before the end, are errors. Bounded: no more than `limit` bytes come out, zstd's window is at
 * most 128 MiB, as its own tool has it.
 */
#pragma once

#include "base/buf.h"

enum unpack_form { UNPACK_TELL, UNPACK_PLAIN, UNPACK_GZIP, UNPACK_ZSTD };
struct unpack;
/* UNPACK_TELL: by the first four bytes. */
int unpack_new(enum unpack_form form, uint64_t limit, struct unpack **ret);
void unpack_free(struct unpack *u);
static inline void unpack_free_p(struct unpack **u)
{
	unpack_free(*u);
}
#define UNPACK CLEANUP(unpack_free_p)

/* Takes bytes off the front of `in`, until there is a piece of what they are (UNPACK_OUT: `out` lives until the next
 * step; call again, with what is left of `in`, also when that is nothing) or `in` is used up (UNPACK_MORE).
 * -EBADMSG, -EFBIG (beyond the limit), -ENOMEM. */
enum { UNPACK_MORE = 1, UNPACK_OUT };
int unpack_step(struct unpack *u, struct span *in, struct span *out);
/* After the last byte and the last UNPACK_MORE: -EBADMSG when it is cut off. */
int unpack_end(const struct unpack *u);
/* What it was told to be; UNPACK_TELL as long as that is not known. */
enum unpack_form unpack_form(const struct unpack *u);
/* All of `packed` at once. */
int unpack_all(struct span packed, uint64_t limit, struct buf *out);
