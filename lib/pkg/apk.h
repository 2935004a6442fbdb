/*
 * apk.h - apk's database of what is installed, as text: stanzas of lines "X:value", a package each, and in
 * it the directories (F:), their files (R:) and what is known of each (a: owner and mode, Z: checksum). Made
 * as apk-tools 2 and 3 write it. What is malformed is passed over. Spans borrow from the text. No file, no
 * memory; any bytes do.
 */
#pragma once

#include "base/span.h"
#include "model/package.h"

struct apk_package {
	struct span name, version, arch, source, licence;
	bool wide; /* its checksums are SHA-256 cut to 160 bits, not SHA-1: both look the same */
	struct span files;
	struct span dir; /* internal: step with apk_file() */
};
/* False: no more. */
bool apk_package(struct span *rest, struct apk_package *ret);

struct apk_file {
	struct span dir, base; /* "usr/bin", "ls"; no slash at either end */
	enum package_digest kind;
	bool has_digest;
	uint8_t digest[PACKAGE_DIGEST_MAX]; /* of a link: of where it leads */
	bool config;			    /* below /etc: apk leaves what was edited there alone */
};
/* False: no more of this package. */
bool apk_file(struct apk_package *p, struct apk_file *ret);
