/*
 * key.h - one Ed25519 key: made, kept in a file, read back.
 *
 * A private key is a PEM file (PKCS#8; with a passphrase AES-256-CBC under scrypt), mode 0600. Instead
 * of a file name an URI of a store that OpenSSL's configuration has a provider for may stand
 * ("pkcs11:…", "handle:…"): OSSL_STORE opens it, and the private half never comes here.
 * A public key is a PEM file (SubjectPublicKeyInfo), perhaps with lines before its BEGIN: see
 * keyring.h. A key's id is the SHA-256 of its SubjectPublicKeyInfo in DER.
 *
 * No byte of such a file is believed: files are bounded by KEY_FILE_MAX, and every failure is one
 * sentence that names the file and says what to do.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

enum { KEY_FILE_MAX = 64 << 10, PASSPHRASE_MAX = 1024, KEY_RAW_LEN = 32 };

struct trust_key;
void trust_key_free(struct trust_key *k); /* NULL is fine; private bytes are wiped */
static inline void trust_key_free_p(struct trust_key **k)
{
	trust_key_free(*k);
}
#define TRUST_KEY CLEANUP(trust_key_free_p)

/* Asks for a passphrase: at most `room` bytes into `out`, returns how many; negative: there is none, with
 * a sentence. `what`: the file it is for. */
struct passphrase {
	int (*ask)(void *ctx, const char *what, char *out, size_t room);
	void *ctx;
};

int trust_key_make(struct trust_key **ret);
/* `name`: a file or an URI. `ask` NULL: a key with a passphrase is refused. -EPERM: others than its owner
 * may read the file; -EKEYREJECTED: wrong passphrase; -EBADMSG: truncated, no key, or no Ed25519 key, or
 * the public half. */
int trust_key_read(const char *name, const struct passphrase *ask, struct trust_key **ret);
/* The same from bytes, `what` being what they are called in sentences. */
int trust_key_of_pem(
	struct span pem, const char *what, const struct passphrase *ask, struct trust_key **ret);
/* Writes the private half: a new file, 0600, whole or not there. -EEXIST: nothing is written over.
 * `passphrase` empty: it is kept in the clear. */
int trust_key_write(const struct trust_key *k, const char *path, struct span passphrase);

/* A public key: from PEM (text before BEGIN is skipped) or its 32 raw bytes. */
int trust_key_public(struct span pem, const char *what, struct trust_key **ret);
int trust_key_read_public(const char *path, struct trust_key **ret);
bool trust_key_is_private(const struct trust_key *k);
const uint8_t *trust_key_id(const struct trust_key *k); /* SHA_LEN bytes, as long as the key */
int trust_key_public_pem(const struct trust_key *k, struct buf *out);
