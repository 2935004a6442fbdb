/*
 * collect.h - what is stored of layers that no target needs any more. Runs on the loop, which alone
 * decides which stored snapshot a layer is: so none can go while it is being taken up again.
 */
#pragma once

#include <stdbool.h>

struct sensor;
struct lower;

/* Asks the ledger to drop every complete snapshot that no kept target stacks, and no removed or
 * unreadable one that is still remembered, and no golden baseline names. */
void collect(struct sensor *s);
/* Takes the layer's stored snapshot for it, unless that is on its way out. */
void collect_find(struct sensor *s, struct lower *l);
/* The same for a tree: what its path once showed stays its baseline, whatever it shows now. `by_path`
 * false: only for the very directory. */
void collect_find_tree(struct sensor *s, struct lower *l, bool by_path);
void collect_free(struct sensor *s);
