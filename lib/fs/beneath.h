/*
 * beneath.h - opening things below a root that somebody hostile writes into.
 *
 * Every open goes through openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
 * RESOLVE_NO_XDEV): never out of the root, never through a link, never across a mount. `rel` is
 * bytes without a leading '/', "" is the root itself; it may be longer than PATH_MAX (done in
 * steps). Positive: BENEATH_ABSENT (ENOENT, ENOTDIR: nothing there), BENEATH_REFUSED (ELOOP, EXDEV:
 * there is something that must not be followed; errno says which). A "." or ".." in `rel` is REFUSED.
 * O_PATH|O_NOFOLLOW opens a link itself. Where the kernel has no openat2 (ENOSYS by seccomp)
 * it walks component by component with O_NOFOLLOW and compares the mount.
 */
#pragma once

#include "base/fd.h"

enum { BENEATH_ABSENT = 1, BENEATH_REFUSED = 2 };
/* Nobody looks into a directory that lies deeper than that: whoever makes a tree, in an image or in a
 * container, also decides what each look below it costs, which is its depth. It is told instead. */
enum { BENEATH_DEEPEST = 256, BENEATH_LONGEST = 16384 /* bytes: four times what a call takes */ };
#define BENEATH_TOO_DEEP "nested deeper than 256 directories: nothing below is looked at"
size_t beneath_depth(struct span rel); /* "a/b", or "/a/b": 2 */
bool beneath_too_deep(struct span rel);
int beneath_open(int root_fd, struct span rel, int flags, int *ret_fd);
/* The walk by components that stands in for openat2; here so that it can be tested. */
int beneath_walk(int root_fd, struct span rel, int flags, int *ret_fd);
/* The directory part of `rel`, opened O_PATH|O_DIRECTORY; the last component in *ret_name. */
int beneath_parent(int root_fd, struct span rel, int *ret_fd, struct span *ret_name);

/* Opens anew, with other flags, the very object that `fd` (O_PATH) names; what it is must be known,
 * for opening a FIFO or a device has effects. Without waiting, by /proc/self/fd. -1 and errno. */
int beneath_reopen(int fd, int flags);
/* As beneath_reopen for reading content: O_NOATIME where we are allowed to. */
int beneath_reopen_read(int fd);
/* A directory for listing, from any fd of it; O_NOATIME where we are allowed to. -1 and errno. */
int beneath_open_dir(int dir_fd);
/* The path that names what `fd` is to calls that take no fd. */
enum { BENEATH_PROC_PATH = 32 };
void beneath_proc_path(int fd, char ret[BENEATH_PROC_PATH]);
