/*
 * pin.h - the digest of a certificate demanded of a TLS context that somebody else drives.
 *
 * For libraries that make their own connections and let us see the context before (libcurl). What
 * net/tls.h does for connections of our own, for theirs.
 */
#pragma once

#include "base/span.h"

struct net_pin {
	uint8_t digest[32];
	bool chain; /* the chain must be good as well */
};
/* `text`: "sha256:" and 64 hex digits; -EINVAL with a sentence. */
int net_pin_parse(struct net_pin *p, const char *text, bool chain);
/* `ssl_ctx` is OpenSSL's SSL_CTX. The pin must live as long as it. */
void net_pin_demand(void *ssl_ctx, const struct net_pin *p);
