/*
 * find.h - finding containers: the kernel first, runtimes only to enrich.
 *
 * A box is a candidate target with what the kernel and the runtime's files tell. Sources, merged by
 * upper directory: (1) every mount namespace whose "/" is not the host's root: overlay,
 * fuse-overlayfs, or a plain directory (LXC, nspawn); (2) overlay mounts in the host's table that
 * an adapter recognises (a container that is about to run); (3) containers that adapters know from
 * their files but that do not run. Never by asking a runtime's socket.
 * The finder keeps what it read from files and reads again only what changed (stat).
 */
#pragma once

#include "box/box.h"
#include "box/mounts.h"

struct finder;
struct finder_options {
	enum mounts_how how;
	/* Data roots besides the usual ones (/var/lib/docker, /var/lib/containers/storage, /run/…): each
	 * NULL-terminated, may be NULL. Roots seen in upper directories of running containers are
	 * learnt without being told. */
	const char *const *docker_roots;  /* dockerd --data-root */
	const char *const *storage_roots; /* containers/storage graph roots (Podman, CRI-O) */
	const char *const *run_roots; /* where OCI state and bundles lie: /run, --exec-root … */
	const char *lxc_path;	      /* NULL: /var/lib/lxc */
	const char *machines_path;    /* NULL: /var/lib/machines */
	/* Overlay mounts below these paths, and namespaces rooted there, are left alone. */
	const char *const *ignore;
};
int finder_new(struct finder **ret, const struct finder_options *opt);
void finder_free(struct finder *f);
/* Everything there is now. Partial knowledge is no failure: an unreadable file is told in `notes`
 * (lines of text, for the log) and the box appears with what is known. */
int finder_look(struct finder *f, struct box_list *ret, struct buf *notes);
/* Where engines keep their containers, told, usual and learnt: appended as bytes, links not resolved. */
void finder_data_roots(const struct finder *f, struct buf *ret);
/* The mount namespaces of the last look, ours among them; until the next one. */
const struct mnt_ns *finder_spaces(struct finder *f, size_t *ret_n);
/* Do we run in a container ourselves, whose mounts show us the host's trees? As the last look found it. */
bool finder_is_contained(const struct finder *f);
/* Directories whose change means "look again" (renames, new and removed containers): for inotify.
 * Fills a NULL-terminated list that lives until the next finder_look(). */
const char *const *finder_watch_paths(struct finder *f);
