/*
 * cosign.h - signatures that cosign makes with a key, over an image's manifest digest; off-line.
 *
 * A signature is two things: a payload ("simple signing" JSON, which names the manifest digest) and
 * base64 of a signature over exactly the payload's bytes by an ECDSA (P-256, SHA-256) or Ed25519 key.
 * Keyless signatures (Fulcio's certificates, Rekor's log) are not judged: those count as no signature.
 *
 * Bytes in, a verdict out: finding files is the caller's, see cosign_find.h.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

enum { COSIGN_PAYLOAD_MAX = 64 << 10, COSIGN_SIGNATURE_MAX = 4 << 10, COSIGN_KEYS_MAX = 64 };

#define COSIGN_VERDICTS(X)                                                                         \
	X(NONE, "none", "no signature of this image is here")                                      \
	X(NO_KEY, "no key", "there is a signature, and no key to hold it against")                 \
	X(VERIFIED, "verified", "a trusted key signed exactly this manifest digest")               \
	X(MISMATCH, "mismatch", "a signature is here, and it is not of this image by these keys")
#define X_COSIGN(id, name, sentence) COSIGN_##id,
enum cosign_verdict { COSIGN_VERDICTS(X_COSIGN) COSIGN_VERDICT_N };
#undef X_COSIGN
const char *cosign_verdict_name(enum cosign_verdict v);

/* Public keys: PEM, ECDSA P-256 or Ed25519. */
struct cosign_keys;
int cosign_keys_new(struct cosign_keys **ret);
void cosign_keys_free(struct cosign_keys *k);
/* `name`: how it is called in verdicts; copied. -EBADMSG with a sentence. */
int cosign_keys_add(struct cosign_keys *k, const char *name, struct span pem);
size_t cosign_keys_count(const struct cosign_keys *k);
/* Adds those of `more`, as far as there is room; both stay whole by themselves. */
void cosign_keys_join(struct cosign_keys *k, const struct cosign_keys *more);

struct cosign_result {
	enum cosign_verdict verdict;
	char key[128]; /* VERIFIED: the key's name */
	char reference
		[256]; /* VERIFIED: the name that was signed (docker-reference); may be empty */
	char why[256]; /* MISMATCH, NO_KEY: a sentence */
};
/* One payload with its signature in base64, against "sha256:<hex>" of the manifest. Blanks around the
 * signature are skipped. Never fails: what cannot be read is a MISMATCH with its reason. */
void cosign_check(const struct cosign_keys *k, struct span digest, struct span payload,
	struct span signature_b64, struct cosign_result *ret);
