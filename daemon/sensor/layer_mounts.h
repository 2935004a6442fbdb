/*
 * layer_mounts.h - mounts of the host's inside read-only layers. An overlay does not show them: what containers have
 * is below, where no path leads. Followed from look to look, on the loop.
 */
#pragma once

#include "daemon/sensor/reg.h"

struct sensor;
struct layer_row;

/* Asks for every path of a layer that is covered now and was not, or the other way round, in everybody who stacks it;
 * and for the layers at whose directory the mount is another. */
void layer_mounts_follow(struct sensor *s);
void layer_mounts_free(struct layer_row *row);
