/* session.h - an exec session: somebody was put into a container by docker exec, kubectl exec and
 * the like. A view: everything is borrowed. */
#pragma once

#include "model/actor.h"

struct session {
	struct span id;
	int64_t opened, closed; /* wall ns; closed 0: it goes on */
	const struct actor *leader;
	uint64_t n_paths;	  /* how many paths it changed */
	const struct span *paths; /* the first of them */
	size_t n_listed;
};
