/* volume.h - which of a container's mounts are volumes, and what they are called. */
#pragma once

#include "box/find.h"
#include "daemon/config.h"

/* A directory of the host that is worth a baseline of its own. */
bool volume_is_one(const struct config *cfg, const struct box_mount *m);
/* By the configuration's volumes.exclude. */
bool volume_is_excluded(const struct config *cfg, struct span source);
/* docker's and podman's name for it, else its path. Borrowed from `source`. */
struct span volume_name(struct span source);
/* Made by docker or podman: removed and made anew under the same path, it is another one. */
bool volume_is_engines(struct span source);
/* Who mounts it: appends pairs container id, mount point; *running: one of them runs. */
void volume_users(const struct box_list *l, struct span source, struct buf *out, bool *running);
/* The id of a tree that no runtime names: hex SHA-256 of "WORD:PATH". */
void volume_tree_id(struct buf *out, const char *word, struct span path);
