/*
 * hash.h - the content digest of one regular file, under a budget, and whether it holds still.
 *
 * Reads with pread (never mmap: no SIGBUS), skips holes by SEEK_DATA and feeds the zeros they stand
 * for from a block of zeros (a huge hole costs CPU, hence the budget counts logical bytes too, see
 * below). The order is: stat, lease probe, read, lease probe, stat. A file that grows is read to the
 * size it had at first. The lease is dropped at once, but who opens the file in that moment makes
 * the kernel send us SIGIO: the process must ignore SIGIO. 64 KiB of stack. Any thread.
 */
#pragma once

#include "base/sha.h"
#include "fs/look.h"
#include <stdatomic.h>

struct hash_budget {
	uint64_t max_bytes;	 /* of data read; 0: no limit */
	int64_t max_ns;		 /* of time; 0: no limit */
	const atomic_bool *stop; /* polled between blocks; NULL: none */
	uint64_t prefix;	 /* the digest of so many first bytes too; 0: no */
	bool grows; /* it may grow meanwhile: what is read is what it had when that began */
};
enum {
	HASH_ABSENT = 1, /* vanished or is no regular file (any more) */
	HASH_MOVING = 2, /* changed under the reader: try again later */
	HASH_BUDGET = 3, /* too large for the budget; sha not set */
	HASH_STOPPED = 4,
};
struct hash_result {
	uint8_t sha[SHA_LEN];
	uint64_t size;	 /* bytes hashed: the file's size */
	uint64_t read;	 /* bytes that were really read */
	bool has_prefix; /* the file has that many: `prefix` is their digest */
	uint8_t prefix[SHA_LEN];
	bool writer; /* the lease probe says that somebody can still write it */
	bool racy;   /* ctime is so recent that a later write could leave stat equal */
};
/* Hashes `name` in `dir_fd`, which look_at() said is a regular file: `seen` is that look; when the
 * file is another or moved meanwhile, HASH_MOVING. `probe`: do the lease probe (needs the upper file
 * itself, not the merged path; CAP_LEASE for others' files; skipped quietly where refused). A
 * sparse file's holes are hashed as zeros up to max_bytes of holes * 64. -errno: unreadable. */
int hash_file(int dir_fd, struct span name, const struct look *seen, bool probe,
	const struct hash_budget *budget, struct sha *sha, struct hash_result *ret);
/* On an open fd, without any check: the bare loop. For layers. */
int hash_fd(int fd, const struct hash_budget *budget, struct sha *sha, struct hash_result *ret);
/* Does somebody hold the file open for writing, or mapped shared and writable? 1 yes, 0 no,
 * -errno: cannot tell. */
int hash_writer_alive(int fd);
