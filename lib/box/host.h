/*
 * host.h - what a path or a piece of a device in another mount namespace is called on the host.
 * For this room only.
 */
#pragma once

#include "box/mounts.h"

/* The host path of `root` on a device: through the host's mount of the largest part of it. Empty
 * when the host does not have it mounted. */
struct span host_path(const struct mounts *host, uint32_t major, uint32_t minor, struct span root,
	struct arena *mem);
/* A path as the namespace with the table `via` means it. Empty when the host cannot see it. */
struct span host_path_via(
	const struct mounts *host, const struct mounts *via, struct span path, struct arena *mem);
/* Has a device's file system paths that are the same for everyone? proc and the like have none. */
bool host_is_virtual(struct span fs_type);
/* The process that started this one; 0 when gone. */
int host_parent(int pid);
/* The lowest pid of a namespace may be what made it (unshare, a monitor) and lives in our pid
 * namespace: then its child that does not is meant. `pid` where there is none. */
int host_init_of(int pid);
/* Who owns the user namespace that a process lives in; 0 (root) too when it cannot be told. */
uint32_t host_userns_owner(int pid);
/* fuse-overlayfs tells its directories on its command line only: the options of the server whose
 * mount has this device. `out` empty when there is none. */
void host_fuse_options(uint32_t major, uint32_t minor, enum mounts_how how, struct buf *out);
