/*
 * manifest.h - what says which layers an image has: OCI's index, manifest and configuration, Docker's manifest list,
 * manifest (schema 2) and the manifest.json of `docker save`. JSON in, structs out; no file.
 *
 * Nothing here is believed: whoever has the bytes of a thing holds them against the digest that led there,
 * with image_digest_check(). Bounded: IMAGE_JSON_MAX bytes, IMAGE_LAYERS_MAX layers. Spans are the arena's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/sha.h"

enum { IMAGE_JSON_MAX = 8 << 20, IMAGE_LAYERS_MAX = 1024 };

struct image_digest {
	uint8_t sha[SHA_LEN];
};
/* "sha256:" and 64 lower-case digits. -EBADMSG; -ENOTSUP: another algorithm. `what` is whose digest it is. */
int image_digest_parse(struct span text, const char *what, struct image_digest *ret);
void image_digest_format(const uint8_t sha[SHA_LEN], struct buf *out);
/* -EBADMSG: "<what>: its bytes are not those of sha256:..." Constant time. */
int image_digest_check(struct span bytes, const struct image_digest *want, const char *what);
/* The chain id of a layer on top of `parent` (NULL: the bottom one). */
void image_chain_id(const uint8_t *parent, const uint8_t diff_id[SHA_LEN], uint8_t ret[SHA_LEN]);

/* A descriptor. */
struct image_desc {
	struct span media;
	struct image_digest digest;
	uint64_t size;
	struct span os, arch, variant; /* of a manifest in an index; empty: not said */
	struct span
		ref; /* annotation org.opencontainers.image.ref.name or io.containerd.image.name */
	/* layers of zstd:chunked: annotations manifest-position and -checksum, new or old; empty: none */
	struct span toc_position, toc_digest;
	struct span estargz_digest; /* containerd.io/snapshot/stargz/toc.digest */
	bool attestation; /* in an index: no image but what somebody says about one (vnd.docker.reference.type) */
};
struct image_manifest {
	bool is_index; /* `items` are manifests; else layers, bottom first, and `config` counts */
	struct image_desc config;
	struct image_desc *items;
	size_t n_items;
};
/* Index, manifest list or manifest, by what it is. -EBADMSG; -ENOTSUP: schema 1, an artefact that is no image. */
int image_manifest_parse(struct span json, struct arena *mem, struct image_manifest *ret);

struct image_config {
	struct span os, arch, variant;
	struct image_digest *diff_ids; /* bottom first */
	size_t n_diff_ids;
};
int image_config_parse(struct span json, struct arena *mem, struct image_config *ret);

/* manifest.json of an archive that `docker save` or `podman save` wrote: an image each. */
struct image_saved {
	struct span config;  /* path in the archive */
	struct span *tags;   /* "name:tag" */
	struct span *layers; /* paths in the archive, bottom first */
	size_t n_tags, n_layers;
};
int image_saved_parse(struct span json, struct arena *mem, struct image_saved **ret, size_t *ret_n);

/* containers/storage: the name that a big datum has on disk ("=" and base64, or as it is where that is a plain word). */
void image_bigdata_name(struct span key, struct buf *out);
