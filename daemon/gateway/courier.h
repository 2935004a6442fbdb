/*
 * courier.h - requests to one receiver over HTTP or HTTPS, by libcurl's easy interface: one thread,
 * one connection that is kept, one request at a time, never longer than its time limit.
 *
 * A text of the options that is NULL or empty is not given. What is not set here is off: no redirects, no other protocols, no proxy or password from the
 * environment or a netrc file, no decompression of answers, no HTTP but 1.1. TLS is 1.2 or later,
 * the certificate and the name in it are verified, always.
 */
#pragma once

#include "base/buf.h"
#include <stdatomic.h>

struct courier_options {
	const char *address;	 /* https://HOST[:PORT][/PATH][?QUERY], or http:// */
	const char *proxy;	 /* http://HOST:PORT; NULL or empty: none */
	const char *ca, *crl;	 /* files; NULL: the system's authorities, none */
	const char *cert, *key;	 /* our own certificate; NULL: none */
	const char *server_name; /* that the certificate must have; NULL: the address's host */
	const char
		*fingerprint; /* "sha256:HEX" of its certificate; without `ca` that is all that is
				    demanded of it. NULL: any */
	const char *agent;    /* User-Agent */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	int64_t timeout;	    /* ns, for one exchange */
	size_t answer_max;	    /* bytes */
	const atomic_bool *stop;    /* ends an exchange within a second; may be NULL */
};

/* One request: POST where there is a body to send. */
struct courier_request {
	struct span target; /* path and query; begins with '/' */
	const char *type;   /* Content-Type */
	struct span body;
	bool gzip;	    /* send it so */
	const char *secret; /* a whole header line; NULL: none. Used in place, never copied by us */
	const char *const *headers; /* more of them, NULL-terminated; may be NULL */
};
struct courier_answer {
	unsigned status;
	struct buf body; /* reused by the next request */
	char retry_after[64];
};

struct courier;
int courier_new(struct courier **ret, const struct courier_options *o); /* does not connect */
void courier_free(struct courier *c);
static inline void courier_free_p(struct courier **c)
{
	courier_free(*c);
}
/* Negative: no whole answer came; the sentence says why and where. -ECANCELED: `stop`. */
int courier_post(struct courier *c, const struct courier_request *q, struct courier_answer *ret);
/* Path and query of the address, apart; empty where it has none. Borrowed. */
struct span courier_path(const struct courier *c);
struct span courier_query(const struct courier *c);
/* "https://host:port", for sentences. */
const char *courier_where(const struct courier *c);
