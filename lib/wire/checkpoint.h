/*
 * checkpoint.h - what a checkpoint says, as the JSON object that its event carries.
 *
 * An entry like any other, behind entry `to`: a Merkle root over the ids of the entries from the checkpoint
 * before (itself included) to `to`, what the store said when it was written, and the host key's
 * signature over the object without "signature". Whoever rewrites the chain from some entry on can
 * compute every id anew, and not this signature.
 */
#pragma once

#include "base/json.h"
#include "base/sha.h"

struct checkpoint {
	struct span host;
	uint64_t from, to;
	uint64_t last; /* seq of the checkpoint before; 0: none that is known */
	bool sealed; /* the last commit before the daemon stopped: nothing was written to the store since */
	uint8_t head[SHA_LEN];	  /* id of entry `to`; zeros where there is none */
	uint8_t root[SHA_LEN];	  /* of the ids of `from` … `to`: trust/merkle.h */
	uint8_t last_id[SHA_LEN]; /* id of the checkpoint before; zeros: none */
	uint8_t key[SHA_LEN];	  /* of the host */
	uint64_t n_targets;
	uint8_t targets
		[SHA_LEN];	/* over every target's checkpoint_add_target() in order of number */
	uint8_t state[SHA_LEN]; /* what else the store said: store/seal.h */
	struct span signature;	/* base64 of a block of trust/sign.h */
};
/* "<id> <drift id> <baseline root>\n" */
void checkpoint_add_target(struct buf *text, struct span id, const uint8_t drift_id[SHA_LEN],
	const uint8_t baseline[SHA_LEN]);
/* What is signed: SHA-256 over the object without its signature. */
void checkpoint_digest(const struct checkpoint *c, uint8_t ret[SHA_LEN]);
void show_checkpoint(struct json *j, const struct checkpoint *c);
/* From the event's member `checkpoint`; spans are borrowed from the object. -EBADMSG: it is not exactly
 * what show_checkpoint() writes. */
struct json_t;
int checkpoint_read(const struct json_t *object, struct checkpoint *ret);
