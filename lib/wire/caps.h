/* caps.h - file capabilities as getcap -n prints them: "cap_net_raw,cap_chown=ep [rootid=1000]". */
#pragma once

#include "base/buf.h"

/* Appends the text for a security.capability value. False, nothing appended, when it is not one. */
bool caps_text(struct span value, struct buf *out);
