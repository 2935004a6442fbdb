/*
 * gold.h - golden baselines: what an image is, as somebody said who is trusted, by its digest.
 *
 * An entry lies under its image's digest (that of its configuration), with the manifest's as another
 * name and each layer's diff_id as a way in. The records of a layer are a snapshot of kind "golden"
 * (snapshot.h) under gold_identity(): images share it, and it is kept as long as an entry names it.
 * Signatures are kept as their blocks, with the digest they are of: who has the keys checks again.
 */
#pragma once

#include "store/env.h"

#define GOLD_KIND "golden"
enum {
	GOLD_LAYERS_MAX = 256,
	GOLD_SIGNATURES_MAX = 64,
	GOLD_ACCEPTS_MAX = 8 << 20 /* bytes of their list */
};

/* What was found of a signature when it came. */
#define GOLD_STATES(X)                                                                             \
	X(GOOD, "good", "a trusted key's, and it is good")                                         \
	X(UNKNOWN, "unknown", "no key that is trusted here has made it")                           \
	X(REFUSED, "refused", "its key may not sign this, or may no more")
#define X_GOLD(id, name, sentence) GOLD_##id,
enum gold_state { GOLD_STATES(X_GOLD) GOLD_STATE_N };
#undef X_GOLD
const char *gold_state_name(enum gold_state s);

struct gold_layer {
	uint8_t diff_id[SHA_LEN], canon[SHA_LEN];
	uint32_t snap;
};
struct gold_signature {
	uint8_t key[SHA_LEN];
	struct span name; /* of the key; empty: not known */
	enum gold_state state;
	int64_t time;	   /* as it claims */
	struct span block; /* lib/trust/sign.h */
};
/* Spans are borrowed: from the transaction, or from who puts it. */
struct gold {
	uint8_t image[SHA_LEN]; /* digest of the image's configuration */
	uint8_t root[SHA_LEN];	/* lib/golden/canon.h: of the whole image */
	uint8_t file[SHA_LEN];	/* what signatures are of */
	bool has_manifest;
	uint8_t manifest[SHA_LEN];
	struct span name, host; /* the image's; where the file was made */
	int64_t created, imported;
	uint32_t uid;	  /* who imported it */
	uint64_t accepts; /* changes on top of the image that the file has as well */
	/* Of these, for gold_put() alone: the list (lib/golden/golden.h), and why they were accepted, in words.
	 * gold_accepts() gives them back. */
	struct span accept_list, accept_why;
	struct gold_layer layer[GOLD_LAYERS_MAX]; /* bottom first */
	size_t n_layers;
	struct gold_signature signature[GOLD_SIGNATURES_MAX];
	size_t n_signatures;
};
/* Has one of its signatures been good? */
bool gold_is_signed(const struct gold *g);
/* Names, or the beginnings of ids, of the keys whose signatures were good, ", " between. */
void gold_signers(const struct gold *g, struct buf *out);

void gold_identity(
	const uint8_t diff_id[SHA_LEN], const uint8_t canon[SHA_LEN], uint8_t ret[SHA_LEN]);

/* Replaces what is there under the same image, and takes its names away from it. */
int gold_put(struct txn *t, const struct gold *g);
/* By the image's digest or its manifest's. STORE_ABSENT. */
int gold_find(struct txn *t, const uint8_t digest[SHA_LEN], struct gold *ret);
/* Steps through all in order of their images' digests: `at` all-zero first. STORE_ABSENT at the end. */
int gold_next(struct txn *t, uint8_t at[SHA_LEN], struct gold *ret);
int gold_delete(struct txn *t, const uint8_t image[SHA_LEN]); /* STORE_ABSENT when not there */
/* What goes with the entry; fills both spans of `g`, which gold_find() has filled. STORE_ABSENT: nothing. */
int gold_accepts(struct txn *t, struct gold *g);

/* A golden baseline that has a layer of this diff_id: a signed one before others, then that of the image
 * whose digest is the lowest. *ret_layer: which of its layers. STORE_ABSENT. */
int gold_layer_find(
	struct txn *t, const uint8_t diff_id[SHA_LEN], struct gold *ret, size_t *ret_layer);
/* Does any entry name the snapshot? 0, STORE_ABSENT, or negative. */
int gold_names_snap(struct txn *t, uint32_t snap);
/* For check.h: does each of its ways lead to it? STORE_ABSENT: not so. A manifest's may be another's. */
int gold_check_ways(struct txn *t, const struct gold *g);
