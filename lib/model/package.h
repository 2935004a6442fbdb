/* package.h - what a package's database says of a file, beside what the file is. A view, like record.h. */
#pragma once

#include "model/kinds.h"
#include "base/buf.h"

/* What is stored has their numbers: append only. The last is apk's: SHA-256 cut to 160 bits. */
enum package_digest {
	PACKAGE_MD5,
	PACKAGE_SHA256,
	PACKAGE_SHA1,
	PACKAGE_SHA256_160,
	PACKAGE_DIGESTS
};
enum { PACKAGE_DIGEST_MAX = 32 };
extern const char *const package_digest_names[PACKAGE_DIGESTS];
size_t package_digest_len(enum package_digest d);

/* How a file is, as its package has it. Stored by number: append only. */
#define PACKAGE_STATES(X)                                                                          \
	X(MISMATCH, "mismatch", "the baseline already has it otherwise than the package")          \
	X(MODIFIED, "modified", "it was changed since the image was made")                         \
	X(EDITED, "edited", "a configuration file, changed since the image was made")              \
	X(INSTALLED, "installed", "its content is the package's")                                  \
	X(DELETED, "deleted", "the package has it, and it is gone")                                \
	X(ADDED, "added", "the package has it, the image had it not")                              \
	X(UNOWNED, "unowned", "no package has it")
#define X_PACKAGE_STATE(id, name, sentence) PACKAGE_##id,
enum package_state { PACKAGE_STATES(X_PACKAGE_STATE) PACKAGE_STATE_N };
#undef X_PACKAGE_STATE
extern const struct kind package_state_kinds[PACKAGE_STATE_N];

struct package_note {
	struct span manager; /* dpkg, rpm, apk; empty: unowned */
	struct span name, version, arch;
	bool config; /* a configuration file: made to be edited */
	enum package_digest digest;
	/* As many bytes as the digest has; empty, but for a mismatch: not known. */
	struct span expected, found;
	enum package_state state;
};
void package_encode(const struct package_note *n, struct buf *out);
int package_decode(struct span bytes, struct package_note *ret); /* -EBADMSG */
/* Does it say that the baseline had it otherwise? Empty: no. */
bool package_is_mismatch(struct span bytes);
