/*
 * registry.h - what is kept, and how it follows what is there: containers as the finder sees them,
 * their volumes, host trees from the configuration. Runs on the loop.
 */
#pragma once

#include "daemon/sensor/reg.h"

struct sensor;

/* Looks at everything and follows: new, changed, stopped, removed. */
void registry_look(struct sensor *s);
/* Host trees, and what the store knows and is not there any more: at the start. */
void registry_start(struct sensor *s);
struct reg *registry_by_id(struct registry *r, struct span id);
struct reg *registry_by_root(struct registry *r, uint32_t root_id);
struct reg *registry_by_index(struct registry *g, uint32_t root_id); /* root_id > 0 */
struct layer_row *registry_layer_by_root(struct registry *r, uint32_t root_id);
void registry_free(struct sensor *s);
