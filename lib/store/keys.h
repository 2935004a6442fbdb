/*
 * keys.h - the layout of every key, on one page. LMDB's keys are at most 511 bytes and sort as
 * bytes; numbers are big-endian, so that they sort as numbers.
 *
 *   database   key
 *   meta       text; what starts with '.' is the store's own
 *   snapshot   BE32 snapshot
 *   identity   32 bytes layer identity
 *   record     BE32 snapshot | BE32 directory | name (0..255 bytes)
 *   target     BE32 target
 *   target_id  the runtime's id | 00 | BE32 target
 *   state      BE32 target
 *   lanes      BE32 target
 *   drift      BE32 target | path part
 *   accepted   BE32 target | path part | 00 | BE32 generation
 *   generation BE32 target | BE32 generation
 *   seen       BE32 target | BE64 inode number
 *   journal    BE64 seq
 *   by_target  BE32 target | BE64 seq
 *   gap        BE64 id
 *   tally      BE32 target, and the path part where it is of one path
 *   package_set BE32 set
 *   package    BE32 set | BE32 package
 *   packaged   BE32 set | path part
 *   packages_of BE32 target
 *   verdict    BE32 snapshot
 *   chain      BE32 target
 *   golden     1, 2 or 4 | 32 bytes; 3 | 32 bytes | 32 bytes
 *
 * The path part is the path where it has at most KEY_PATH_SHORT bytes. A longer one is its first
 * KEY_PATH_PREFIX bytes and the SHA-256 of all of it: KEY_PATH_LONG bytes, a length that no short
 * one has; the value then begins with the whole path. Paths have no NUL, so 00 ends them in order.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

#define KEY_MAX 511
#define KEY_NAME_MAX 255
#define KEY_ID_MAX 255
#define KEY_PATH_PREFIX 470
#define KEY_PATH_LONG (KEY_PATH_PREFIX + SHA_LEN)
#define KEY_PATH_SHORT (KEY_PATH_LONG - 1)
#define KEY_ACCEPTED_TAIL 5

struct key {
	size_t n;
	uint8_t b[KEY_MAX];
};
static inline struct span key_span(const struct key *k)
{
	return span_make(k->b, k->n);
}

struct key key_u32(uint32_t v);
struct key key_u64(uint64_t v);
struct key key_u32_u32(uint32_t a, uint32_t b);
struct key key_u32_u64(uint32_t a, uint64_t b);
/* The caller has checked that `name` has at most KEY_NAME_MAX bytes. */
struct key key_record(uint32_t snap, uint32_t dir, struct span name);
/* At most KEY_ID_MAX bytes, checked by the caller. */
struct key key_target_id(struct span id, uint32_t target);
struct key key_drift(uint32_t target, struct span path);
struct key key_accepted(uint32_t target, struct span path, uint32_t generation);
/* The first bytes that all drift keys at or below `dir` (without its last slash) share. */
struct key key_below(uint32_t target, struct span dir);

bool key_path_is_long(struct span path);
/* Writes the whole path in front of the value, where the key cannot hold it. */
void key_path_keep(struct span path, struct buf *value);
/* The path of a path part; `value` is moved behind it where it begins with it. */
struct span key_path_of(struct span part, struct rd *value);
