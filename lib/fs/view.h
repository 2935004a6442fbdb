/*
 * view.h - overlayfs's lookup rules in user space, over layers on disk or stored as snapshots.
 *
 * A view is an ordered stack of layers, the top first. `now` of a container is upper + lowers on
 * disk; its baseline is the lowers, from their snapshots where those are complete. `now` of a plain
 * tree is one layer on disk, its baseline one snapshot. The engine knows no LMDB: layers bring
 * their own lookup and list (struct layer_ops), so it is tested on hand-made layers and fuzzed.
 *
 * Rules: those of the kernel's lookup (6.18; older ones know fewer marks) - whiteouts (char 0:0; and
 * xattr whiteouts wherever they lie: opaque="x" on the directory only decides whether readdir shows
 * the name, a lookup fails without it too), opaque directories, redirect (relative: same parent;
 * absolute: from the layers' roots), metacopy (data further down, by redirect or same name),
 * data-only layers (reached by absolute redirect of a lower metacopy file alone). Redirects and
 * metacopy are followed whatever the mount options say. With index=on the other names of a copied-up
 * lower hard link show its new content although no layer has it there: the index directory tells.
 *
 * A redirect that the kernel refuses (nobody can then use the object) is -EBADMSG. Any thread; a
 * view's layers belong to one thread at a time.
 */
#pragma once

#include "fs/look.h"

/* A directory inside one layer: `rel` is its path below the layer's root, no leading '/', in every
 * kind of layer (so that places can be compared); snapshot layers find it by `no`. */
struct layer_dir {
	struct span rel;
	uint32_t no;
};
/* What a layer holds under a name. `rec` (with its overlay marks) borrows from `look` or from the
 * layer's transaction: valid until the next call on the same layer and entry. */
struct layer_entry {
	struct record rec;
	struct look look; /* disk layers; zero otherwise */
	uint32_t sub_dir; /* snapshot layers: the directory's number */
};
struct layer;
struct layer_ops {
	/* LOOK_ABSENT when the name is not there. The name "" is the layer's root itself, whatever
	 * `dir` says; its sub_dir is the root's number. `ret` comes empty but for look.mem. */
	int (*lookup)(const struct layer *l, struct layer_dir dir, struct span name,
		struct layer_entry *ret);
	/* Adds raw names (whiteouts too) to `out`. */
	int (*list)(const struct layer *l, struct layer_dir dir, struct names *out);
};
/* Where a disk layer was looked at last: what follows there, or below, is opened from it and costs one
 * step instead of the path's depth. To be kept no longer than one look takes, for the directory may move. */
struct layer_at {
	struct buf rel;
	int fd; /* -1: nowhere yet */
};
void layer_at_free(struct layer_at *at);
struct layer {
	const struct layer_ops *ops;
	void *ctx;   /* the layer's own: snapshot transaction and number */
	int root_fd; /* disk: O_PATH|O_DIRECTORY of its root; -1 otherwise */
	enum look_marks marks;
	bool upper; /* the writable one */
	bool data_only;
	struct layer_at *at; /* disk: NULL: every look begins at the root */
	uint32_t id;	     /* caller's: which lower this is, equal in `now` and `base` */
};
/* The disk layer's operations: look_at() and names_read() below root_fd. A name that a mount covers
 * is found with entry.look.mount_root set; listing it or looking below it is -EXDEV. MARKS_FUSE: the
 * .wh. names are not names here, but whiteouts of those they stand for. */
extern const struct layer_ops layer_disk_ops;

/* What view_lookup() read of an index directory: kept while the view lives, for one thread. */
struct view_index {
	struct names names;
	bool read;
};
void view_index_free(struct view_index *x);

struct view {
	const struct layer *layer; /* top first; data-only ones last */
	size_t n;
	/* index=on: layer[n] is the index directory (WORKDIR/index, marked `upper`), in which no name is
	 * sought but those of handles. A hit whose layer is n is a lower hard link copied up under
	 * another of its names. NULL: index=off. */
	struct view_index *index;
};

/* A merged directory: the layers that make it up. Owns its memory; all-zero is "no directory". */
struct node_ref {
	uint32_t layer;	      /* index into the view */
	struct layer_dir dir; /* rel points into the node's memory */
};
struct node {
	struct node_ref *ref;
	size_t n;
	struct buf mem;
};
void node_free(struct node *nd);
#define NODE CLEANUP(node_free)
int node_copy(const struct node *from, struct node *to);

/* The result of a lookup. */
struct hit {
	bool found;
	uint32_t layer;		  /* index of the layer that decides (the topmost that has it) */
	struct layer_dir dir;	  /* the directory inside that layer; points into mem */
	struct span name;	  /* the name there, "" for the root; points into mem */
	struct layer_entry entry; /* entry.rec: the record with sha only if the layer had one */
	struct node node;	  /* directories: the merged directory below */
	/* regular files: where the data is: the same layer, or further down for metacopy. An empty
	 * data_name: a metacopy file without data anywhere (EIO to the container). */
	uint32_t data_layer;
	struct layer_dir data_dir;
	struct span data_name;
	struct layer_entry data; /* metacopy only: entry of the data file (size, sha) */
	bool metacopy;
	struct buf mem;
};
void hit_free(struct hit *h);
#define HIT CLEANUP(hit_free)

int view_root(const struct view *v, struct hit *ret); /* "/" itself */
/* `name` in the merged directory `nd` (which must not be ret's own: node_copy it). ret->found false:
 * nothing is there in this view. */
int view_lookup(const struct view *v, const struct node *nd, struct span name, struct hit *ret);
enum { VIEW_NO_PARENT = 1 };
/* A whole path from the root ("/a/b"). VIEW_NO_PARENT: an ancestor is missing or no directory. */
int view_resolve(const struct view *v, struct span path, struct hit *ret);

/* Do two merged directories show the same below, apart from what `now`'s upper layer holds? Then
 * only the upper's names need a look (none at all where the upper has no such directory): apart from
 * a ref to an upper layer, `now`'s refs are exactly base's, by layer id and place. */
bool view_aligned(const struct view *now, const struct node *now_dir, const struct view *base,
	const struct node *base_dir);
/* The names that may differ between the two: the upper's alone when aligned, else the union of all
 * raw names. Sorted, unique. Either node may be empty (n == 0). */
int view_names(const struct view *now, const struct node *now_dir, const struct view *base,
	const struct node *base_dir, struct names *ret);
/* Is the entry the very same object in both views (same lower layer, place and name)? */
bool view_same_object(
	const struct view *now, const struct hit *a, const struct view *base, const struct hit *b);
/* The path (from the layer's root) that the origin handle of a copied-up object names in a lower
 * disk layer, by open_by_handle_at on the lower's file system: needs CAP_DAC_READ_SEARCH. Appends
 * "/path" to `out`; LOOK_ABSENT when it names nothing below `lower`, or a file whose name the kernel
 * does not have at hand (then look for view_origin_ino() instead). The path was verified. */
int view_origin_path(const struct layer *lower, struct span origin, struct buf *out);
/* The file handle inside an origin; false when it is none of a machine like ours. */
bool view_origin_handle(struct span origin, uint8_t *ret_type, struct span *ret_fid);
/* The inode number inside an origin handle; LOOK_ABSENT for handles of unknown form. */
int view_origin_ino(struct span origin, uint64_t *ret_ino);
/* The origin that the name of an index entry is the hex form of. -EINVAL for other names. */
int view_index_origin(struct span name, struct buf *out);
/* Puts the index's object in place of what was found in a lower layer, if the index has it. */
int view_through_index(const struct view *v, struct hit *h);
