/* layers.h - a full look below the upper tree: is each stored layer of a target still, byte for byte,
 * what it was when it was hashed? What is not becomes an ask at that path of the target. */
#pragma once

#include "daemon/sensor/scan.h"

/* A hook of scan_begin(): the layers' part of a full look. Costs about what hashing them did. */
void layers_scan(struct scan *s);
