/*
 * env.h - the wall: one LMDB environment, written by the sensor alone, read by everybody else.
 *
 * Rules that callers must keep: one struct store per process and directory (LMDB); a read
 * transaction belongs to the thread that began it and is short; what a transaction lends (spans)
 * lives until it ends, or, in a write transaction, until the next write. Growing the map needs
 * every transaction of this process closed for a moment: txn_begin() may wait for that, so a
 * thread has one transaction open at a time.
 * lib/store/FORMAT describes every byte.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

struct store;
enum store_mode { STORE_WRITE, STORE_READ };
#define STORE_FORMAT 6

struct store_options {
	size_t map_size;  /* bytes to start with; 0: 256 MiB. Doubles when full up to map_limit */
	size_t map_limit; /* 0: 1 TiB */
	int dir_gid;  /* group that may read (data 0640, lock 0660, dir 0750); -1: leave alone */
	bool no_sync; /* tests only: no fsync on commit */
	bool copied; /* STORE_READ: nobody writes it (-EBUSY when somebody does), and its lock file, which may
		       * be another machine's, is left alone */
	bool *renewed; /* NULL, or set: somebody held the store's lock, so its lock file is a new one, and
			* readers of the old one have to open the store anew */
};

/* STORE_WRITE makes the directory (0700, or 0750 with dir_gid) and the databases where missing,
 * runs migrations, sweeps stale readers, refuses (sentence says what to do): a store of a newer
 * format (-EPROTO), a directory owned by another user than this process (-EPERM), a store that
 * another live process writes (-EBUSY; by a lock on DIR/writer.lock, which children that are forked
 * while it is open would keep: fork first).
 * STORE_READ opens what is there; -ENOENT when nothing is yet. */
int store_open(
	struct store **ret, const char *dir, enum store_mode mode, const struct store_options *opt);
void store_close(struct store *s);
/* The format of the store in `dir`, whichever it is. Changes nothing there. -ENOENT when nothing is
 * there yet, -EPROTO when it is no store of ours. */
int store_format(const char *dir, uint32_t *ret);

/* Frees reader slots of dead processes; returns how many. */
int store_sweep_readers(struct store *s);
/* Lets go of the pages of the map that were read or written: they stay in the kernel's cache, and the
 * process is no larger for having walked through all of it. Any thread, at any time. */
void store_rest(struct store *s);

struct store_stats {
	uint64_t map_size, map_limit, used; /* bytes */
	uint64_t idle;			    /* of pages that can be used again */
	uint64_t
		reader_lag; /* transactions that the oldest reader is behind: what it holds on to */
	uint64_t records, layers, targets, drift, journal, seen;
	uint64_t last_seq, first_seq;
	uint32_t readers, format;
};
int store_stats(struct store *s, struct store_stats *ret);

/*
 * Transactions. Errors are sticky: after a failed step every further one does nothing, and
 * txn_commit() reports it. A map that is full makes txn_commit (or the step) say -ENOSPC with
 * TXN_GROW possible: call store_grow() after txn_abort() and do the batch again. A full disk is
 * -ENOSPC too, and store_grow() then fails or the next commit does.
 */
struct txn;
int txn_begin(struct store *s, bool write, struct txn **ret);
int txn_error(const struct txn *t); /* 0 or the sticky error */
int txn_commit(struct txn *t);	    /* ends it in any case; 0 or the sticky error */
void txn_abort(struct txn *t);	    /* ends it; NULL is fine */
static inline void txn_abort_p(struct txn **t)
{
	txn_abort(*t);
}
#define TXN CLEANUP(txn_abort_p)
/* Doubles the map. -ENOSPC with a sentence at map_limit. No transaction of the caller may be open.
 * At the limit additions are refused, but a batch of deletions that did not fit may grow the map
 * once more, by a reserve that only deletions can use: so a full store can always be emptied.
 * Readers of this process must end first, and new ones wait meanwhile: for `wait_ms` (negative: for
 * ever), then STORE_BUSY, and nothing is done. */
enum { STORE_BUSY = 3 };
int store_grow(struct store *s, int wait_ms);
/* After a reader met a map grown by the writer the store adopts the new size itself. */

enum { STORE_ABSENT = 1 }; /* positive condition of every get below */
