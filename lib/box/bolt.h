/*
 * bolt.h - the one-file databases that containerd keeps (bbolt): buckets in buckets, read without the library.
 *
 * Read while it is written: a file has two meta pages, the valid one with the higher transaction is where all begins,
 * and nothing that it leads to is written anew until the next transaction has ended. bolt_held() says at the end
 * whether none has; who gets no begins again. Any bytes do: checksums, places, depths, sizes and the number of
 * pages are bounded. One thread at a time.
 */
#pragma once

#include "base/buf.h"

struct bolt;
/* -ENOENT and other errors of open(2); -EBADMSG: no valid meta page. */
int bolt_open(const char *path, struct bolt **ret);
void bolt_free(struct bolt *b);
static inline void bolt_free_p(struct bolt **b)
{
	bolt_free(*b);
}
#define BOLT CLEANUP(bolt_free_p)
/* Is the transaction that it was opened at still the last one? */
bool bolt_held(const struct bolt *b);

enum { BOLT_ABSENT = 1, BOLT_VALUE_MAX = 16 << 20 };
/* The value at the end of a path of names: buckets, then a key. NULL ends it. BOLT_ABSENT; -EBADMSG with a sentence. */
int bolt_get(struct bolt *b, const char *const *path, struct buf *ret);
/* Every key in the bucket at the end of a path, in order of bytes; a bucket has no value. Ends with the first that is
 * not 0, and returns that. `in`: for bolt_in(), within the call. */
struct bolt_bucket;
int bolt_each(struct bolt *b, const char *const *path,
	int (*each)(void *arg, struct span key, struct span value, const struct bolt_bucket *in),
	void *arg);
/* A value in a bucket that bolt_each() came by. */
int bolt_in(struct bolt *b, const struct bolt_bucket *in, const char *key, struct buf *ret);
