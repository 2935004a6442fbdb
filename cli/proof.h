/*
 * proof.h - what needs OpenSSL, LMDB or archives: libraries that cost a start more time than all of a
 * `boltseal diff`. So it lies in a second program, boltseal-proof, made of the same files, and is entered by
 * running that instead, with the same words. cli/light.c stands for these functions in the first program; the
 * files proof_*.c are in the second alone.
 */
#pragma once

#include "cli/cli.h"

enum { LOG_PROVE = 7, LOG_OUTPUT = 8 }; /* rows of log's options */

/* Each is what a command's `run` is: it returns the exit status. */
#define PROOF_RUNS(X)                                                                              \
	X(proof_from_run)    /* verify journal --from */                                           \
	X(proof_store_run)   /* verify --store */                                                  \
	X(proof_build_run)   /* baseline build */                                                  \
	X(proof_inspect_run) /* baseline inspect */                                                \
	X(proof_sign_run)    /* baseline sign */                                                   \
	X(proof_signed_run)  /* baseline verify */                                                 \
	X(proof_accept_run)  /* accept --sign */                                                   \
	X(proof_key_run)     /* key */                                                             \
	X(proof_entry_run)   /* verify entry */                                                    \
	X(proof_prove_run)   /* log --prove */
#define X_PROOF_RUN(name) int name(struct cli *c, const struct args *a);
PROOF_RUNS(X_PROOF_RUN)
#undef X_PROOF_RUN
