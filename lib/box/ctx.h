/*
 * ctx.h - what the adapters work with during one look. For this room only.
 *
 * Every adapter loads what its files tell into `known`, once a look; describing a box is then
 * finding it there, and enumerating is adding what no box claimed.
 */
#pragma once

#include "box/adapter.h"
#include "box/files.h"

struct paths { /* absolute, resolved, each once; in the arena that they were added with */
	struct span *v;
	size_t n, cap;
};
void paths_free(struct paths *p);
bool paths_have(const struct paths *p, struct span path);
void paths_add(struct paths *p, struct arena *mem, struct span path);

/* A container as a runtime's files tell it. */
struct known {
	const char *runtime;	/* the adapter's name */
	struct target t;	/* id, name, image …; upper: where its layout has it, or empty */
	struct span merged;	/* where its root is or would be mounted */
	struct span root;	/* the data root it was read from */
	struct span lower_file; /* the chain below, for one that is not mounted */
	struct paths own;	/* mount points that the runtime makes */
	bool fuse,
		user_xattr; /* how its store marks what is deleted; a mount's own word is better */
	bool whole;	    /* every file that describes it has been written */
	bool hidden;	    /* a pod's pause container: shown never */
	bool quiet;	    /* not shown unless it is mounted (a build's working container) */
	bool claimed;
};

/* An OCI runtime's state and bundle: the id and the first process, whatever made it. */
struct oci {
	struct span id, space; /* space: containerd's namespace, or empty */
	struct span bundle, rootfs;
	uint64_t mnt_ns;
	int pid;
	const json_t *spec; /* config.json, may be NULL */
	bool containerd;    /* its bundle lies in a containerd's state directory */
};

struct adapter_ctx {
	struct arena mem; /* dies with the look */
	struct files *files;
	struct buf *notes;
	struct paths docker, storage, run; /* data roots */
	const char *lxc_path, *machines_path;
	struct known *known;
	size_t n_known, cap_known;
	struct oci *oci;
	size_t n_oci, cap_oci;
	struct paths watch;
	struct real *reals;
};
void ctx_fini(struct adapter_ctx *ctx);
/* Reads every runtime's files. Never fails: what cannot be read is noted. */
void ctx_load(struct adapter_ctx *ctx);
void docker_load(struct adapter_ctx *ctx);
void storage_load(struct adapter_ctx *ctx);
void lxc_load(struct adapter_ctx *ctx);
void nspawn_load(struct adapter_ctx *ctx);
void oci_load(struct adapter_ctx *ctx);

const json_t *ctx_json(struct adapter_ctx *ctx, struct span path, const char *const *keep);
struct span ctx_text(struct adapter_ctx *ctx, struct span path);
/* The names in a directory that are not "." or ".." and are sound as a path part, sorted. */
void ctx_names(struct adapter_ctx *ctx, struct span dir, struct paths *ret);
/* realpath(3), remembered for this look; empty when there is no such path. */
struct span ctx_real(struct adapter_ctx *ctx, struct span path);
/* Is it a user's own data root? Then the kernel keeps its overlays' markers in user.overlay.*. */
bool ctx_is_users(struct adapter_ctx *ctx, struct span root);
void ctx_watch(struct adapter_ctx *ctx, struct span path);
void ctx_note(struct adapter_ctx *ctx, const char *fmt, ...) PRINTF(2, 3);
struct span ctx_path(struct adapter_ctx *ctx, const char *fmt, ...) PRINTF(2, 3);
bool is_path_part(struct span s); /* safe to put into a path: no '/', not "..", not empty */
bool is_hex_id(struct span s);	  /* 64 hex digits */

/* A new row, to be filled by the caller; moves when the next is added. */
struct known *known_add(struct adapter_ctx *ctx, const char *runtime);
/* The row of `runtime` that this box is, by upper directory, mount point or OCI id; or NULL. */
struct known *known_of(struct adapter_ctx *ctx, const char *runtime, const struct box *b);
/* Copies what the row knows into the box. ADAPTER_MINE, or ADAPTER_SKIP for a hidden one. */
int known_tell(struct adapter_ctx *ctx, struct known *k, struct box_list *list, struct box *b);
/* Adds a box for each row of `runtime` that no box claimed and whose tree is still there. */
int known_enumerate(struct adapter_ctx *ctx, const char *runtime, struct box_list *list);

/* The OCI state whose first process lives in the box's namespace, or whose root is its mount. */
const struct oci *oci_of(const struct adapter_ctx *ctx, const struct box *b);
/* The mount points of a bundle's config.json. */
void oci_own(struct adapter_ctx *ctx, const json_t *spec, struct paths *own);

/* A mount listed in `own`, or one that every runtime makes: below /proc, /sys, /dev … */
void box_own(struct box *b, const struct paths *own);
/* Encoded lists for struct target, in `mem`. */
struct span pairs_of_json(struct arena *mem, const json_t *object);
struct span dup_or(struct arena *mem, struct span s, struct span otherwise);
/* "l/AAA:l/BBB" beside `base`, or absolute: resolved, as target.lowers has it. */
struct span lowers_of_text(struct adapter_ctx *ctx, struct span text, struct span base,
	struct span within, struct arena *mem);

extern const struct adapter adapter_docker, adapter_podman, adapter_crio, adapter_containerd,
	adapter_lxc, adapter_nspawn, adapter_oci;
