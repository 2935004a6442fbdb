/*
 * cosign_find.h - where signatures and keys are found on a host, for cosign.h.
 *
 * Signatures of "sha256:<hex>":
 *   COSIGN_DIR/<hex>.sig and <hex>.payload, and numbered ones <hex>.1.sig …: as `cosign verify` or
 *   `cosign download signature` of an admin left them (sha256-<hex>… and sha256:<hex>… as well);
 *   containers/storage's big data, keyed `signature-<hex>` and `signatures`.
 * Keys: COSIGN_DIR/(any).pub, for every image; those of policy.json are cosign_policy.h's.
 */
#pragma once

#include "trust/cosign.h"

/* Reads the directory's keys; what cannot be used is a line in `odd`. A directory that is missing has none. A key
 * that others than root may write is nobody's; -EPERM: anybody may put one into the directory. */
int cosign_keys_dir(struct cosign_keys *k, const char *dir, struct buf *odd);
/* One of them: `name` in the directory `dir`, called `path` in verdicts. */
int cosign_keys_file(struct cosign_keys *k, int dir, const char *name, const char *path);

/* Looks for signatures of `digest` in `dir` (may be NULL), and in `big_data`, an image's directory in
 * containers/storage (may be NULL). The best verdict of all that are there: one that is verified is
 * enough; a mismatch counts where none is. `only` (may be NULL) says which signed names count. */
struct cosign_names {
	bool (*fits)(const void *ctx, struct span reference);
	const void *ctx;
};
void cosign_find(const struct cosign_keys *k, struct span digest, const char *dir,
	const char *big_data, const struct cosign_names *only, struct cosign_result *ret);
