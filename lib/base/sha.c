/* A fetch looks an algorithm up under locks: done once per context, not once per file. */
#include "base/sha.h"
#include "base/err.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct sha {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
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
	free(s);
}

static int outcome(int ok)
{
	return ok == 1 ? 0 : err_set(-EIO, "OpenSSL failed to digest");
}

int sha_begin(struct sha *s)
{
	return outcome(EVP_DigestInit_ex2(s->ctx, s->md, NULL));
}

int sha_feed(struct sha *s, const void *p, size_t n)
{
	return outcome(EVP_DigestUpdate(s->ctx, p, n));
}

int sha_end(struct sha *s, uint8_t ret[SHA_LEN])
{
	unsigned int n = SHA_LEN;

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
