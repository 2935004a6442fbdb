/*
 * links.h - a file with several names. The kernel's event names one of them; what was written through
 * it is there under all. So the others are looked for, by inode number, and asked for too: in the
 * upper tree (or the tree), and with index=on in the layers, for a lower hard link that was copied
 * up shows its copy under every name.
 *
 * Wishes gather for a moment and share one walk; a tree that takes long to walk is walked less often.
 */
#pragma once

#include "daemon/sensor/scan.h"

/* struct examiner's hook. Any thread. `actor`: encoded, of the event. */
void links_want(struct examiner *ex, struct kept *k, uint64_t ino, int64_t when, struct span actor);
/* The same for an entry of the target's index directory; what is no file any more is passed over. */
void links_want_index(
	struct examiner *ex, struct kept *k, struct span name, int64_t when, struct span actor);
/* A part of the scan: every name in the layers of what the index holds. */
void links_scan(struct scan *s);
