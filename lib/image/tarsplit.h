/*
 * tarsplit.h - what containers/storage and Docker keep of a layer's archive: lines of JSON that say which bytes stood
 * between the contents of files, so that the archive can be put together again, and its digest with it.
 *
 * The lines come gunzipped (unpack.h). Fast: a line of the one shape that is written is scanned in place; another
 * order of members is read too, and anything else is an error. Bounded: a line of TARSPLIT_LINE_MAX bytes. Any bytes do.
 */
#pragma once

#include "base/buf.h"

enum { TARSPLIT_LINE_MAX = 4 << 20 };
struct tarsplit_item {
	bool file;	   /* a file's content stands here; else `bytes` do */
	struct span bytes; /* raw: for TAR_HEADERS of tar.h, and for the archive's digest */
	struct span name;  /* of the file, as the archive has it */
	uint64_t size;	   /* of the file's content; of `bytes` */
	bool has_crc;	   /* only where there is content */
	uint64_t crc;
};
struct tarsplit;
int tarsplit_new(struct tarsplit **ret);
void tarsplit_free(struct tarsplit *t);
static inline void tarsplit_free_p(struct tarsplit **t)
{
	tarsplit_free(*t);
}
#define TARSPLIT CLEANUP(tarsplit_free_p)

/* Takes bytes off the front of `in`. Spans live until the next step or change of what `in` points to. -EBADMSG. */
enum { TARSPLIT_MORE = 1, TARSPLIT_ITEM };
int tarsplit_step(struct tarsplit *t, struct span *in, struct tarsplit_item *ret);
/* After the last byte: a last line without its end is -EBADMSG. */
int tarsplit_end(const struct tarsplit *t);

/* CRC-64 of ISO 3309 as Go has it, to be fed on: start with 0. Of contents; no proof, only a name for what differs. */
uint64_t tarsplit_crc(uint64_t crc, const void *p, size_t n);
