/*
 * mounted.h - is a layer's directory the one that a running container has mounted?
 *
 * The kernel holds the directories that an overlay was mounted of, wherever they are moved and whatever lies at
 * their paths by now, and does not tell which they are. But where all layers lie on one file system an overlay
 * shows a file of a lower layer by its own inode number: some names that resolve to exactly that layer are held
 * against the overlay, as the container's own mount namespace shows it. Where numbers tell nothing - several file
 * systems, another overlay than ours at the process's root, a mount of the container's over the name - nothing is said.
 *
 * On the workers but where a call says otherwise.
 */
#pragma once

#include "daemon/sensor/scan.h"

struct sensor;

/* The look at all of a target's layers, as a job; what is found goes to the ledger, and the paths that betray it are
 * asked for. Any thread. */
void mounted_look(struct examiner *ex, struct kept *k);
/* The same as part of a scan of everything: struct examiner's hook. */
void mounted_scan(struct scan *s);
/* At once, on this worker. True: one of its layers is another. */
bool mounted_look_now(struct kept *k, struct worker *w);
/* Has the container another object at this name, which is found in its layer number `i`, than lies there? */
bool mounted_other(const struct kept *k, size_t i, const struct hit *now, struct span path);

/* On the loop. Everybody who stacks the layer; NULL: whose layers' paths show others than before. */
void mounted_look_layer(struct sensor *s, const struct lower *l);
void mounted_round(struct sensor *s);
/* The mount table's lower layers of a container that runs, held against what is kept. */
void mounted_follow(struct sensor *s, struct kept *k, struct span lowers);
