/*
 * audit.h - what can be proven from a store that is opened read-only and nothing else: the gateway's
 * proofs, and an auditor's, who has a copy, the host's public key and perhaps an image's digest.
 *
 * Proven are: each layer's records against its root digest; each target's baseline root and generation
 * against layers and accepts; its drift id and counts against its drift; the journal's chain, its
 * headers and index against its texts; checkpoints and their signatures; and, where the last entry is a
 * sealed checkpoint, every database against what was signed. Each check says what it has proven.
 */
#pragma once

#include "audit/trail.h"
#include "store/env.h"

struct audit_options {
	struct store *store;
	const struct keyring
		*ring;	 /* whose checkpoints are believed; NULL: what the store says is the host's
				     * key, which proves that it fits itself, no more */
	uint32_t target; /* 0: every one */
	bool layers, targets, journal;
	bool allow_tail; /* entries after the last checkpoint are no mismatch: the store is in use */
	/* A checkpoint that somebody else has kept: it must be there. 0: none */
	uint64_t known_seq;
	uint8_t known_id[SHA_LEN];
};
/* Appends the checks to the open array. *clean is cleared by each that is not right, and otherwise left. */
int audit_store(const struct audit_options *o, struct json *j, bool *clean);
