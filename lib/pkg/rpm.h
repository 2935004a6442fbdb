/*
 * rpm.h - one package of rpm's database: its header, as the blob of a row holds it. The index (il entries
 * of tag, type, offset, count) is followed by dl bytes of data; all numbers are big-endian. Files come by
 * four arrays of one length. Spans borrow from the blob; any bytes do. No file, no memory.
 */
#pragma once

#include "base/span.h"

struct rpm_array {
	const uint8_t *at, *end; /* what is left of it */
	uint32_t n;
};
struct rpm_header {
	struct span name, version, release, arch, source, licence, vendor;
	uint32_t epoch;
	bool has_epoch;
	uint32_t algorithm; /* of digests, by OpenPGP's numbers: 1 MD5, 8 SHA-256 */
	/* Internal: step with rpm_file(). */
	struct span data;
	uint32_t n_files, next;
	struct rpm_array base, index, digest, mode, flags, dirs, dir_rest;
	struct span dir;
	uint32_t dir_no, steps;
	bool dir_known;
};
/* -EBADMSG with a sentence. */
int rpm_header(struct span blob, struct rpm_header *ret);

enum { RPM_MD5 = 1, RPM_SHA256 = 8, RPM_CONFIG = 1, RPM_GHOST = 64 };
struct rpm_file {
	struct span dir, base; /* "/usr/bin/", "ls" */
	struct span digest;    /* hex; empty: none, as of what is no regular file */
	uint32_t flags;
	uint16_t mode;
};
/* False: no more, or the rest makes no sense. */
bool rpm_file(struct rpm_header *h, struct rpm_file *ret);
