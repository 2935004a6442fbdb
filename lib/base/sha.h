/* sha.h - SHA-256 by OpenSSL's EVP, an MD5 or SHA-1 beside it where a package's digest is one, and SHAKE256 for the drift set's digest. The only caller of
 * OpenSSL's digests. One struct sha per thread; it is reused without a new fetch. */
#pragma once

#include "base/span.h"

#define SHA_LEN 32
struct sha;

int sha_new(struct sha **ret);
void sha_free(struct sha *s);
int sha_begin(struct sha *s);
int sha_feed(struct sha *s, const void *p, size_t n);
int sha_end(struct sha *s, uint8_t ret[SHA_LEN]);
/* From the next sha_begin() on the MD5 of the same bytes as well, or no more. -ENOTSUP: there is none. */
#define SHA_MD5_LEN 16
int sha_also_md5(struct sha *s, bool on);
/* That of what sha_end() ended last; NULL: it was not asked for. */
const uint8_t *sha_md5(const struct sha *s);
/* The same with SHA-1, apart from MD5. */
#define SHA_SHA1_LEN 20
int sha_also_sha1(struct sha *s, bool on);
const uint8_t *sha_sha1(const struct sha *s);
/* The digest of what was fed so far; feeding goes on. */
int sha_peek(const struct sha *s, uint8_t ret[SHA_LEN]);

/* In one go, with a context of the calling thread's own. Cannot fail but for memory (aborts). */
void sha_once(struct span data, uint8_t ret[SHA_LEN]);
/* SHAKE256 of `data`, `n` bytes long. */
void sha_shake(struct span data, uint8_t *out, size_t n);
/* Constant time. */
bool sha_same(const uint8_t *a, const uint8_t *b);
