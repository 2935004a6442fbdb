/*
 * pkgview.h - package databases as a container has them: in the layers of its image, held against their
 * snapshots, or as it shows them now, which is only what whoever wrote them claims.
 */
#pragma once

#include "daemon/sensor/packages.h"
#include "daemon/sensor/worker.h"
#include "store/env.h"

struct pkgview {
	struct views views, disk;
	struct txn *txn;
	bool verified; /* of the image: what is not as its snapshot has it is not read */
	const struct kept *kept;
};
/* `verified`: every layer has its snapshot. Ended by pkgview_close(), soon: it reads the store. */
int pkgview_open(struct store *store, const struct kept *k, bool verified, struct pkgview *ret);
void pkgview_close(struct pkgview *v);
#define PKGVIEW CLEANUP(pkgview_close)

/* For packages_read_from(). */
struct packages_from pkgview_from(struct pkgview *v);
/* What is at the path, by overlay's rules; 0 with ret->found false: nothing. */
int pkgview_find(struct pkgview *v, struct span path, struct hit *ret);
/* Digests the hit's content with the digest's also-kinds as they are set. Positive: it cannot be said. */
int pkgview_hash(struct worker *w, struct pkgview *v, const struct hit *h, uint8_t ret[SHA_LEN]);
