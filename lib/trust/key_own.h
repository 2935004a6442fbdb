/* key_own.h - what this room's files share of a key. Nobody else includes it. */
#pragma once

#include "trust/key.h"
#include <openssl/evp.h>

struct trust_key {
	EVP_PKEY *pkey;
	bool is_private;
	uint8_t id[SHA_LEN];
};
/* Takes `pkey`, also when it fails: -EBADMSG where it is no Ed25519 key. */
int trust_key_wrap(EVP_PKEY *pkey, bool is_private, const char *what, struct trust_key **ret);
/* A private key behind an URI: key_uri.c */
int trust_key_uri(const char *uri, const struct passphrase *ask, struct trust_key **ret);
