/*
 * box.h - a container as it was found: a candidate target, with its mounts.
 */
#pragma once

#include "base/arena.h"
#include "model/target.h"

struct box_mount {
	struct span point;  /* in the container */
	struct span source; /* the path on the host; empty when it has none (tmpfs, proc) */
	struct span fs_type;
	uint32_t dev_major, dev_minor;
	uint64_t id;
	bool read_only,
		own; /* own: the runtime made it (OCI config, docker's three files, /proc …) */
	bool is_dir;
};
struct box {
	struct target t; /* no == 0; spans live as long as the list */
	struct box_mount *mount;
	size_t n_mount;
	uint32_t dev_major, dev_minor; /* of its root */
	bool from_files_only;	       /* source (3): not mounted, not running */
	bool partial;		       /* its runtime is still writing the files that describe it */
	struct span merged; /* overlay: mount point in the host's namespace; empty: none seen */
};
struct box_list {
	struct arena mem;
	struct box *v;
	size_t n, cap;
};
void box_list_free(struct box_list *l);
#define BOX_LIST CLEANUP(box_list_free)
/* A zeroed, stopped container at the end of the list; moves when the next is added. */
struct box *box_add(struct box_list *list);
