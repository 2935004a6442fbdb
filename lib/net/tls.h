/* tls.h - the client's side of TLS on a connected, non-blocking socket. One thread. */
#pragma once

#include "base/buf.h"

struct net_tls { /* NULL or "": not given */
	const char *ca, *cert, *key, *crl;
	const char *server_name; /* the name that is verified; default: the host */
	const char *fingerprint; /* "sha256:HEX" */
};
struct tls;
/* How a step ended, beside 0 and negative: it waits for the socket. */
enum { TLS_WANT_READ = 1, TLS_WANT_WRITE = 2, TLS_CLOSED = 3 };

/* Reads the files; no byte is sent. `host`: for the name to verify where `o` has none. */
int tls_new(struct tls **ret, int fd, const char *host, const struct net_tls *o);
void tls_free(struct tls *t);	  /* takes NULL */
int tls_handshake(struct tls *t); /* 0: done, and the other side is who it should be */
int tls_write(struct tls *t, struct span bytes, size_t *ret_n);
int tls_drain(struct tls *t);	  /* throws away what has come; TLS_CLOSED: in order */
void tls_shutdown(struct tls *t); /* close_notify */
void tls_describe(const struct tls *t, struct buf *out);
