/* host.h - the host as a supporter wants it described: versions, kinds of mounts, limits, our processes. */
#pragma once

#include "base/buf.h"

void host_describe(struct buf *out);
