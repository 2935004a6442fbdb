/*
 * proof.h - is a layer's directory what its image says? The image's own account of every name in it, read from
 * what the engine kept (lib/box/provenance.h), with the layer's files read once on the way.
 *
 * One read of the disk serves two: while the archive is put together again for its digest, each file's own digest
 * is taken from the same bytes. The walk that follows (baseline.c, proof_walk.c) finds each name here, takes its
 * record and digest where stat says that nothing happened since, and hands in what it saw: proof_judge() compares,
 * and gives what the image says where that differs, so that the snapshot tells the truth of the image and not of
 * the disk. Names are met by directory: what no one asks for is missing, what is not found is planted.
 *
 * layer_proof_new() on one thread; then any, at a time.
 */
#pragma once

#include "box/provenance.h"
#include "daemon/sensor/kept.h"
#include "model/verdict.h"

struct proof;
struct worker;
/* One name. All spans live as long as the proof. */
struct proof_want {
	struct span path;  /* below the layer's root */
	size_t n_dir;	   /* how much of it is its directory */
	size_t order;	   /* in the archive */
	size_t header;	   /* of the names of this file: the one whose header was the last */
	struct record rec; /* what the image says; has_sha as far as the bytes were proved */
	const struct proof_want *of; /* a hard link: whose content and attributes count */
	bool hard;
	bool sure; /* a directory without a header of its own: the layers below say what it is */
	struct span hard_to;
	uint64_t crc;
	bool has_crc;
	/* As the disk had it when it was read. */
	bool has_sha, is_known; /* is_known: by a golden baseline, though it is spoiled */
	uint8_t sha[SHA_LEN];
	bool was_read; /* all of it, and it held still */
	bool spoiled;  /* its content is not the image's */
	struct record disk;
	uint64_t ino;
	int64_t ctime;
};
static inline struct span proof_dir(const struct proof_want *w)
{
	return span_make(w->path.p, w->n_dir);
}
static inline struct span proof_name(const struct proof_want *w)
{
	size_t skip = w->n_dir ? w->n_dir + 1 : 0;

	return span_make(w->path.p + skip, w->path.n - skip);
}

/* Which image, by its configuration's digest, is known to list the layer, and where: 0 is the bottom. */
struct proof_image {
	bool known;
	uint8_t digest[SHA_LEN];
	size_t index;
};
struct proof_options {
	struct store *store; /* for golden baselines; NULL: without */
	struct proof_image image;
	uint64_t max_bytes; /* of one file; 0: no limit */
	uint64_t rate;	    /* bytes a second; 0: as fast as can be */
	const atomic_bool *stop;
	void (*step)(void *ctx, uint64_t bytes); /* progress; NULL */
	void *ctx;
};
/* Always makes one. Where proof_knows() says no, there is nothing to hold the layer against, and the verdict says
 * why. */
struct proof *layer_proof_new(const struct lower *l, const struct proof_options *opt);
void layer_proof_free(struct proof *p);
static inline void layer_proof_free_p(struct proof **p)
{
	layer_proof_free(*p);
}
#define PROOF CLEANUP(layer_proof_free_p)
bool proof_knows(const struct proof *p);
/* All names in the directory `dir`, in order of their bytes. */
size_t proof_list(const struct proof *p, struct span dir, const struct proof_want *const **ret);
const struct proof_want *proof_root(const struct proof *p);
/* May every name be missing? Then the image's names are those that may be there. */
bool proof_is_loose(const struct proof *p);

/* Does stat say that the file is as it was read? Then its record and digest are in *ret. */
bool proof_has(const struct proof_want *w, int dir_fd, struct record *ret);
/* What the walk saw. Returns the aspects that differ, and *rec is then what the image says. Counts it. */
uint32_t proof_judge(struct proof *p, const struct proof_want *w, struct record *rec);
void proof_missing(struct proof *p, const struct proof_want *w, struct record *ret);
void proof_planted(struct proof *p, struct span dir, struct span name);
/* A walk that gave up: the verdict is no more than unknown. */
void proof_failed(struct proof *p, const char *why);
/* Nothing below was looked at. */
void proof_too_deep(struct proof *p, struct span dir);
/* At the end. Borrowed from the proof. */
void proof_verdict(struct proof *p, struct verdict *ret);

/* Walks the layer on its own: for one that is stored already. */
void proof_walk(
	struct proof *p, const struct lower *l, const struct proof_options *opt, struct worker *w);
