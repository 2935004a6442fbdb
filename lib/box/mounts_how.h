/*
 * mounts_how.h - the two ways behind mounts.h. For this room only.
 */
#pragma once

#include "box/mounts.h"

/* A zeroed mount at the end of the table. Stays where it is until the next one is added. */
struct mount *mounts_add(struct mounts *m);
/* What the process sees as "/": of several mounts there, the topmost. NULL when there is none. */
const struct mount *mounts_root(const struct mounts *m);
/* The table of a namespace that namespaces_read() told of; by its id where `how` allows it. */
int mounts_of_ns(const struct mnt_ns *ns, enum mounts_how how, struct mounts *ret);

/* Tried on our own namespace: 6.11 for the options, 6.12 for the list of namespaces. */
bool mounts_statmount_works(void);
int mounts_statmount_ns(uint64_t ns_id, struct mounts *ret);
int mounts_statmount_pid(int pid, struct mounts *ret);
int mounts_proc_pid(int pid, struct mounts *ret);

/* Adds to `ret` (unsorted, maybe twice): every namespace that the kernel lists below us. */
int namespaces_statmount(struct namespaces *ret);
/* Adds every namespace that a process lives in. */
int namespaces_proc(struct namespaces *ret);
struct mnt_ns *namespaces_add(struct namespaces *n, uint64_t inode);
