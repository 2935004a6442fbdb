/*
 * collect.h - what is stored of layers that no target needs any more. Runs on the loop, which alone
 * decides which stored snapshot a layer is: so none can go while it is being taken up again.
 */
#pragma once

struct sensor;
struct lower;

/* Asks the ledger to drop every complete snapshot that no kept target stacks, and no removed or
 * unreadable one that is still remembered. */
void collect(struct sensor *s);
/* Takes the layer's stored snapshot for it, unless that is on its way out. */
void collect_find(struct sensor *s, struct lower *l);
void collect_free(struct sensor *s);
