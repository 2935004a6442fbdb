/* actor.h - who made a change. A view, like record.h. `origin` and `ancestry` have their place
 * here and are filled by the rule of facts; what is not known is UNKNOWN with a reason. */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

struct actor {
	uint32_t pid;	/* in the host's pid namespace; 0: not known */
	uint64_t start; /* /proc/PID/stat field 22, clock ticks; with pid it names a process */
	bool has_uid;
	uint32_t uid, gid, login_uid; /* login_uid 4294967295: none */
	struct span exe;	      /* as the process sees it */
	struct span cmdline;	      /* NUL-separated, cut at 4096 bytes */
	struct span comm;
	struct span container; /* target id the process belongs to; empty: the host */
	enum origin origin;
	struct span reason; /* why something is not known */
};
/* Where has_uid is false the three ids are not kept; decoding gives 0, 0 and no login. */
void actor_encode(const struct actor *a, struct buf *out);
int actor_decode(struct span bytes, struct actor *ret);
