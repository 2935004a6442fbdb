/*
 * owners.h - what package databases say, as a list: packages by number, and each file with the package that
 * has it, what digest that gives it, and how it was found to be. Filled by packages_read*(), sealed, then
 * asked. Owns its bytes; one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/sha.h"
#include "daemon/sensor/packages.h"
#include "model/record.h"
#include "store/packages.h"

enum { OWNERS_FILES = 1000000, OWNERS_PACKAGES = 100000 };
struct owner_row {
	struct span path;
	const uint8_t *digest; /* NULL: none */
	uint32_t package;
	enum package_digest kind;
	enum pkg_image image;
	bool config;
	bool other; /* a directory or a link: nobody asks whose it is */
};
struct owners {
	struct arena mem;
	struct owner_row *row;
	size_t n, cap;
	struct pkg *package;
	size_t n_packages, cap_packages;
	bool cut;  /* more than there is room for: what no row has may have an owner all the same */
	bool lost; /* so may it as not everything could be read */
};
void owners_free(struct owners *o);
#define OWNERS CLEANUP(owners_free)

/* Hears what databases say; `ctx` is the struct. */
extern const struct packages_hear owners_hear;
void owners_seal(struct owners *o); /* sorts by path, then package */
/* The rows of a path: *ret_n of them from the one returned on; NULL: none. */
struct owner_row *owners_find(const struct owners *o, struct span path, size_t *ret_n);

/* Digests of one file's content, by kind; NULL: not known. */
struct owner_digests {
	const uint8_t *of[PACKAGE_DIGESTS];
};
/* After sha_end() with what owner_wants() asked for; `rec_sha` is its SHA-256. */
struct owner_digests owner_digests(const struct sha *sha, const uint8_t *rec_sha);
/* Which older digests the row needs: for sha_also_*(). */
void owner_wants(struct sha *sha, const struct owner_row *row, size_t n);
void owner_wants_none(struct sha *sha);
/* Is the content what the row says? False where either is not known. */
bool owner_agrees(const struct owner_row *row, const struct owner_digests *d);
