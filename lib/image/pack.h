/* pack.h - zstd, the other way round. */
#pragma once

#include "base/buf.h"

/* Appends `plain` as one frame, with a checksum. */
int pack_zstd(struct span plain, struct buf *out);
