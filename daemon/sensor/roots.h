/*
 * roots.h - what the paths of volumes and host trees show now, against the directory that is held.
 *
 * A tree's root may be moved away or removed, and another one put there: the path is what counts, and
 * the baseline stays. What is mounted over it is told as such: covers.h. The directories above tell of that (inotify); a look, a rescan and
 * the round look for themselves. Runs on the loop.
 */
#pragma once

#include "daemon/sensor/reg.h"

struct sensor;

/* Takes the directory that its path shows now, or that there is none; containers stay as they are. */
void roots_follow(struct sensor *s, struct reg *r);
/* Every tree, and whether one that never was there is now. */
void roots_look(struct sensor *s);
/* An engine's volume that was removed and made anew: not this one. */
bool roots_is_anew(const struct reg *r);
/* What is to be told of a tree once the ledger knows it. */
void roots_first(struct sensor *s, struct reg *r);

/* To be kept, and neither there nor known: told once, until roots_appeared() misses it among those. */
void roots_absent(struct sensor *s, const char *path, const char *why);
void roots_appeared(struct sensor *s);
/* What an earlier life told to be absent. */
void roots_start(struct sensor *s);
void roots_free(struct registry *g);
