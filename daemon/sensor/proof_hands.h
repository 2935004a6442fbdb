/*
 * proof_hands.h - the digest of a layer's archive and those of the files in it, by a few threads that share the work
 * block by block.
 *
 * Whoever is free takes the next block: he plans it (one at a time, in the archive's order), reads its files into it and
 * takes their digests (all beside each other, each from what he has just read), and feeds the block to the archive's
 * digest when it is his turn (one at a time, in order). So nobody waits for one who only reads, only hashes or only
 * parses, and what is read lies in the cache of who hashes it.
 *
 * A file that is larger than half a block is read by pieces; its own digest is fed in their order.
 */
#pragma once

#include "daemon/sensor/proof_own.h"

enum { BLOCK = 256 << 10, PIECES = 256 };

struct large;
/* What of a block is a file's. */
struct piece {
	struct proof_want *w;
	struct large *large; /* NULL: it is all of the file */
	uint64_t no, from;   /* of a large one's pieces, from 0; its place in the file */
	uint32_t at, n;
	bool last;
};
struct block {
	uint8_t *p; /* what is no file's is in its place already */
	size_t n;
	struct piece piece[PIECES];
	size_t n_pieces;
	uint64_t no; /* from 0 */
};
/* A thread's own. */
struct hand {
	struct hands *of;
	struct block block;
	struct look look;
	struct span dir; /* that dir_fd stands for; borrowed from a name */
	int dir_fd;
	struct sha *sha;
	pthread_t thread;
	bool begun;
};
/* Puts the next bytes and pieces into an empty block; 0: there are no more. Never beside itself. */
typedef int plan_fn(void *ctx, struct hand *h, struct block *b);

/* By `n` threads, of which the caller is one. The digest; *ret_lost: a file is not as long as it was, so that there is
 * none. Negative with a sentence. */
int hands_run(struct proof *p, unsigned n, plan_fn *plan, void *ctx, uint8_t ret[SHA_LEN],
	bool *ret_lost);
unsigned hands_enough(void);
/* For the plan. Is there room for what a file of that size wants, or is the block to be as it is? */
bool hands_has_room(const struct block *b, uint64_t size);
/* The next piece of the file. *at: NULL before its first, and after its last. */
int hands_put(struct hand *h, struct block *b, struct proof_want *w, struct large **at);

/* The file, opened and looked at by this thread: 0, LOOK_ABSENT, negative. */
int hand_open(struct hand *h, const struct proof *p, const struct proof_want *w, int *ret_fd);
void hand_free(struct hand *h);
