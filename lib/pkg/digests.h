/*
 * digests.h - which digest each packaged file should have: a table made for one baseline and freed after
 * it, so that 200,000 files are 10 MB for a minute. Paths are kept as 64 bits of a hash. Filled, sealed,
 * then asked; one thread.
 */
#pragma once

#include "model/package.h"

struct digests;

void digests_new(struct digests **ret);
void digests_free(struct digests *d);
static inline void digests_free_p(struct digests **d)
{
	digests_free(*d);
}
#define DIGESTS CLEANUP(digests_free_p)

/* The package that what is added next is of. */
void digests_package(struct digests *d, struct span manager, struct span name, struct span version,
	struct span arch);
/* `path` begins with a slash. */
void digests_add(struct digests *d, struct span path, enum package_digest kind,
	const uint8_t *digest, bool config);
void digests_seal(struct digests *d);

/* Several packages may claim a file: the one that replaced another's, and that one. */
struct digests_hit {
	struct digest_row *first;
	size_t n;
};
/* False: no package has it. It counts as met. */
bool digests_find(struct digests *d, struct span path, struct digests_hit *ret);
bool digests_wants(const struct digests_hit *h, enum package_digest kind);
/* Is it what one of them says? `digest`: by kind; NULL: not known. */
bool digests_agrees(const struct digests_hit *h, const uint8_t *const digest[PACKAGE_DIGESTS]);
/* The last one's word against what was found. Borrowed from the table and from `digest`. */
void digests_note(const struct digests *d, const struct digests_hit *h,
	const uint8_t *const digest[PACKAGE_DIGESTS], struct package_note *ret);

bool digests_met(struct digests *d, struct span path); /* by digests_find() */
size_t digests_files(const struct digests *d), digests_packages(const struct digests *d);
