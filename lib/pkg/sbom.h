/*
 * sbom.h - a bill of materials as JSON: CycloneDX 1.6 or SPDX 2.3. Written as it is told: begin, each package
 * with its files behind it, the files that are nobody's, end. Equal words give equal bytes. What is said of a
 * package comes from the image's databases; what is said of a file was seen. No file, no clock.
 */
#pragma once

#include "base/json.h"
#include "base/sha.h"
#include "model/package.h"

enum sbom_format { SBOM_CYCLONEDX, SBOM_SPDX, SBOM_FORMATS };
extern const char *const sbom_format_names[SBOM_FORMATS];

struct sbom_subject {
	struct span name;	   /* of the image, or of the container */
	struct span image, digest; /* "nginx:1.25", "sha256:..."; may be empty */
	bool live;		   /* the container as it is, not only its image */
	struct span os_id, os_version, os_name;
	struct span note; /* what could not be read; empty: nothing */
	uint8_t uuid[16];
	int64_t time; /* wall ns */
	const char *tool_version;
};
struct sbom_package {
	struct span manager, name, version, arch, source, licence, vendor;
};
/* How a file is, beside what its package has, or the image. */
enum sbom_state {
	SBOM_AS_SHIPPED,
	SBOM_MODIFIED,
	SBOM_ADDED,
	SBOM_DELETED,
	SBOM_UNCHECKED,
	SBOM_STATES
};
struct sbom_file {
	struct span path;
	const uint8_t *sha; /* SHA-256, of what is deleted as it was; NULL: not known */
	enum sbom_state state;
	bool config;
	struct span package; /* of a file of the drift: "openssl 3.0.20-1"; empty: no package's */
};

struct sbom {
	struct json j;
	enum sbom_format format;
	struct sbom_subject s;
	uint64_t n_packages, n_files;
	bool in_package, has_files, in_drift;
	struct buf later, more; /* SPDX: its files, its relationships, which come last */
	struct json files, related;
};
void sbom_begin(
	struct sbom *b, enum sbom_format format, const struct sbom_subject *s, struct buf *out);
void sbom_package(struct sbom *b, const struct sbom_package *p);
void sbom_file_of(struct sbom *b, const struct sbom_file *f); /* of the package before */
void sbom_drift(struct sbom *b, const struct sbom_file *f);   /* after all packages */
int sbom_end(struct sbom *b); /* 0 or -ENOMEM; frees what it needed */

/* "pkg:deb/debian/openssl@3.0.20-1?arch=amd64&distro=debian-12" */
void sbom_purl(const struct sbom_subject *s, const struct sbom_package *p, struct buf *out);
