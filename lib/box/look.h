/* look.h - the finder and one look of it. For find.c and its two helpers only. */
#pragma once

#include "box/ctx.h"
#include "box/mounts_how.h"

struct finder {
	enum mounts_how how;
	struct files *files;
	struct arena mem; /* the options, and roots learnt */
	struct paths docker, storage, run, ignore;
	const char *lxc_path, *machines_path;
	uint64_t own_ns, host_ns; /* mount namespaces: ours, and the host's */
	bool contained;		  /* we are in a container ourselves: our root is not the host's */
	struct namespaces spaces; /* of the last look */
	struct arena watch_mem;	  /* of the last look */
	const char **watch;
};

struct look {
	struct finder *f;
	struct adapter_ctx ctx;
	struct mounts host;
	struct mount root, init_root; /* ours, and pid 1's */
	bool sees_processes; /* of whoever it may be: a namespace without one is empty, then */
	struct box_list *list;
};

bool mounts_same_tree(const struct mount *a, const struct mount *b);
/* Adds the box of a namespace's table, unless it is the host's or one to be left alone. */
void look_namespace(struct look *l, const struct mnt_ns *ns, const struct mounts *m);
/* Adds a candidate for each overlay that a namespace on the host's root has mounted for itself: a
 * rootless engine's, before its container starts. */
void look_space_mounts(struct look *l, const struct mnt_ns *ns, const struct mounts *m);
/* Adds a candidate for each overlay in the host's table that no box has. */
void look_host_mounts(struct look *l);
/* Data roots for the adapters: told, usual, and learnt from the upper directories seen. */
void look_roots(struct look *l);
