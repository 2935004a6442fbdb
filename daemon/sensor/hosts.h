/*
 * hosts.h - trees of the host: those that are configured, and the host itself (hostset.h) as the target
 * `host`. A tree ends where another file system is mounted, so each of those that holds a part of it is
 * a target of its own, `host:/boot`. Runs on the loop.
 */
#pragma once

#include "daemon/sensor/reg.h"

struct sensor;
/* False: it is not there, and nothing is known of it. */
typedef bool hosts_keeper(struct sensor *s, struct target *t, const struct kept_limits *lim);

/* In a look: has every tree kept that is there. */
void hosts_keep(struct sensor *s, hosts_keeper *keeper);
