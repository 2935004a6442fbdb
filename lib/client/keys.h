/*
 * keys.h - what the command line does with keys, over lib/trust. Failures have their sentence in err_why().
 */
#pragma once

#include "boltseal.h"
#include "trust/keyring.h"

/* A public key file, or a directory of them: those that cannot be used are left out, see keys_odd(). -ENOENT: no
 * key is there; or why the first of those that are there cannot be used. */
int keys_read(struct keyring *r, const char *name);
/* What keys_read() leaves out of a directory, a sentence a line. */
void keys_odd(const char *name, struct buf *out);
/* The same of trust->key, if there is one; and the seq and id of trust->checkpoint. */
int keys_trust(const struct boltseal_trust *trust, struct keyring *r, uint64_t *ret_seq,
	uint8_t ret_id[SHA_LEN]);

/* Adds a signature to a baseline file, which must be whole. Appends {"comment","digest","key","signatures"}. -EALREADY:
 * this key has signed it. */
int keys_sign_baseline(const char *file, const char *key, const struct passphrase *ask,
	const char *comment, int64_t now, struct buf *out);
/* Its own digests, and each signature against the keys of `name`: {"checks":[…],"clean"}. `file` "-" is standard input. -EBADMSG: it is no baseline file at
 * all; what was one and was altered is not clean. Clean: it is whole, and at
 * least one signature is good, and none is bad. */
int keys_check_baseline(const char *file, const char *name, struct buf *out);

struct keys_accept {
	const char *target, *drift_id; /* full id; 64 hex digits */
	const char *const *paths;
	size_t n_paths;
	const char *reason, *expires; /* expires: RFC 3339; NULL: never */
};
/* Appends a signature of it in base64. */
int keys_sign_accept(const struct keys_accept *what, const char *key, const struct passphrase *ask,
	int64_t now, struct buf *out);

struct keys_new {
	const char *name;
	const char *private_file, *public_file;
	int64_t expires;   /* wall; 0: never */
	struct span pass;  /* empty: none */
	const char *roles; /* "baseline,accept"; NULL: all */
};
/* May a person's key be called so? -EINVAL with a sentence. */
int keys_name_ok(const char *name);
int keys_make(const struct keys_new *n, uint8_t ret_id[SHA_LEN]);
/* {"items":[{"created","expires","file","id","name","reason","revoked","roles","state"}…],"odd":[…]}; `now`: for the
 * state, good, expired or revoked. `word` NULL: all; else one, -ENOENT with a sentence when it is not there. */
int keys_show(const char *dir, const char *word, int64_t now, struct buf *out);
/* The same of one file. */
int keys_show_file(const char *path, int64_t now, struct buf *out);
/* Writes the file anew, revoked. -EALREADY: it is. */
int keys_revoke(const char *dir, const char *word, int64_t when, const char *reason);

/* The next key takes the name, roles and file of the one that `word` names. That one expires at `now` and is
 * called NAME.<8 digits> from then on. All of it or nothing, whatever happens on the way: rotate.c says how. */
struct keys_rotate {
	const char *dir, *word, *private_file;
	int64_t expires; /* of the new one; 0: never */
	struct span pass;
};
struct keys_rotated {
	uint8_t id[SHA_LEN];
	struct buf public_file, retired_file; /* the caller frees them */
};
/* Whether it can be: appends its name. -ENOENT, -EALREADY. */
int keys_rotatable(const char *dir, const char *word, struct buf *ret_name);
int keys_rotate(const struct keys_rotate *how, int64_t now, struct keys_rotated *ret);

/* ---- between the files of this half ---- */

/* Whoever changes a file in it, until the descriptor is closed. */
int keys_lock(const char *dir, int *ret_fd);
/* Whole or as it was, 0644 whatever the umask. */
int keys_save_public(const char *path, struct span text);
/* -ENOENT with a sentence. */
int keys_find(
	const struct keyring *r, const char *dir, const char *word, const struct public_key **ret);
