/* Takes the place of OpenSSL's own verification, which it calls where that is wanted too. */
#include "net/pin.h"
#include "base/err.h"
#include "base/text.h"
#include <openssl/ssl.h>
#include <openssl/x509.h>

int net_pin_parse(struct net_pin *p, const char *text, bool chain)
{
	struct span s = span_of(text);

	p->chain = chain;
	if (!span_starts(s, span_of("sha256:")) ||
		text_unhex(span_make(s.p + 7, s.n - 7), p->digest, sizeof(p->digest)) < 0)
		return err_set(-EINVAL, "tls: fingerprint: not sha256: and 64 hex digits");
	return 0;
}

static bool is_pinned(X509 *cert, const struct net_pin *p)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	return cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == sizeof(p->digest) &&
	       memcmp(digest, p->digest, n) == 0;
}

static int verify(X509_STORE_CTX *x, void *pin)
{
	const struct net_pin *p = pin;

	if (p->chain && X509_verify_cert(x) <= 0)
		return 0;
	if (!is_pinned(X509_STORE_CTX_get0_cert(x), p)) {
		X509_STORE_CTX_set_error(x, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

void net_pin_demand(void *ssl_ctx, const struct net_pin *p)
{
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify, (void *)(uintptr_t)p);
}
