/*
 * keyring.h - the public keys that are trusted here: a directory of files NAME.pub.
 *
 * Such a file is PEM, and what openssl reads; lines before its BEGIN say more, each "word: value":
 *   name      what it is called; the file's own name where there is none, or where it is "host", as every host's is
 *   created   when; expires: until when what it signs counts; both RFC 3339
 *   revoked   since when nothing that it signed counts any more, whatever time the signature claims:
 *             who has stolen a key writes any time he likes. reason: why
 *   roles     apart by blanks, of: baseline accept checkpoint; all of them where the line is missing
 * A line with another word, and every other oddity, is refused: a file that is not understood is not
 * trusted. An expired key's signatures stay good when they claim a time before that.
 * Of two files of one key one counts, in whichever order they are read: the revoked one; else the one in which it
 * lasts longer. That they differ is told.
 */
#pragma once

#include "trust/sign.h"

enum { KEYRING_MAX = 256, KEY_NAME_ROOM = 65 };

struct public_key {
	struct trust_key *key;
	char name[KEY_NAME_ROOM]; /* [A-Za-z0-9._@-], does not begin with a dot or a dash */
	char *file;		  /* where it was read */
	int64_t created, expires, revoked; /* wall ns; 0: not said, never, not */
	char *reason;			   /* of the revocation; NULL: none */
	unsigned roles;			   /* bits of enum sign_domain */
};

struct keyring {
	struct public_key keys[KEYRING_MAX];
	size_t n;
	struct buf odd; /* files that could not be used: a sentence a line; empty: none */
};
#define KEYRING CLEANUP(keyring_fini)
void keyring_fini(struct keyring *r);
/* Reads every *.pub in `dir`. One that is not there is an empty one. A file that cannot be used is told
 * in `odd` and left out; -EPERM: directory or file may be written by others than its owner and root. */
int keyring_read(struct keyring *r, const char *dir);
/* One file, which must be good. */
int keyring_add(struct keyring *r, const char *path);
/* The same from bytes; `file` is what they are called. For fuzzing, and for keys that the daemon serves. */
int keyring_add_bytes(struct keyring *r, struct span bytes, const char *file);
const struct public_key *keyring_find(const struct keyring *r, const uint8_t id[SHA_LEN]);
/* By name, or the beginning of its id (8 hex digits or more). NULL: none, or several. */
const struct public_key *keyring_named(const struct keyring *r, struct span word);
bool keyring_name_ok(struct span name);
/* Adds the bit of a role's name. -EBADMSG with a sentence. */
int keyring_role(struct span word, unsigned *roles);
/* Writes what keyring_add() reads. */
int public_key_format(const struct public_key *k, struct buf *out);

/* Is it a good signature of this by a key of the ring that may sign it, is not revoked, and had not
 * expired when it signed? 0, *ret: whose. KEYRING_UNKNOWN: no key of the ring has made it.
 * -EKEYREJECTED with a sentence that says what is wrong and what to do. `ret` may be NULL. */
enum { KEYRING_UNKNOWN = 1 };
int keyring_check(const struct keyring *r, enum sign_domain domain, const uint8_t digest[SHA_LEN],
	const struct signature *s, const struct public_key **ret);
