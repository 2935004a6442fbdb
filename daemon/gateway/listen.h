/* listen.h - the public socket: handed over by the service manager, or made here. */
#pragma once

#include "base/attr.h"

/* The descriptor of LISTEN_FDS (see sd_listen_fds(3)), which it takes out of the environment;
 * else makes PATH, 0660 and of `group` where there is such a group. A live socket is refused
 * (-EADDRINUSE), a dead one taken over. */
int listen_open(const char *path, const char *group, int *ret_fd, bool *ret_made);
