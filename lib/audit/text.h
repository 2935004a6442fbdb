/*
 * text.h - the checkpoints of what a receiver stored: joins wire/proof.h, which proves the chain of texts.
 * Of every entry its id is kept, 40 bytes, for entries come in any order.
 */
#pragma once

#include "audit/trail.h"
#include "wire/proof.h"

struct audit_text;
struct audit_text_options {
	const struct keyring *ring; /* borrowed */
	bool allow_tail, allow_holes;
	uint64_t known_seq; /* as struct audit_options has them */
	uint8_t known_id[SHA_LEN];
};
int audit_text_new(struct audit_text **ret, const struct audit_text_options *o);
void audit_text_free(struct audit_text *t);
/* Sets entry, more and ctx. `t` lives longer than the proof. */
void audit_text_join(struct audit_text *t, struct proof_options *to);
