/* sandbox.h - what the gateway's unit must leave open for the sinks that are configured. */
#pragma once

#include "base/buf.h"
#include "daemon/config.h"

/* Is its receiver reached by the network? */
bool sandbox_is_remote(const struct config_sink *s);
bool sandbox_needs_network(const struct config *c);
/* Why the unit cannot be opened for a sink, ever: a sentence, or NULL. */
const char *sandbox_lacks(const struct config_sink *s);
/* A drop-in that opens the network and the directories of files; nothing where none is needed. */
void sandbox_drop_in(const struct config *c, struct buf *out);
