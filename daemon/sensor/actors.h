/* actors.h - who did it: facts of processes, read when an event is, kept a while by pid and start
 * time. The encoding is made once per process. */
#pragma once

#include "base/buf.h"
#include "box/whose.h"

struct actors;
int actors_new(struct actors **ret);
void actors_free(struct actors *a);
/* The encoded actor of `pid` for a change in target `id`; lives until the next call. Never empty:
 * what is not known says why. */
struct span actors_of(struct actors *a, int pid, const struct whose_row *rows, size_t n_rows);
