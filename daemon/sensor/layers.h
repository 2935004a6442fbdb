/* layers.h - looks below the upper tree: is each stored layer of a target still what it was when it was
 * hashed? What is not becomes an ask at that path of the target. */
#pragma once

#include "daemon/sensor/scan.h"

/* A hook of scan_begin(): the layers' part of a full look, byte for byte. Costs about what hashing
 * them did. */
void layers_scan(struct scan *s);
/* One of its layers. */
void layers_scan_one(struct scan *s, struct lower *l);

/* The cheap part, for times in which nobody watched: whatever was done to a layer since then has a
 * later change time, which nobody can set. layers_wait() is a hook of scan_begin(), for as many targets
 * as there are; layers_since() then walks one layer for all that wait for it, and compares what
 * changed since it was last good. On the loop. */
void layers_wait(struct scan *s);
void layers_since(struct examiner *ex, struct lower *l);
/* The layer is kept no more: who waits for it ends without having seen it. */
void layers_let_go(struct lower *l);
