/*
 * layer_odd.h - what is wrong with a layer at a name, and stands in no record of it: overlay marks that were set or
 * taken away, a mount of the host's over it, another directory than the container has mounted. On the workers.
 */
#pragma once

#include "daemon/sensor/kept.h"

struct layer_odd {
	const char *layer; /* its path */
	uint32_t aspects;  /* XATTR: marks; MOUNT; none: it is not what is mounted */
};
/* `now` is what the target has at `path`, whose last name is `name`; `same`: it is what the baseline has, or a
 * directory that the kernel has merged otherwise would be taken for another. */
bool layer_odd(const struct kept *k, const struct views *v, struct span path, struct span name,
	const struct hit *now, bool same, struct layer_odd *ret);
/* In words. */
const char *layer_odd_words(uint32_t aspects);
