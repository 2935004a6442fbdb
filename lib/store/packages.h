/*
 * packages.h - which packages an image has, and which file is whose: a set for each stack of layers, shared
 * by every target that stacks them. Read from the layers by the sensor (daemon/sensor/pkgset.h).
 *
 * A set is written whole before it is complete: packages by number, then files in order of path. What a
 * crash leaves is PKG_SET partial, and swept.
 */
#pragma once

#include "base/sha.h"
#include "model/package.h"
#include "store/env.h"

#define PKG_NONE UINT32_MAX /* no set has this number */
struct pkg_set {
	uint32_t no;
	bool complete;
	uint8_t stack
		[SHA_LEN]; /* which layers: SHA-256 of their snapshots' numbers, the top first */
	int64_t time;
	uint32_t n_packages, n_files;
	uint32_t
		n_differ; /* files of the image that are not as their packages have them; no configuration */
	struct span os_id, os_version,
		os_name;   /* os-release of the image: "debian", "12", in words */
	struct span words; /* what could not be read, in a sentence; empty: nothing */
	bool lost;	   /* so that a file which no package here has may be one's all the same */
};
/* Which stack: of its snapshots' numbers, the top first. */
void pkg_stack(const uint32_t *snaps, size_t n, uint8_t ret[SHA_LEN]);
int pkg_set_create(struct txn *t, const uint8_t stack[SHA_LEN], uint32_t *ret_no);
int pkg_set_put(struct txn *t, const struct pkg_set *s);
int pkg_set_get(struct txn *t, uint32_t no, struct pkg_set *ret); /* STORE_ABSENT */
/* The complete one of that stack. There are few sets: all are looked at. */
int pkg_set_find(struct txn *t, const uint8_t stack[SHA_LEN], struct pkg_set *ret);
int pkg_set_next(struct txn *t, uint32_t *no, struct pkg_set *ret);

/* A package; borrowed from the transaction. */
struct pkg {
	struct span manager, name, version, arch, source, licence, vendor;
};
int pkg_put(struct txn *t, uint32_t set, uint32_t no, const struct pkg *p);
int pkg_get(struct txn *t, uint32_t set, uint32_t no, struct pkg *ret);

/* How the image has the file, when that was looked at. Stored by number. */
enum pkg_image { PKG_UNCHECKED, PKG_AS_SHIPPED, PKG_DIFFERS, PKG_MISSING, PKG_IMAGE_N };
struct pkg_file {
	uint32_t package;
	bool config;
	enum pkg_image image;
	bool has_digest;
	enum package_digest kind;
	struct span digest; /* borrowed */
};
void pkg_file_encode(const struct pkg_file *f, struct buf *out);
int pkg_file_decode(struct span bytes, struct pkg_file *ret);
/* In order of path: pages stay full. */
int pkg_file_put(struct txn *t, uint32_t set, struct span path, const struct pkg_file *f);
int pkg_file_get(struct txn *t, uint32_t set, struct span path, struct pkg_file *ret);
/* Every file after the path `after` (empty: from the first), in order of keys, which is that of paths but
 * for very long ones; stops at `fn`'s first non-zero return and returns that. */
int pkg_file_each(struct txn *t, uint32_t set, struct span after,
	int (*fn)(void *ctx, struct span path, const struct pkg_file *f), void *ctx);

/* Which set a target has. STORE_ABSENT: none is known yet. */
int pkg_of_put(struct txn *t, uint32_t target, uint32_t set);
int pkg_of_get(struct txn *t, uint32_t target, uint32_t *ret_set);
int pkg_of_delete(struct txn *t, uint32_t target);

/* Deletes what no target has, and what is not complete but for `building` (0: none), in slices. */
int pkg_sweep(struct txn *t, uint32_t building, unsigned budget, bool *ret_more);
