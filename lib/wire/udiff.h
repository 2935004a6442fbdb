/*
 * udiff.h - the unified diff of two texts: what `diff -u` prints, labels apart. Pure and bounded.
 */
#pragma once

#include "base/buf.h"

enum { UDIFF_TOO_FAR = 1 };
/* Appends "--- old" / "+++ new" headers and hunks with three lines of context; nothing when equal.
 * Labels are written as they are given. Texts whose difference would take too long to find are
 * given as one hunk that removes all and adds all: still a true diff. UDIFF_TOO_FAR says so. */
int udiff(struct span old, struct span now, const char *old_label, const char *new_label,
	struct buf *out);
/* Would a person call it text? No NUL in the first 8000 bytes, as git has it. */
bool udiff_is_text(struct span data);
