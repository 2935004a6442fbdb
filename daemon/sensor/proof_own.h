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
	struct proof_want **v; /* in order of the archive, then by directory and name */
	size_t n, cap, sorted;
	struct proof_want *root;
	struct span *opaque; /* directories that are */
	size_t n_opaque;
	bool knows, loose, golden;
	bool unlike; /* the archive that the disk makes has another digest */
	uint64_t bytes;
	atomic_ullong files;
	pthread_mutex_t lock; /* of what follows */
	struct buf odds, why, digest;
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
/* proof_golden.c: false: there is none of this layer. */
bool proof_golden(struct proof *p, const struct proof_options *opt);
void proof_golden_content(struct proof *p, const struct proof_options *opt);
/* proof_read.c: 0; negative with a sentence: it could not be told. */
int proof_read(struct proof *p, const struct proof_options *opt);
