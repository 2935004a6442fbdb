/* owned.h - what a runtime itself puts into a fresh container's upper directory: Podman and CRI-O make
 * there what Docker keeps in a layer of its own (-init). Not the container's doing, so no drift,
 * as long as it is what the runtime made: empty, or the link it always is. */
#pragma once

#include "model/record.h"

/* Does this runtime make such things? */
bool owned_by_runtime(struct span runtime);
/* Is this one of them, untouched? */
bool owned_is(struct span path, const struct record *now);
