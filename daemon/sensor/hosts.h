/*
 * hosts.h - trees of the host: those that are configured, and the host itself (hostset.h) as the target
 * `host`. A tree ends where another file system is mounted, so each of those that holds a part of it is
 * a target of its own, `host:/boot`. Runs on the loop.
 */
#pragma once

struct sensor;

/* In a look: keeps every tree that is there. */
void hosts_keep(struct sensor *s);
