/*
 * pkgset.h - which packages an image has: read from its layers when a target's baseline is complete, once
 * for each stack of layers, a slice at a time when workers have nothing better to do. What the container wrote
 * counts for nothing: whoever changes a program and its digest in the database at once has changed both.
 */
#pragma once

#include "daemon/sensor/kept.h"

struct sensor;

/* Starts the next one that is wanted, if none is under way. On the loop. */
void pkgset_next(struct sensor *s);
