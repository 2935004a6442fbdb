/* sink_journald.h - what the catalogue and the tests share with the kind. */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

/* MESSAGE_ID of an event type: 32 hex digits; from its name, so that it never changes. */
void journald_message_id(enum event_type t, char ret[33]);
/* One field of the native protocol. */
void journald_field(struct buf *out, const char *key, struct span value);
