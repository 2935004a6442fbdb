/* arming.h - the watch of what is kept. On the loop. */
#pragma once

#include "daemon/sensor/reg.h"

struct sensor;

/* By the numbers that `r` has; why it was refused stays with it, to be told once the ledger knows it. */
void arming_set(struct sensor *s, struct reg *r);
void arming_tell(struct sensor *s, struct reg *r);
/* Its path shows another directory: watched anew. */
void arming_renew(struct sensor *s, struct reg *r);
