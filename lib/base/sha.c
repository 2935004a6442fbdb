/* A fetch looks an algorithm up under locks: done once per context, not once per file. */
#include "base/sha.h"
#include "base/err.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct sha {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	EVP_MD *md5;
	EVP_MD_CTX *ctx5;
	bool also, has_md5;
	uint8_t last5[SHA_MD5_LEN];
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
	EVP_MD_CTX_free(s->ctx5);
	EVP_MD_free(s->md5);
	free(s);
}

static int outcome(int ok)
{
	return ok == 1 ? 0 : err_set(-EIO, "OpenSSL failed to digest");
}

int sha_also_md5(struct sha *s, bool on)
{
	s->also = false;
	if (on && !s->md5)
		s->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	if (on && !s->ctx5)
		s->ctx5 = EVP_MD_CTX_new();
	if (on && (!s->md5 || !s->ctx5))
		return err_set(-ENOTSUP, "OpenSSL offers no MD5");
	s->also = on;
	return 0;
}

const uint8_t *sha_md5(const struct sha *s)
{
	return s->has_md5 ? s->last5 : NULL;
}

int sha_begin(struct sha *s)
{
	s->has_md5 = false;
	if (s->also && EVP_DigestInit_ex2(s->ctx5, s->md5, NULL) != 1)
		return outcome(0);
	return outcome(EVP_DigestInit_ex2(s->ctx, s->md, NULL));
}

int sha_feed(struct sha *s, const void *p, size_t n)
{
	if (s->also && EVP_DigestUpdate(s->ctx5, p, n) != 1)
		return outcome(0);
	return outcome(EVP_DigestUpdate(s->ctx, p, n));
}

int sha_end(struct sha *s, uint8_t ret[SHA_LEN])
{
	unsigned int n = SHA_LEN, n5 = SHA_MD5_LEN;

	if (s->also && EVP_DigestFinal_ex(s->ctx5, s->last5, &n5) != 1)
		return outcome(0);
	s->has_md5 = s->also;
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
