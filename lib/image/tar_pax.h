/* tar_pax.h - what headers say about the entry after them: PAX records, GNU's long names. Inside of lib/image. */
#pragma once

#include "base/buf.h"

enum {
	PAX_PATH = 1,
	PAX_LINK = 2,
	PAX_UID = 4,
	PAX_GID = 8,
	PAX_SIZE = 16,
	PAX_MTIME = 32,
	PAX_SPARSE = 64,
};
struct tar_pax {
	uint32_t has; /* PAX_* */
	bool long_name, long_link;
	struct buf path, link, xattrs;
	int64_t uid, gid, size, mtime; /* mtime: ns */
	size_t n_xattrs;
	bool keep_empty; /* attributes without a value are some */
};
/* `kind`: the header's: 'x' PAX, 'g' PAX for all (only read), 'L' 'K' GNU's long name and link. -EBADMSG. */
int tar_pax_take(struct tar_pax *x, char kind, struct span content);
void tar_pax_reset(struct tar_pax *x); /* memory is kept */
void tar_pax_free(struct tar_pax *x);
/* Attributes that are the host's own: no image says them. */
bool tar_xattr_is_hosts(struct span name);
