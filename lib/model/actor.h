/* actor.h - who made a change. A view, like record.h: spans are borrowed. What is not known is
 * empty, and `reason` says why; the origin is then UNKNOWN. */
#pragma once

#include "base/buf.h"
#include "base/sha.h"
#include "model/kinds.h"

enum { ACTOR_UP_MAX = 8, ACTOR_CMDLINE_MAX = 4096 };

/* A process above the actor's, as it was when the next one below was forked. */
struct ancestor {
	uint32_t pid;	/* 0: not known */
	uint64_t start; /* 0: not known */
	struct span comm, exe;
};
struct actor {
	uint32_t pid;	/* in the host's pid namespace; 0: not known */
	uint64_t start; /* /proc/PID/stat field 22, clock ticks; with pid it names a process */
	bool has_uid;
	uint32_t uid, gid;
	uint32_t login_uid, login_session; /* 4294967295: none */
	struct span exe;		   /* as the process sees it */
	struct span exe_host;		   /* the same file as the host sees it */
	struct span cmdline;		   /* NUL-separated, cut at ACTOR_CMDLINE_MAX bytes */
	struct span comm, cwd;
	struct span tty;       /* "pts/0", "tty1", "4:64"; empty: none */
	struct span container; /* target id the process belongs to; empty: the host */
	struct span session;   /* id of the exec session that it belongs to; empty: none */
	enum origin origin;
	struct span reason; /* why something is not known */
	/* It, or one it descends from, runs in a mount namespace that is not its container's: what the name of
	 * a program stands for there is not known. */
	bool aside;
	bool drifted; /* its program is drift of the target it belongs to */
	bool has_sha;
	uint8_t sha[SHA_LEN]; /* of its program file */
	struct ancestor up[ACTOR_UP_MAX];
	/* Nearest first. Where `pid` is not known, and something was found in a new directory, it is
	 * who made that directory and his ancestors: no fact of the actor's, and never shown as one. */
	size_t n_up;
};
/* Where has_uid is false the ids are not kept; decoding gives 0, 0 and no login. Writes version 2;
 * reads 1 as well. */
void actor_encode(const struct actor *a, struct buf *out);
int actor_decode(struct span bytes, struct actor *ret);

/* Somebody who came from outside of what runs there: by exec, as the runtime, or on the host. */
bool actor_is_hand(const struct actor *a);
/* Of one origin, container and session. */
bool actor_is_beside(const struct actor *a, const struct actor *b);
/* Two that touched one file before anybody looked at it: `mine` (encoded) becomes the one that the change
 * is told of, with the other in its reason where it is of another origin or session. A hand goes before
 * the workload, who writes before who changes attributes alone, the later before the earlier.
 * `wrote`: did it write, create, move or delete? */
void actor_join(struct buf *mine, bool *wrote, struct span later, bool later_wrote);
