/*
 * sign.h - a detached signature over a digest, as one block of bytes.
 *
 * Signed is not the digest alone but "boltseal <what it is of>" NUL | digest | key id | BE64 time |
 * BE32 length of comment | comment: so a signature of one thing is none of another, and time and
 * comment are the signer's own words.
 *
 * Block: u8 version 1 | u8 algorithm 1 (Ed25519) | 32 bytes key id | BE64 time, ns since 1970 |
 * BE32 length of comment | comment (UTF-8, no control characters) | 64 bytes signature.
 */
#pragma once

#include "trust/key.h"

#define SIGN_DOMAINS(X)                                                                            \
	X(BASELINE, "boltseal baseline")                                                           \
	X(CHECKPOINT, "boltseal checkpoint")                                                       \
	X(ACCEPT, "boltseal accept")
#define X_SIGN(id, words) SIGN_##id,
enum sign_domain { SIGN_DOMAINS(X_SIGN) SIGN_DOMAIN_N };
#undef X_SIGN

enum { SIGNATURE_LEN = 64, SIGN_COMMENT_MAX = 256, SIGN_BLOCK_MAX = 46 + 256 + 64 };

struct signature {
	uint8_t key[SHA_LEN];
	int64_t time;
	struct span comment; /* borrowed: from the block, or from who gave it */
	uint8_t bytes[SIGNATURE_LEN];
};

/* Is it UTF-8 of at most SIGN_COMMENT_MAX bytes without control characters? */
bool sign_is_plain(struct span s);
/* `comment` may be empty; -EINVAL: it is too long or no plain text. `ret->comment` is `comment`. */
int sign_digest(const struct trust_key *private_key, enum sign_domain domain,
	const uint8_t digest[SHA_LEN], int64_t time, struct span comment, struct signature *ret);
/* 0: it is this key's signature of exactly this. -EKEYREJECTED with a sentence: it is not. Whether the
 * key may be trusted the keyring says. */
int sign_check(const struct trust_key *public_key, enum sign_domain domain,
	const uint8_t digest[SHA_LEN], const struct signature *s);

void signature_encode(const struct signature *s, struct buf *out);
/* The block at the beginning of `at`, which is moved behind it. -EBADMSG with a sentence. */
int signature_decode(struct rd *at, struct signature *ret);
/* The same of a block that is base64 (padded), whose bytes go to `room`; nothing may follow. */
int signature_decode_b64(struct span b64, struct buf *room, struct signature *ret);
