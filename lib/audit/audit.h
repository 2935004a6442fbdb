/*
 * audit.h - what can be proven of a store from the store alone: on the host that fills it, or from a copy of
 * it on another machine. Nothing is written, no file of a container is read.
 *
 *   layer      the records of each stored layer give its root digest
 *   baseline   layers and acceptances give the root digest of each target's generations, and each entry of
 *              the journal that tells of one has the same
 *   proof      what the host found when it held its layers, and what targets stack, against their images
 *   golden     the stored layers are those of a baseline file that somebody else has made of the image; and a
 *              golden baseline that was imported is stored as its root digest says
 *   drift      the changes of each target give its drift id, its counts and its worst severity
 *   journal    each entry's id is the digest of its text, each follows the one before, none is missing, and
 *              what the store notes beside an entry is what the entry says
 *   checkpoint each is signed by the host's key, and covers exactly the entries that are there
 *   known      a checkpoint that was seen elsewhere is in it
 *   index      each index leads to what it is of, and nothing lies there that is of nothing
 *   seal       where nothing was written after the last checkpoint: everything else, by its digest
 *
 * Damage is a check that is not ok; an error is what kept a check from being made. A transaction a check, or
 * a slice of one, so that the writer need not wait for space. Any thread, one at a time.
 */
#pragma once

#include "golden/golden.h"
#include "store/env.h"
#include "trust/keyring.h"

struct audit_check {
	const char *what;    /* a word of the list above */
	struct span subject; /* a layer's path, a target's name, "journal", "store" */
	bool ok;
	struct span
		detail; /* may be empty; what was proven, or the first thing that does not fit */
};
typedef void audit_hear(void *ctx, const struct audit_check *check);

/* A hearer whose `ctx` is a struct json: {"check","detail","ok","subject"} as a value of an array. */
void audit_json(void *ctx, const struct audit_check *check);

struct audit {
	struct store *store;
	uint32_t target; /* of this one and what it stacks; 0: of all */
	audit_hear *hear;
	void *ctx;
	const struct keyring
		*ring; /* whose checkpoints are believed; NULL: the key that the store itself
				     * says is the host's, which proves that it fits itself */
	bool strict;   /* entries that no checkpoint covers are a mismatch: nothing writes to it */
	uint64_t known_seq; /* a checkpoint that was kept elsewhere, and must be there; 0: none */
	uint8_t known_id[SHA_LEN];
	bool clean;	     /* so far; true at first */
	uint64_t checkpoint; /* seq of the last one that audit_journal() met; 0: none */
};
int audit_layers(struct audit *a);
int audit_baselines(struct audit *a);
int audit_proofs(struct audit *a);
int audit_golden(struct audit *a, const struct golden *g);
int audit_drift(struct audit *a);
int audit_journal(struct audit *a);
int audit_index(struct audit *a);
/* After audit_journal(). Tells of nothing where no checkpoint was ever written. */
int audit_seal(struct audit *a);
/* All of them but audit_golden(). */
int audit_all(struct audit *a);
