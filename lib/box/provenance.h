/*
 * provenance.h - what an engine's own files say that a read-only layer should be, and which image lists it.
 *
 * From the layer's directory on the host alone: no socket is asked, and nothing that is read here can be
 * written by a container. All of it is bounded all the same. Any thread.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

enum provenance_how {
	PROVENANCE_NONE, /* `why` says so */
	PROVENANCE_TAR_SPLIT, /* `file`: tar-split's packed lines; with the directory they give `digest` */
	PROVENANCE_BLOB, /* in `file`, a directory: the layer's archive, by its own digest; see `packed` */
	PROVENANCE_TOC, /* `file`: its table of contents, unpacked; nothing ties that to a digest */
	PROVENANCE_INIT, /* what Docker puts below each container: provenance_init[] */
};
enum { PROVENANCE_BLOBS = 4 };
struct provenance {
	enum provenance_how how;
	struct buf digest; /* 64 hex digits: SHA-256 of the layer's plain tar */
	/* The same, PROVENANCE_BLOBS at most, of the archives as they lie there: who may pull an image may bring
	 * a manifest that names another one for the same configuration. */
	struct buf packed;
	struct buf file;
	/* List of buf_bytes: the directories of the layers below, the nearest first, where the engine makes a directory
	 * that an archive has no entry of as it is there. */
	struct buf below;
	struct buf why;
	/* Added to the owners in headers: the engine keeps its layers shifted. */
	uint32_t uid_base, gid_base;
	bool owners_unknown; /* a user's own store: owners are mapped, and are not compared */
};
void provenance_free(struct provenance *p);
#define PROVENANCE CLEANUP(provenance_free)
/* `kind`: of its snapshot ("runtime": Docker's own); `users`: its store is a user's. */
void provenance_of_layer(const char *path, const char *kind, bool users, struct provenance *ret);

/* What may be in Docker's layer below each container. */
struct provenance_init {
	const char *path;
	char type; /* 'd', 'f' (empty), 'l' */
	const char *link;
};
extern const struct provenance_init provenance_init[];
extern const size_t n_provenance_init;

struct provenance_image {
	struct buf config;   /* 64 hex digits: the image's id; its file has this digest */
	struct buf manifest; /* the same of its manifest, where the engine keeps that; else empty */
	struct buf digests;  /* list of buf_bytes: the layers' digests as text, bottom first */
	size_t n;
	/* Who signs it signs one of these: list of buf_bytes, "sha256:...", of its manifest and of an index that is kept
	 * and lists it. `by_word`: the engine keeps neither, and says that it is known by them in repositories. */
	struct buf manifests;
	bool by_word;
	struct buf
		big_data; /* the directory of what containers/storage keeps beside it; else empty */
	struct buf why;	  /* with -ENOENT or -EBADMSG */
};
void provenance_image_free(struct provenance_image *i);
#define PROVENANCE_IMAGE CLEANUP(provenance_image_free)
/* Of the image `id` ("sha256:" and 64 hex digits) in the store that the layer at `path` lies in. 0;
 * -ENOENT: the engine does not tell; -EBADMSG: its files do not have the digests that they go by. */
int provenance_of_image(const char *path, struct span id, struct provenance_image *ret);
