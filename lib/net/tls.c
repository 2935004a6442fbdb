/*
 * OpenSSL's side of it. A context belongs to one connection: the files are read anew at each, so a
 * renewed certificate needs no restart. Keys with a passphrase are refused instead of asking on a
 * terminal that a daemon does not have.
 */
#include "net/tls.h"
#include "base/err.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { DIGEST = 32 };
struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	bool pinned;
	uint8_t pin[DIGEST];
};

static bool given(const char *s)
{
	return s && s[0];
}

/* The first reason that OpenSSL has, and nothing of it is left behind for the next call. */
static int refuse(const char *what, const char *which)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;
	int r = err_set(-EPROTO, "%s%s%s: %s", what, which ? " " : "", which ? which : "",
		why ? why : "it does not work");

	ERR_clear_error();
	return r;
}

static int no_passphrase(char *room, int n, int writing, void *arg)
{
	(void)room;
	(void)n;
	(void)writing;
	(void)arg;
	return 0;
}

static int load_trust(SSL_CTX *ctx, const struct net_tls *o, bool pinned)
{
	X509_LOOKUP *look;

	if (given(o->ca)) {
		if (SSL_CTX_load_verify_file(ctx, o->ca) != 1)
			return refuse("tls: ca", o->ca);
	} else if (!pinned && SSL_CTX_set_default_verify_paths(ctx) != 1) {
		return refuse("tls: the system's authorities", NULL);
	}
	if (!given(o->crl))
		return 0;
	look = X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), X509_LOOKUP_file());
	if (!look || X509_load_crl_file(look, o->crl, X509_FILETYPE_PEM) <= 0)
		return refuse("tls: crl", o->crl);
	X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_CRL_CHECK);
	return 0;
}

static int load_own(SSL_CTX *ctx, const struct net_tls *o)
{
	if (!given(o->cert))
		return 0;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1)
		return refuse("tls: cert", o->cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
		return refuse("tls: key", o->key);
	return SSL_CTX_check_private_key(ctx) == 1 ? 0 : refuse("tls: cert and key", o->key);
}

static int expect_name(SSL *ssl, const char *name)
{
	unsigned char room[16];

	if (inet_pton(AF_INET, name, room) == 1 || inet_pton(AF_INET6, name, room) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
			       ? 0
			       : refuse("tls: the address", name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
		return refuse("tls: the name", name);
	return 0;
}

static int take_pin(struct tls *t, const char *text)
{
	struct span s = span_of(text);

	if (s.n == 0)
		return 0;
	t->pinned = true;
	if (!span_starts(s, span_of("sha256:")) ||
		text_unhex(span_make(s.p + 7, s.n - 7), t->pin, DIGEST) < 0)
		return err_set(-EINVAL, "tls: fingerprint: not sha256: and 64 hex digits");
	return 0;
}

static int prepare(struct tls *t, int fd, const char *host, const struct net_tls *o)
{
	int r = take_pin(t, o->fingerprint);
	bool chain = !t->pinned || given(o->ca);

	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx)
		return refuse("tls", NULL);
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(
		t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(t->ctx,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(t->ctx, chain ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (r == 0)
		r = load_trust(t->ctx, o, t->pinned);
	if (r == 0)
		r = load_own(t->ctx, o);
	if (r < 0)
		return r;
	t->ssl = SSL_new(t->ctx);
	if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1)
		return refuse("tls", NULL);
	SSL_set_connect_state(t->ssl);
	return chain ? expect_name(t->ssl, given(o->server_name) ? o->server_name : host) : 0;
}

int tls_new(struct tls **ret, int fd, const char *host, const struct net_tls *o)
{
	struct tls *t = calloc(1, sizeof(*t));
	int r;

	must(t);
	r = prepare(t, fd, host, o);
	if (r < 0)
		tls_free(t);
	else
		*ret = t;
	return r;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	free(t);
}

/* What a call's return means. */
static int judge(struct tls *t, int ret, const char *what)
{
	long verdict = SSL_get_verify_result(t->ssl);
	int error = SSL_get_error(t->ssl, ret), saved = errno;

	if (error == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	if (error == SSL_ERROR_ZERO_RETURN)
		return TLS_CLOSED;
	if (error == SSL_ERROR_SYSCALL && ERR_peek_last_error() == 0)
		return err_set(-ECONNRESET, "tls: %s: %s", what,
			saved ? strerror(saved) : "the receiver hung up");
	if (verdict != X509_V_OK) {
		ERR_clear_error();
		return err_set(-EPROTO, "tls: the receiver's certificate is refused: %s",
			X509_verify_cert_error_string(verdict));
	}
	return err_wrap(refuse(what, NULL), "tls");
}

static int check_pin(struct tls *t)
{
	X509 *cert = SSL_get1_peer_certificate(t->ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool same;

	if (!t->pinned) {
		X509_free(cert);
		return cert ? 0 : err_set(-EPROTO, "tls: the receiver showed no certificate");
	}
	same = cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == DIGEST &&
	       memcmp(digest, t->pin, DIGEST) == 0;
	X509_free(cert);
	return same ? 0
		    : err_set(-EPROTO, "tls: the receiver's certificate is refused: it is not the "
				       "one whose fingerprint is pinned");
}

int tls_handshake(struct tls *t)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(t->ssl);
	return n == 1 ? check_pin(t) : judge(t, n, "the handshake failed");
}

int tls_write(struct tls *t, struct span bytes, size_t *ret_n)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write_ex(t->ssl, bytes.p, bytes.n, ret_n);
	return n == 1 ? 0 : judge(t, n, "sending failed");
}

int tls_drain(struct tls *t)
{
	char room[4096];
	size_t n;
	int r;

	do {
		ERR_clear_error();
		errno = 0;
		r = SSL_read_ex(t->ssl, room, sizeof(room), &n);
	} while (r == 1);
	r = judge(t, r, "the connection broke");
	return r == TLS_WANT_READ || r == TLS_WANT_WRITE ? 0 : r;
}

void tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void tls_describe(const struct tls *t, struct buf *out)
{
	buf_printf(out, "%s, %s", SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
}
