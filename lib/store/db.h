/*
 * db.h - this room's own ground: the databases, and transactions' steps with sticky errors.
 * Nothing outside lib/store includes it. Every step here returns the sticky error when there is
 * one, and makes its own failure sticky with the sentence.
 */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include "base/err.h"
#include "store/env.h"
#include "store/keys.h"

#define DATABASES(X)                                                                               \
	X(META, "meta", "format, counters that never go back, small named values")                 \
	X(SNAPSHOT, "snapshot", "one per layer or tree")                                           \
	X(IDENTITY, "identity", "layer identity to snapshot number")                               \
	X(RECORD, "record", "one per file of a snapshot")                                          \
	X(TARGET, "target", "descriptors")                                                         \
	X(TARGET_ID, "target_id", "the runtimes' ids")                                             \
	X(STATE, "state", "what changes often about a target")                                     \
	X(LANES, "lanes", "the drift set's digest in the making; none for a target without drift") \
	X(DRIFT, "drift", "one per path that differs")                                             \
	X(ACCEPTED, "accepted", "one per path and generation")                                     \
	X(GENERATION, "generation", "who accepted what, when and why")                             \
	X(SEEN, "seen", "the hash cache")                                                          \
	X(JOURNAL, "journal", "the events")                                                        \
	X(BY_TARGET, "by_target", "which events are about a target")                               \
	X(GAP, "gap", "gaps that are open")                                                        \
	X(TALLY, "tally", "what was counted and has yet to be told")                               \
	X(PKG_SET, "package_set", "the packages of a stack of layers, read")                       \
	X(PKG, "package", "one per package of a set")                                              \
	X(PKG_FILE, "packaged", "one per file of a set")                                           \
	X(PKG_OF, "packages_of", "which set a target has")                                         \
	X(VERDICT, "verdict", "is a layer what its image says")                                    \
	X(CHAIN, "chain", "does a target stack what its image lists")                              \
	X(GOLDEN, "golden", "what images are, as somebody said who is trusted")
#define X_DB(id, name, sentence) DB_##id,
enum db { DATABASES(X_DB) DB_N };

struct store {
	MDB_env *env;
	MDB_dbi dbi[DB_N];
	pthread_rwlock_t gate; /* held shared by every transaction, alone by a change of the map */
	size_t limit, reserve; /* beyond `limit` lies `reserve`, for deletions only */
	bool write, has_gate;
	bool starved; /* a deletion did not fit: store_grow() may open the reserve */
	bool dead;    /* the map is lost; only store_close() is left */
	int lock_fd;
	char *dir;
};

struct txn {
	struct store *s;
	MDB_txn *mdb;
	int err;
	bool write;
	bool added, deleted; /* has this transaction made entries, or removed some */
	bool tight;	     /* the reserve is open: `room` bytes may still be added */
	int64_t room;
	char why[512];
};

const char *db_name(enum db db);

/* Makes the failure at hand (its sentence is in err_why()) sticky. Returns `code`. */
int txn_fail(struct txn *t, int code);
/* The same for LMDB's codes; 0 is handed through. */
int txn_mdb(struct txn *t, int rc, const char *what);
/* LMDB's code as ours, with a sentence. */
int db_error(const struct store *s, int rc, const char *what);

/* 0, STORE_ABSENT or the sticky error. */
int db_get(struct txn *t, enum db db, struct span key, struct span *ret);
int db_put(struct txn *t, enum db db, struct span key, struct span value);
/* As db_put; pages stay full when keys come in order and after all that are there. */
int db_append(struct txn *t, enum db db, struct span key, struct span value);
/* Values built in a buffer, which may have failed for want of memory. */
int db_put_buf(struct txn *t, enum db db, struct span key, const struct buf *value);
int db_append_buf(struct txn *t, enum db db, struct span key, const struct buf *value);
int db_delete(struct txn *t, enum db db, struct span key); /* STORE_ABSENT when not there */
/* Deletes what begins with `prefix`, at most *budget entries, which it counts down. */
int db_delete_below(struct txn *t, enum db db, struct span prefix, unsigned *budget);

/* A walk in key order. Ends before its transaction does. */
struct walk {
	struct txn *t;
	MDB_cursor *c;
	struct span key, value;
};
#define WALK CLEANUP(walk_end)
int walk_start(struct txn *t, enum db db, struct walk *ret);
int walk_seek(struct walk *w, struct span key); /* the first at or after `key`; STORE_ABSENT */
int walk_next(struct walk *w);
int walk_last(struct walk *w);
int walk_delete(struct walk *w); /* walk_next() then stands on the one after */
void walk_end(struct walk *w);

/* Numbers that never go back: takes the next one. `name` is a key of meta, such as ".next_snap". */
int meta_take_number(struct txn *t, const char *name, uint32_t *ret);
/* The store's own named values. */
int meta_own_get(struct txn *t, const char *name, struct span *ret);
int meta_own_put(struct txn *t, const char *name, struct span value);
/* Free pages inside the file, in bytes; `mdb` is a read transaction. */
int db_free_bytes(MDB_txn *mdb, size_t page, uint64_t *ret);
