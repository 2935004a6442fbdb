/* whose.h - which container does a process belong to? By mount namespace, then the device of its
 * root, then the cgroup path; never by the cgroup alone when the others say otherwise. */
#pragma once

#include "base/span.h"

struct whose_row {
	struct span id;		       /* target id; borrowed */
	uint64_t mnt_ns;	       /* 0: not known */
	uint32_t dev_major, dev_minor; /* of an overlay root; 0:0: none */
	uint32_t pid;		       /* its init, as the runtime tells it; 0: not known */
};
enum { WHOSE_HOST = 1, WHOSE_GONE = 2 };
/* 0 and the row's index; WHOSE_HOST: no container; WHOSE_GONE: the process has ended. */
int whose_pid(int pid, const struct whose_row *rows, size_t n, size_t *ret_index);
/* The container id that a /proc/PID/cgroup text names (outermost known form); empty: none. */
struct span whose_cgroup_id(struct span cgroup_text);
