/* target.h - what is kept: a container, a volume, a tree of the host. A view, like record.h. */
#pragma once

#include "base/buf.h"
#include "base/sha.h"
#include "model/kinds.h"

struct pair {
	struct span key, value;
};

struct target {
	uint32_t no; /* ours, never reused */
	enum target_kind kind;
	enum target_state state;
	enum level level;
	struct span id; /* the runtime's full id; volumes and host trees: 64 hex from their path */
	struct span name;
	/* docker, podman, containerd, cri-o, lxc, nspawn, host, volume, unknown */
	struct span runtime;
	struct span image, image_digest;
	struct span pod_name, pod_namespace, pod_uid;
	bool read_only;	 /* the container's root is mounted read-only */
	bool late;	 /* it ran before it was first seen */
	bool user_xattr; /* overlay: markers are user.overlay.* */
	bool fuse;	 /* fuse-overlayfs */
	struct span fs_type;
	struct span upper;     /* overlay: upper directory; else the tree itself (host path) */
	struct span lowers;    /* list of paths, top first: step with target_next_path() */
	struct span data_only; /* the same, the data-only lowers */
	struct span labels;    /* list of pairs, step with target_next_pair() */
	struct span index;     /* overlay with index=on: its index directory; else empty */
	struct span volumes;   /* volume targets: list of pairs container id -> mount point */
	int64_t found, stopped, removed; /* wall ns; 0: not */
	uint32_t pid;			 /* init, host pid namespace; 0: none */
	uint64_t mnt_ns;		 /* inode of its mount namespace; 0: none */
};
/* Lists are built with buf_bytes(): once per path, twice per pair. */
void target_encode(const struct target *t, struct buf *out);
int target_decode(struct span bytes, struct target *ret);
/* Brings what an older version encoded to this one; what is of this one is copied. -EBADMSG. */
int target_upgrade(struct span old, struct buf *out);
bool target_next_path(struct rd *at, struct span *ret);
bool target_next_pair(struct rd *at, struct pair *ret);
static inline bool target_is_overlay(const struct target *t)
{
	return t->lowers.n > 0;
}

/* What changes often, apart from the descriptor: kept as its own small value. */
struct target_state_rec {
	uint32_t generation;
	uint32_t n_added, n_changed, n_deleted;
	enum severity worst; /* INFO when there is no drift */
	int64_t last_sweep;  /* wall ns of the last full look's end; 0: none yet */
	uint8_t drift_id[SHA_LEN], baseline_root[SHA_LEN];
	bool baselined; /* every layer is stored */
};
void target_state_encode(const struct target_state_rec *s, struct buf *out);
int target_state_decode(struct span bytes, struct target_state_rec *ret);
