/* ocsf.h - the objects of OCSF that events are made of. Each is new, the caller's. */
#pragma once

#include "wire/facts.h"

/* From an actor of the event. NULL when it has no pid: OCSF knows no process without one. */
json_t *ocsf_process(const json_t *actor);
/* The file at a place that holds its path, as `record` (NULL: not known) describes it. */
json_t *ocsf_file(const struct facts *f, const char *place, const json_t *record);
int ocsf_file_type(const json_t *record);
/* NULL when the event is about no container. */
json_t *ocsf_container(const struct facts *f);
