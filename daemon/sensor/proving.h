/*
 * proving.h - when layers are held against their images, and what follows from it.
 *
 * A layer's first proof is part of its baseline (baseline.c). Here are the others: by wish, and on a schedule, a layer
 * at a time, by the host's worker at idle priority, no faster than `layers.verify_rate`. And for each target the last
 * link: does it stack what its image's configuration lists? On the loop, but for the jobs.
 */
#pragma once

#include "daemon/sensor/loop.h"

/* After the ledger has rung: verdicts may have come. */
void proving_bell(struct sensor *s);
/* Something of the clock may be due. */
void proving_round(struct sensor *s, int64_t now);
int64_t proving_due(const struct sensor *s); /* monotonic; INT64_MAX: never */
/* Keys, policy or signatures may be others: who signed what is looked at again, of everybody. */
void proving_signatures(struct sensor *s);
/* Layers of `r`, or with NULL all of them - or the one at `path` - again; the answer comes after the last. False: there
 * is none such. */
bool proving_wish(struct sensor *s, struct reg *r, struct span path, int asker, uint32_t ask_id);
/* Which image lists it, as far as a target that stacks it knows. */
void proving_image(struct sensor *s, const struct lower *l, struct proof_image *ret);
/* A layer that is stored: what is known of it. */
void proving_known(struct sensor *s, struct lower *l);
/* A hook of scan_begin(): layers_wait(), and layers that are broken, byte for byte. */
void proving_layers(struct scan *s);
