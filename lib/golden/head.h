/* head.h - the header of a baseline file: its JSON, both ways. Inside of lib/golden. */
#pragma once

#include "base/arena.h"
#include "golden/golden.h"

void golden_head_format(const struct golden *g, struct buf *out);
/* Lists are not set. Texts are the arena's. */
int golden_head_parse(struct span json, struct arena *mem, struct golden *ret);
