/* keeping.h - making what is kept from a descriptor: its layers opened, shared and watched. */
#pragma once

#include "daemon/sensor/loop.h"

/* 0 and a reference; -errno with a sentence: a directory is not there (yet, or any more). */
int keeping_make(struct sensor *s, const struct target *t, struct kept **ret);
/* How its upper directory's markers are written. */
enum look_marks keeping_marks(const struct target *t);
/* Watches one more layer that is stored and not watched yet; false when there is none. */
bool keeping_arm_layer(struct sensor *s);
/* Gives up the registry's reference, and its use of the layers. */
void keeping_release(struct sensor *s, struct kept *k);
