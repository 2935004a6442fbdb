/*
 * mounts.h - mount tables: of this namespace, of a process's, of every mount namespace.
 *
 * Two ways to the same facts, chosen by trial and forced by `how` in tests: statmount(2) and
 * friends (Linux 6.11/6.12), or /proc/PID/mountinfo (every kernel). Formats: proc_pid_mountinfo(5).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum mounts_how { MOUNTS_AUTO, MOUNTS_STATMOUNT, MOUNTS_PROC };

struct mount {
	uint64_t id, parent; /* as mountinfo prints them (statmount: the old ids) */
	uint32_t dev_major, dev_minor;
	bool read_only;	   /* the mount or its file system */
	struct span root;  /* what of the file system is mounted */
	struct span point; /* where, below the namespace's root */
	struct span fs_type, source;
	struct span options; /* the super block's, without the leading rw or ro */
};
struct mounts {
	struct arena mem;
	struct mount *v;
	size_t n, cap;
};
void mounts_free(struct mounts *m);
#define MOUNTS CLEANUP(mounts_free)

/* Parses mountinfo text. A malformed line is skipped and counted in *ret_bad (may be NULL). */
int mounts_parse(struct span text, struct mounts *ret, unsigned *ret_bad);
/* The table of the namespace that `pid` lives in (0: our own). -ESRCH when it is gone. */
int mounts_of_pid(int pid, enum mounts_how how, struct mounts *ret);

/* What decides whether a container lives, or is about to, in a namespace: its root and the overlays
 * mounted there. Equal ones have equal numbers, as a namespace and its fresh copy do. */
uint64_t mounts_signature(const struct mounts *m);
/* The same over every mount: another number, and something was mounted, moved or unmounted. */
uint64_t mounts_signature_all(const struct mounts *m);

/* Every mount namespace, once: the inode of /proc/PID/ns/mnt and a process in it (the lowest pid
 * found; 0 when none can be told, as with a namespace that only a descriptor keeps). */
struct mnt_ns {
	uint64_t inode, id;
	uint64_t sign, sign_all; /* of its table, as a look read it */
	int pid;
};
struct namespaces {
	struct mnt_ns *v;
	size_t n;
	enum mounts_how how; /* which way it was learnt */
};
int namespaces_read(enum mounts_how how, struct namespaces *ret);
void namespaces_free(struct namespaces *n);
#define NAMESPACES CLEANUP(namespaces_free)
/* What the last AUTO chose and why, for doctor. */
const char *mounts_how_name(enum mounts_how how);
