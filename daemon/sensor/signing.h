/*
 * signing.h - who has signed the image of a target: trust.cosign_dir and trust.policy against what its engine keeps.
 *
 * Keys, policy and signatures are read anew each time, by whoever asks: there is nothing to be told of an edit.
 */
#pragma once

#include "box/provenance.h"
#include "daemon/config.h"
#include "model/verdict.h"

struct signing {
	struct buf dir, policy; /* copies: the configuration may be another meanwhile */
	bool policy_must_be;
	struct buf name; /* of the image */
};
void signing_of(const struct config *cfg, struct span image_name, struct signing *ret);
void signing_free(struct signing *s);
/* `why` of a provenance that failed says why nothing is known. The spans are borrowed from `mem`. */
void signing_judge(const struct signing *s, const struct provenance_image *image, struct buf *mem,
	struct verdict_signed *ret);
/* Of the configuration alone: how many keys there are, what cannot be used (a line each). Is anything asked for? */
bool signing_look(const struct config *cfg, size_t *ret_keys, struct buf *odd);
