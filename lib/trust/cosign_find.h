/*
 * cosign_find.h - where signatures and keys are found on a host, for cosign.h.
 *
 * Signatures of "sha256:<hex>":
 *   COSIGN_DIR/<hex>.sig and <hex>.payload, and numbered ones <hex>.1.sig …: as `cosign verify` or
 *   `cosign download signature` of an admin left them (sha256-<hex>… and sha256:<hex>… as well);
 *   containers/storage's big data, keyed `signature-<digest>`.
 * Keys: COSIGN_DIR/(any).pub, and the keys of policy.json's entries of type sigstoreSigned.
 */
#pragma once

#include "trust/cosign.h"

/* Reads the directory's keys; what cannot be used is a line in `odd`. A directory that is missing has none. */
int cosign_keys_dir(struct cosign_keys *k, const char *dir, struct buf *odd);
/* Adds the keys of policy.json (containers-policy.json(5)): keyPath, keyPaths, keyData, keyDatas of
 * every sigstoreSigned entry of `default` and of the transport "docker". -ENOENT is for the caller to
 * judge. */
int cosign_keys_policy(struct cosign_keys *k, struct span json, struct buf *odd);
int cosign_keys_policy_file(struct cosign_keys *k, const char *path, struct buf *odd);

/* Looks for signatures of `digest` in `dir` (may be NULL), and in `big_data`, an image's directory in
 * containers/storage (may be NULL). The best verdict of all that are there: one that is verified is
 * enough; a mismatch counts where none is. */
void cosign_find(const struct cosign_keys *k, struct span digest, const char *dir,
	const char *big_data, struct cosign_result *ret);
