/* package.h - what a package's database says of a file, beside what the file is. A view, like record.h. */
#pragma once

#include "base/buf.h"

enum package_digest { PACKAGE_MD5, PACKAGE_SHA256, PACKAGE_DIGESTS };
enum { PACKAGE_DIGEST_MAX = 32 };
extern const char *const package_digest_names[PACKAGE_DIGESTS];
size_t package_digest_len(enum package_digest d);

struct package_note {
	struct span manager; /* dpkg, rpm */
	struct span name, version, arch;
	bool config; /* a configuration file: made to be edited */
	enum package_digest digest;
	struct span expected, found; /* as many bytes as the digest has */
};
void package_encode(const struct package_note *n, struct buf *out);
int package_decode(struct span bytes, struct package_note *ret); /* -EBADMSG */
