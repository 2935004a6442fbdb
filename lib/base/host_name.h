/* host_name.h - what this host is called in events. */
#pragma once

#include <stddef.h>

enum { HOST_NAME_ROOM = 256 };
/* BOLTSEAL_HOST_NAME of the environment, for a daemon in a container, where the kernel's word is the
 * container's own; else that of the kernel; "unknown" where neither is there. Never empty. */
void host_name(char out[HOST_NAME_ROOM]);
