/* ocsf.h - the objects of OCSF that events are made of. Each is new, in the event's arena. */
#pragma once

#include "wire/facts.h"

/* From an actor of the event. NULL when it has no pid: OCSF knows no process without one. */
struct jnode *ocsf_process(const struct facts *f, const struct jnode *actor);
/* The file at a place that holds its path, as `record` (NULL: not known) describes it. */
struct jnode *ocsf_file(const struct facts *f, const char *place, const struct jnode *record);
int ocsf_file_type(const struct jnode *record);
/* NULL when the event is about no container. */
struct jnode *ocsf_container(const struct facts *f);
