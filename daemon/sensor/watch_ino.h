/*
 * ino_tree.h - inotify on a directory and everything below it, kept whole while it changes.
 *
 * One instance per tree, so that one tree's overflow is not another's. Called directly: the
 * library of inotify-tools keeps one instance per process in globals and does not look again at a
 * new directory after it was marked. Knows no pids. All calls from one thread.
 */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

struct ino_tree;
struct ino_callbacks {
	void *ctx;
	bool (*skip)(void *ctx, struct span below);
	/* `ops`: WATCH_* of watch.h; paths are borrowed for the call. */
	void (*on_event)(void *ctx, struct span below, uint32_t ops);
	void (*on_lost)(void *ctx, struct span below, enum gap_cause cause, const char *detail);
};
/* Watches are set before the directories are read. When not all could be set the tree is given
 * out all the same if the top one could, and the rest is told by on_lost. */
int ino_tree_new(struct ino_tree **ret, const char *path, const struct ino_callbacks *cb);
void ino_tree_free(struct ino_tree *t);
int ino_tree_fd(const struct ino_tree *t);
/* Reads until nothing is left or *budget is used up. */
void ino_tree_read(struct ino_tree *t, unsigned *budget);
size_t ino_tree_watches(const struct ino_tree *t);
bool ino_tree_alive(const struct ino_tree *t); /* the top directory is still watched */
