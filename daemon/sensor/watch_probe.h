/*
 * probe.h - what this kernel lets us do, found by doing it. Never by its version: distributions
 * take features back into old kernels, and sandboxes take them away from new ones.
 *
 * What could disturb the host is done in a forked child with its own mount namespace, on a tmpfs
 * that goes with it.
 */
#pragma once

#include "daemon/sensor/watch.h"

/* name, symbol, what is lost without it and what to do */
#define PROBES(X)                                                                                    \
	X(caps, "capabilities",                                                                      \
		"CAP_SYS_ADMIN for marks, CAP_DAC_READ_SEARCH to open by handle, CAP_SYS_PTRACE to " \
		"know processes, CAP_LEASE to find live writers: grant them to the sensor")          \
	X(fid, "fanotify with names",                                                                \
		"events without names: only inotify or sweeps; needs CAP_SYS_ADMIN and Linux 5.9")   \
	X(target, "fanotify target ids", "other names of a hard link are found by sweeps only")      \
	X(rename, "fanotify renames in one piece", "a rename is told as two halves; nothing lost")   \
	X(sb_mark, "file system marks",                                                              \
		"each directory must be marked: more memory, changes to layers found by sweeps")     \
	X(by_handle, "open by handle", "events cannot be turned into paths: CAP_DAC_READ_SEARCH")    \
	X(overlay_visible, "overlay writes seen below",                                              \
		"content is watched on each overlay itself (L2), as on kernels before 6.5; if the "  \
		"result says that no overlay could be mounted, allow the sensor mount namespaces")   \
	X(overlay_mark, "marks on overlays", "no second source of content (L2, L4)")                 \
	X(inotify, "inotify", "no fallback (L4, L5) where fanotify is refused")                      \
	X(marks, "limit of directory marks", "raise fs.fanotify.max_user_marks")                     \
	X(watches, "limit of inotify watches", "raise fs.inotify.max_user_watches")                  \
	X(lease, "leases", "a writer that is still alive goes unnoticed: CAP_LEASE")                 \
	X(files, "open files", "raise LimitNOFILE of the sensor to 65536")                           \
	X(statmount, "statmount", "containers are found through /proc, which is slower")             \
	X(openat2, "openat2", "paths are opened step by step, which is slower: allow the call")      \
	X(fine_ctime, "fine change times",                                                           \
		"a file written right after it was hashed is hashed once more; nothing to do")

#define X_PROBE(id, name, without) PROBE_##id,
enum probe_id { PROBES(X_PROBE) PROBE_N };

struct probe {
	struct watch_probe rows[PROBE_N];
	unsigned fid_flags; /* FAN_REPORT_*; 0: none works */
	bool rename, overlay_visible;
	unsigned below, on_overlay; /* how the trial on an overlay ended, for probe_trial() */
};
/* The trial mounts an overlay, which a service may not. So root makes it before the start and leaves what
 * came out in a file, whose path is in the environment: written by the one, read by probe_run(). */
#define PROBE_TRIAL "BOLTSEAL_TRIAL"
int probe_trial(const char *path);
/* `scratch` is made if it is not there. Takes some tens of milliseconds. */
void probe_run(struct probe *ret, const char *scratch, bool no_fanotify);
