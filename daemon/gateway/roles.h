/*
 * roles.h - who may do what. Who a peer is is read once, when it connects; what that allows is
 * decided anew at every request, so that a reloaded configuration holds at once.
 */
#pragma once

#include "daemon/config.h"
#include "model/target.h"

struct who {
	uint32_t uid, gid;
	int32_t pid;
	uint32_t *gids; /* supplementary ones */
	size_t n_gids;
	bool in_container; /* or it could not be told: then it is taken for one */
	char why[96];	   /* how that is known */
};
void who_free(struct who *w);
/* Reads SO_PEERCRED, SO_PEERGROUPS (getgrouplist where there is none) and /proc. `is_target` tells
 * whether 64 hex digits found in a cgroup path are a container's id; may be NULL. */
int who_read(int fd, bool (*is_target)(void *ctx, struct span id), void *ctx, struct who *ret);
/* More than one value in the NSpid line of a /proc/PID/status: another pid namespace. -1: no such
 * line. */
int who_nspid_depth(struct span status);

/* Has the process the mount namespace of ours or of process 1? False, too, where it shows no mount. */
bool who_shares_mounts(int32_t pid);

const char *role_name(enum role r); /* as the configuration writes it */

/* The configuration's roles with names made numbers (NSS is asked once, here). */
struct roles;
int roles_new(struct roles **ret, const struct config *c);
void roles_free(struct roles *r);
/* The highest role: on this target; anywhere at all; and everywhere, confined by no label. */
enum role roles_on(const struct roles *r, const struct who *w, const struct target *t);
enum role roles_any(const struct roles *r, const struct who *w);
enum role roles_everywhere(const struct roles *r, const struct who *w);
