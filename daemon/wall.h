/*
 * wall.h - what each role gives away for good before it meets anybody: system calls (seccomp) and, the
 * gateway, files (Landlock). Under a service manager this stands inside the unit's sandbox and is
 * narrower; by hand it is all there is besides the user and the lost capabilities (daemon_drop).
 *
 * libseccomp writes the filter: names of calls differ by architecture, and a filter written by hand
 * has been wrong in every project that had one. Landlock has no library and needs none.
 *
 * What cannot be had is told, not fatal: an old kernel without Landlock is no reason to be blind.
 * A build for a sanitizer has neither: its own calls are many, and its reports go anywhere.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "daemon/config.h"

enum wall_part { WALL_SECCOMP, WALL_LANDLOCK, WALL_PARTS };
struct wall_row {
	const char *name, *without; /* name NULL: not a part of this role's wall */
	bool ok;
	char result[200]; /* a sentence */
};
struct wall {
	struct wall_row row[WALL_PARTS];
	struct arena mem;
	/* gateway */
	bool network;		  /* a sink needed it when the wall was built */
	bool no_network;	  /* and the unit has none */
	bool unit;		  /* it is the unit's, which cannot be opened for every path */
	bool private_tmp;	  /* and has a /tmp that nobody else sees */
	struct config_list files; /* directories that sinks of type file may write to */
};

struct wall_gateway {
	const struct config *config;
	const char *state_dir;	/* the store */
	const char *sinks_dir;	/* where positions are kept; must be there; NULL: nowhere */
	const char *own_socket; /* to be removed at the end; NULL: none */
};
/* Call each once, with everything open that needs more, and before any thread is started: the gateway
 * before it serves its first client, the sensor before it reads its first event. */
void wall_gateway(struct wall *ret, const struct wall_gateway *w);
void wall_sensor(struct wall *ret);
void wall_fini(struct wall *w);

/* Why a sink that came with a later configuration, or that the unit does not provide for, cannot work
 * before a restart: a sentence, or NULL. */
const char *wall_refuses(const struct wall *w, const struct config_sink *s);

/* Its rows as doctor shows probes: objects with name, ok, result, without. */
void wall_show(struct json *j, const struct wall *w);

/* For tests: the parts alone. Negative with a sentence. `network`: INET sockets are allowed. */
int wall_seccomp_gateway(bool network);
int wall_seccomp_sensor(void);
int wall_landlock(
	const struct wall_gateway *w, const struct config_list *files, bool network, int *ret_abi);
