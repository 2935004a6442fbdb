/* A fetch looks an algorithm up under locks: done once per context, not once per file. */
#include "base/sha.h"
#include "base/err.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

/* An older digest of the same bytes. */
enum older { OLDER_MD5, OLDER_SHA1, OLDER_N };
struct beside {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	bool also, known;
	uint8_t last[SHA_SHA1_LEN];
};
struct sha {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	struct beside older[OLDER_N];
};

static void ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void md_free(EVP_MD **md)
{
	EVP_MD_free(*md);
}

int sha_new(struct sha **ret)
{
	struct sha *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(-ENOMEM, "no memory for a digest");
	s->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->ctx = EVP_MD_CTX_new();
	if (!s->md || !s->ctx) {
		sha_free(s);
		return err_set(-ENOTSUP, "OpenSSL offers no SHA-256");
	}
	*ret = s;
	return 0;
}

void sha_free(struct sha *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->md);
	for (int i = 0; i < OLDER_N; i++) {
		EVP_MD_CTX_free(s->older[i].ctx);
		EVP_MD_free(s->older[i].md);
	}
	free(s);
}

static int outcome(int ok)
{
	return ok == 1 ? 0 : err_set(-EIO, "OpenSSL failed to digest");
}

static int also(struct beside *b, const char *name, bool on)
{
	b->also = false;
	if (on && !b->md)
		b->md = EVP_MD_fetch(NULL, name, NULL);
	if (on && !b->ctx)
		b->ctx = EVP_MD_CTX_new();
	if (on && (!b->md || !b->ctx))
		return err_set(-ENOTSUP, "OpenSSL offers no %s", name);
	b->also = on;
	return 0;
}

int sha_also_md5(struct sha *s, bool on)
{
	return also(&s->older[OLDER_MD5], "MD5", on);
}

int sha_also_sha1(struct sha *s, bool on)
{
	return also(&s->older[OLDER_SHA1], "SHA1", on);
}

const uint8_t *sha_md5(const struct sha *s)
{
	return s->older[OLDER_MD5].known ? s->older[OLDER_MD5].last : NULL;
}

const uint8_t *sha_sha1(const struct sha *s)
{
	return s->older[OLDER_SHA1].known ? s->older[OLDER_SHA1].last : NULL;
}

int sha_begin(struct sha *s)
{
	for (int i = 0; i < OLDER_N; i++) {
		struct beside *b = &s->older[i];

		b->known = false;
		if (b->also && EVP_DigestInit_ex2(b->ctx, b->md, NULL) != 1)
			return outcome(0);
	}
	return outcome(EVP_DigestInit_ex2(s->ctx, s->md, NULL));
}

int sha_feed(struct sha *s, const void *p, size_t n)
{
	for (int i = 0; i < OLDER_N; i++)
		if (s->older[i].also && EVP_DigestUpdate(s->older[i].ctx, p, n) != 1)
			return outcome(0);
	return outcome(EVP_DigestUpdate(s->ctx, p, n));
}

int sha_end(struct sha *s, uint8_t ret[SHA_LEN])
{
	unsigned int n = SHA_LEN, m;

	for (int i = 0; i < OLDER_N; i++) {
		struct beside *b = &s->older[i];

		m = sizeof(b->last);
		if (b->also && EVP_DigestFinal_ex(b->ctx, b->last, &m) != 1)
			return outcome(0);
		b->known = b->also;
	}
	return outcome(EVP_DigestFinal_ex(s->ctx, ret, &n));
}

int sha_peek(const struct sha *s, uint8_t ret[SHA_LEN])
{
	CLEANUP(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int n = SHA_LEN;

	if (!ctx)
		return err_set(-ENOMEM, "no memory for a digest");
	return outcome(
		EVP_MD_CTX_copy_ex(ctx, s->ctx) == 1 && EVP_DigestFinal_ex(ctx, ret, &n) == 1);
}

void sha_once(struct span data, uint8_t ret[SHA_LEN])
{
	must(EVP_Q_digest(NULL, "SHA256", NULL, data.p, data.n, ret, NULL) == 1);
}

void sha_shake(struct span data, uint8_t *out, size_t n)
{
	CLEANUP(md_free) EVP_MD *md = EVP_MD_fetch(NULL, "SHAKE256", NULL);
	CLEANUP(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(md && ctx);
	must(EVP_DigestInit_ex2(ctx, md, NULL) == 1);
	must(EVP_DigestUpdate(ctx, data.p, data.n) == 1);
	must(EVP_DigestFinalXOF(ctx, out, n) == 1);
}

bool sha_same(const uint8_t *a, const uint8_t *b)
{
	return CRYPTO_memcmp(a, b, SHA_LEN) == 0;
}
