/* proof_own.h - what proof's files share. Nobody else includes it. */
#pragma once

#include "base/arena.h"
#include "daemon/sensor/proof.h"
#include "image/tar.h"

enum { PROOF_ENTRIES = 8 * 1000 * 1000 };

struct proof {
	struct provenance from;
	const struct lower *lower;
	struct arena mem;
	struct arena looked;   /* what lies on the disk; proof_hands.c's */
	struct proof_want **v; /* in order of the archive, then by directory and name */
	size_t n, cap, sorted;
	struct proof_want *root;
	struct span *opaque; /* directories that are */
	size_t n_opaque;
	bool knows, loose, golden;
	bool unlike; /* the archive that the disk makes, or that is kept, has another digest */
	uint64_t bytes;
	atomic_ullong files;
	pthread_mutex_t lock; /* of what follows */
	struct buf odds, why, digest;
	struct buf blame; /* why what the engine keeps is not to be believed */
	uint64_t n_odd;
	bool failed, deep;
};

/* proof.c: while it is built. -E2BIG with a sentence. */
int proof_add(struct proof *p, const struct tar_entry *e);
/* All are there: by directory, without what was said twice, with directories that are only implied. */
void proof_seal(struct proof *p);
struct proof_want *proof_find(const struct proof *p, struct span path);
void proof_why(struct proof *p, const char *fmt, ...) PRINTF(2, 3);
struct proof_want *proof_push(struct proof *p, struct span path);
void proof_odd(struct proof *p, char kind, uint32_t aspects, struct span path);
/* proof_covered.c: what a mount of the host's hides in it is not proved. */
void proof_covered(struct proof *p);
/* proof_golden.c: false: there is none of this layer. */
bool proof_golden(struct proof *p, const struct proof_options *opt);
void proof_golden_content(struct proof *p, const struct proof_options *opt);
/* proof_read.c: 0; negative with a sentence: it could not be told. */
int proof_read(struct proof *p, const struct proof_options *opt);
/* The same of an archive that is kept whole. 0; PROOF_SPOILED: it is not what its name says, and why; negative. */
enum { PROOF_SPOILED = 1 };
int proof_blob(struct proof *p, const struct proof_options *opt);
/* proof_toc.c: the same of a table of contents. */
int proof_toc(struct proof *p);
/* Not faster than asked, and told how far it is. -ECANCELED. */
struct pace {
	const struct proof_options *opt;
	int64_t began;
	uint64_t told;
};
int proof_pace(struct pace *at, uint64_t bytes);
/* What the layers below have at a directory's place; false: none of them has a directory there. */
bool proof_below(struct proof *p, struct span path, struct record *ret);
