/*
 * cosign_policy.h - what the host's policy.json (containers-policy.json(5)) wants of an image, by its name.
 *
 * Engines ask it when they pull, of the transport "docker"; here it is asked of every image that runs, however it came.
 * Of the scopes that hold the image's name the narrowest counts, alone. Of its requirements those of type sigstoreSigned
 * with keys are judged; insecureAcceptAnything wants nothing; reject is never met. What cannot be judged off-line with
 * keys is left to the engine, which judged it when it pulled, and is said to be: signedBy (OpenPGP), keyless ones, types
 * that are not known.
 */
#pragma once

#include "trust/cosign.h"

/* How the name that was signed must be like the image's. */
#define COSIGN_IDENTITIES(X)                                                                       \
	X(REPO_OR_EXACT, "matchRepoDigestOrExact")                                                 \
	X(EXACT, "matchExact")                                                                     \
	X(REPOSITORY, "matchRepository")                                                           \
	X(REFERENCE, "exactReference")                                                             \
	X(EXACT_REPOSITORY, "exactRepository")                                                     \
	X(REMAP, "remapIdentity")
#define X_IDENTITY(id, name) COSIGN_##id,
enum cosign_identity { COSIGN_IDENTITIES(X_IDENTITY) COSIGN_IDENTITY_N };
#undef X_IDENTITY

enum { COSIGN_REQUIREMENTS_MAX = 8 };
struct cosign_requirement {
	struct cosign_keys *keys; /* NULL: it is not judged, or `never` met; `why` says it */
	bool never;
	const char *why;
	enum cosign_identity identity;
	struct buf to,
		from; /* of the identity: a reference, a repository; REMAP: signedPrefix and prefix */
};
struct cosign_demand {
	struct buf scope; /* in words */
	struct cosign_requirement all[COSIGN_REQUIREMENTS_MAX];
	size_t n; /* 0: nothing is wanted */
};
void cosign_demand_free(struct cosign_demand *d);
#define COSIGN_DEMAND CLEANUP(cosign_demand_free)

/* `name`: of the image, as an engine has it; may be empty. Keys that cannot be used are lines in `odd`. -EBADMSG with a
 * sentence: no policy can be read from it. */
int cosign_demand_of(
	struct span json, struct span name, struct cosign_demand *ret, struct buf *odd);
/* Every key of every scope, to see whether they can be used. */
int cosign_policy_keys(struct span json, struct cosign_keys *k, struct buf *odd);

/* Is what was signed the image's name, as the requirement sees it? */
bool cosign_identity_fits(
	const struct cosign_requirement *r, struct span name, struct span reference);
/* Is it the same repository, whatever tag or digest is behind it? Short names are those of Docker's hub. */
bool cosign_same_repository(struct span a, struct span b);
