/*
 * cosign_judge.h - who has signed an image, by the keys and the policy of this host: from their files, read anew.
 */
#pragma once

#include "trust/cosign_policy.h"

enum { COSIGN_DIGESTS_MAX = 8 };
struct cosign_where {
	const char *dir;     /* keys and signatures; NULL: none */
	const char *policy;  /* policy.json; NULL: none */
	bool policy_must_be; /* somebody named it: where it is missing, no demand of it is met */
};
struct cosign_image {
	struct span digest[COSIGN_DIGESTS_MAX]; /* "sha256:…": what a signature may be of */
	size_t n;
	struct span name;     /* as its engine has it; may be empty */
	const char *big_data; /* its directory in containers/storage; NULL: none */
};
struct cosign_said {
	struct cosign_result result; /* by a key of `dir`, or of the policy's scope of this image */
	struct span digest;	     /* which of the image's it is about */
	bool demanded;		     /* the policy wants something of it */
	char unmet[256];	     /* why it does not get it; empty: it does */
};
void cosign_judge(
	const struct cosign_where *w, const struct cosign_image *i, struct cosign_said *ret);
/* How many keys there are, of `dir` and of every scope of the policy; what cannot be used is a line in `odd`. */
size_t cosign_look(const struct cosign_where *w, struct buf *odd);
