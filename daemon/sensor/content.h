/* content.h - reading what a lookup found: where the data lies, hashing it, handing it out. */
#pragma once

#include "daemon/sensor/worker.h"
#include "fs/hash.h"

struct content_how {
	bool probe, grows; /* hash.h */
	uint64_t prefix;
};
/* Hashes the data of a regular file's hit. Results as hash_file(); negative: unreadable. */
int content_hash(struct worker *w, const struct view *v, const struct hit *h,
	const struct content_how *how, struct hash_result *ret);
/* Opens the data read-only. Positive: as beneath_open(). */
int content_open(const struct view *v, const struct hit *h, int *ret_fd);
/* The baseline path that a copied-up object's origin handle names: appends "/path". */
void content_origin(const struct views *v, struct span origin, struct buf *out);
/* Reads old and new content of a path for a patch and answers the door. */
void content_patch(
	struct examiner *ex, struct kept *k, struct span path, int asker, uint32_t ask_id);
