/*
 * snapshot.h - stored sets of records: one per layer (shared by all targets that stack it), and one
 * per tree that has no layers (host trees, volumes, LXC roots).
 *
 * Keyed like a file system: (snapshot, directory number, name). The root directory is number 1 and
 * its own record has directory 0 and the empty name. Directories get their numbers in the order in
 * which they are written: breadth first, names in byte order, so that a snapshot is written in key
 * order (appended, pages full) and equal trees get equal numbers and an equal root digest.
 */
#pragma once

#include "model/record.h"
#include "store/env.h"

#define SNAP_ROOT_DIR 1u

/* DOOMED: being deleted; no identity leads to it any more. */
enum snap_state { SNAP_PARTIAL, SNAP_COMPLETE, SNAP_DOOMED };
struct snap_info {
	uint32_t no;
	enum snap_state state;
	uint8_t identity[SHA_LEN];   /* what the layer is: see layer identity in daemon/sensor */
	struct span path;	     /* where it was found; borrowed */
	struct span digest;	     /* diff id the runtime gives it, or empty; borrowed */
	struct span kind;	     /* "image", "runtime" (docker's -init), "tree" */
	uint8_t root[SHA_LEN];	     /* root digest; valid when complete */
	uint64_t n_records, n_bytes; /* bytes: content hashed */
	int64_t created;
};
/* By identity or by number. STORE_ABSENT. */
int snap_find(struct txn *t, const uint8_t identity[SHA_LEN], struct snap_info *ret);
int snap_get(struct txn *t, uint32_t no, struct snap_info *ret);
/* Steps through all: start with *no = 0; STORE_ABSENT at the end. */
int snap_next(struct txn *t, uint32_t *no, struct snap_info *ret);

/* Writing. A partial snapshot of the same identity that an earlier life left is doomed, and a slice
 * of it deleted; snap_sweep() deletes the rest. -EEXIST when a complete one is there. Numbers are
 * never reused. */
int snap_create(struct txn *t, const uint8_t identity[SHA_LEN], struct span path,
	struct span digest, struct span kind, uint32_t *ret_no);
/* `sub_dir`: the number of the directory that this record is, 0 when it is none. Records must come
 * in key order. The root digest is the SHA-256 over (dir, name, record) of all in key order; the
 * caller feeds it along with snap_digest_feed() and gives the result to snap_complete(). */
int snap_put(struct txn *t, uint32_t no, uint32_t dir, struct span name, const struct record *rec,
	uint32_t sub_dir);
void snap_digest_feed(struct sha *sha, uint32_t dir, struct span name, struct span encoded_record,
	uint32_t sub_dir);
int snap_complete(struct txn *t, uint32_t no, const uint8_t root[SHA_LEN], uint64_t n_records,
	uint64_t n_bytes);
/* Deletes up to `budget` records, and at last the entry itself; *ret_more tells whether to go on.
 * From the first slice on it is SNAP_DOOMED. One that is not there is done. */
int snap_delete(struct txn *t, uint32_t no, unsigned budget, bool *ret_more);
/* A slice of whatever is doomed: at start until *ret_more is false, as a crash leaves such. */
int snap_sweep(struct txn *t, unsigned budget, bool *ret_more);

/* Reading. Records borrow from the transaction. A list is closed before its transaction ends, and
 * in a write transaction nothing is written while it is open. */
int snap_lookup(struct txn *t, uint32_t no, uint32_t dir, struct span name, struct record *ret,
	uint32_t *ret_sub_dir);
struct snap_cursor;
int snap_list_open(struct txn *t, uint32_t no, uint32_t dir, struct snap_cursor **ret);
/* STORE_ABSENT at the end. */
int snap_list_next(
	struct snap_cursor *c, struct span *ret_name, struct record *ret, uint32_t *ret_sub_dir);
void snap_list_close(struct snap_cursor *c);
/* Recomputes the root digest from what is stored, and counts the records; `ret_n` may be NULL. */
int snap_verify(struct txn *t, uint32_t no, uint8_t ret_root[SHA_LEN], uint64_t *ret_n);
