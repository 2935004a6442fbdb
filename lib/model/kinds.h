/*
 * kinds.h - every list of things in the model, a row each: its C name, its JSON name, and the
 * sentence that man pages, doctor and openapi.yaml print. Enums, names and tests come from the
 * rows; a new thing is a new row here and nowhere else.
 */
#pragma once

#include "base/span.h"

/* What can differ between two records. Bits: (1u << ASPECT_x). */
#define ASPECTS(X)                                                                                 \
	X(CONTENT, "content", "the bytes of a regular file")                                       \
	X(MODE, "mode", "permission bits, setuid, setgid, sticky")                                 \
	X(OWNER, "owner", "user or group")                                                         \
	X(CAPS, "caps", "file capabilities (security.capability)")                                 \
	X(XATTR, "xattr", "any other extended attribute: ACL, SELinux label, user.*")              \
	X(TYPE, "type", "file, directory, link, device, FIFO, socket; or a device's number")       \
	X(LINK, "link", "where a symbolic link points")                                            \
	X(MTIME, "mtime", "modification time of anything but a directory")                         \
	X(FLAGS, "flags", "chattr flags: immutable, append-only, no-atime, synchronous")           \
	X(MOUNT, "mount", "a mount covers the path: the container sees something else")            \
	X(LAYER, "layer", "the read-only layer below was changed on the host")

#define EVENT_TYPES(X)                                                                             \
	X(CHANGE, "change", "a path now differs from the baseline, or differs otherwise")          \
	X(CHANGE_CLEARED, "change.cleared", "a path equals the baseline again")                    \
	X(TARGET_FOUND, "target.found", "a container, volume or host tree is kept from now on")    \
	X(TARGET_STOPPED, "target.stopped", "its last process ended; its tree is still kept")      \
	X(TARGET_STARTED, "target.started", "a stopped target runs again")                         \
	X(TARGET_RENAMED, "target.renamed", "the runtime gave it another name")                    \
	X(TARGET_REMOVED, "target.removed", "its tree is gone; its last drift is retained")        \
	X(BASELINE_CREATED, "baseline.created", "every layer it stacks is hashed and stored")      \
	X(BASELINE_ACCEPTED, "baseline.accepted", "drift was made part of the baseline")           \
	X(LAYER_TAMPERED, "layer.tampered", "a read-only layer was changed on the host")           \
	X(MOUNT_COVERED, "mount.covered", "a mount hides baselined files")                         \
	X(EXEC_DRIFTED, "exec.drifted", "a program that is not in the baseline was run")           \
	X(EXEC_DENIED, "exec.denied", "a program was kept from running")                           \
	X(GAP_OPENED, "gap.opened", "from here on something could be missed")                      \
	X(GAP_CLOSED, "gap.closed", "a full look at the scope ended the gap")                      \
	X(DAEMON_STARTED, "daemon.started", "the sensor started")                                  \
	X(DAEMON_STOPPED, "daemon.stopped", "the sensor stopped in order")                         \
	X(RULES_LOADED, "rules.loaded", "configuration or rules were read")                        \
	X(CANARY, "canary", "a marked test event")                                                 \
	X(BASELINE_EXPIRED, "baseline.expired", "what was accepted until then is drift again")     \
	X(EXEC_SESSION, "exec.session", "somebody entered a container: docker exec and the like")  \
	X(PACKAGE_RUN, "package.run", "what one run of a package manager changed")                 \
	X(FLOOD, "flood", "more changes than the budget; counted, and all in the drift")           \
	X(HOLD_OPENED, "hold.opened", "a maintenance window began; alerts are held")               \
	X(HOLD_CLOSED, "hold.closed", "a maintenance window ended; what was held is summed up")    \
	X(HEARTBEAT, "heartbeat", "the daemon is alive; what it knows, in short")                  \
	X(RULES_FAILED, "rules.failed", "configuration or rules could not be read; the old stay")  \
	X(PACKAGE_MISMATCH, "package.mismatch", "a file was not what its package installed")       \
	X(PACKAGE_DATABASE, "package.database", "a package database was changed at run time")      \
	X(LAYER_VERDICT, "layer.verdict",                                                          \
		"a read-only layer is not, or no more, proved to its image")                       \
	X(CHECKPOINT, "checkpoint", "the journal up to here, signed by the host's key")            \
	X(BASELINE_IMPORTED, "baseline.imported", "a golden baseline of an image is in force")     \
	X(BASELINE_REFUSED, "baseline.refused", "a baseline file was not taken")                   \
	X(BASELINE_REMOVED, "baseline.removed", "a golden baseline of an image is no more")        \
	X(IMAGE_SIGNATURE, "image.signature",                                                      \
		"who signed a container's image is not as it was, or as it should be")

#define SEVERITIES(X)                                                                              \
	X(INFO, "info", "for the record")                                                          \
	X(LOW, "low", "ordinary change")                                                           \
	X(MEDIUM, "medium", "worth a look")                                                        \
	X(HIGH, "high", "likely to matter")                                                        \
	X(CRITICAL, "critical", "look now")

#define GAP_CAUSES(X)                                                                              \
	X(OVERFLOW, "overflow", "the kernel or the daemon had more events than room")              \
	X(DAEMON_DOWN, "daemon down", "the sensor was not running")                                \
	X(TOO_LARGE, "too large", "beyond the byte, file or time budget")                          \
	X(UNREADABLE, "unreadable", "the file system or permissions refused a read")               \
	X(UNSETTLED, "unsettled", "a writer would not stop; the content is not known for sure")    \
	X(MARK_REFUSED, "mark refused", "the kernel refused the watch")                            \
	X(LATE, "baselined late", "it ran before the sensor did")                                  \
	X(STORE_FULL, "store full", "the store could not take more; events were not recorded")     \
	X(MOUNT_LOST, "mount lost", "the file system went away under the watch")                   \
	X(SINK_BEHIND, "sink behind", "a sink fell behind retention: it never got some events")    \
	X(SINK_REFUSED, "sink refused", "a sink's receiver refused some events for good")

#define ORIGINS(X)                                                                                 \
	X(UNKNOWN, "unknown", "not known; the reason says why")                                    \
	X(WORKLOAD, "workload", "descends from the container's init")                              \
	X(EXEC, "exec", "injected by docker exec, kubectl exec and the like")                      \
	X(RUNTIME, "runtime", "the container runtime itself, such as docker cp")                   \
	X(HOST, "host", "a process outside the container")

#define TARGET_KINDS(X)                                                                            \
	X(CONTAINER, "container", "a container's root")                                            \
	X(VOLUME, "volume", "a directory of the host mounted into containers")                     \
	X(HOST, "host", "a tree of the host, from `host:` in the configuration")

#define TARGET_STATES(X)                                                                           \
	X(RUNNING, "running", "has processes")                                                     \
	X(STOPPED, "stopped", "has none; the tree is there")                                       \
	X(REMOVED, "removed", "the tree is gone")

#define FILE_TYPES(X)                                                                              \
	X(NONE, "none", "nothing")                                                                 \
	X(REG, "file", "regular file")                                                             \
	X(DIR, "dir", "directory")                                                                 \
	X(LINK, "link", "symbolic link")                                                           \
	X(CHR, "chardev", "character device")                                                      \
	X(BLK, "blockdev", "block device")                                                         \
	X(FIFO, "fifo", "FIFO")                                                                    \
	X(SOCK, "socket", "socket")

/* How a target is watched; see facts in the README's table of levels. */
#define LEVELS(X)                                                                                  \
	X(NONE, "none", "not watched yet")                                                         \
	X(L1, "L1", "one mark per backing file system sees everything, with the right process")    \
	X(L2, "L2", "names from the backing mark, content from a mark on each overlay")            \
	X(L4, "L4", "overlay mark and inotify on the upper tree: no process for names")            \
	X(L5, "L5", "inotify on the upper tree alone: no process")                                 \
	X(L6, "L6", "sweeps only: state without when and who")

/* How far a flood is, as its entry says. */
#define FLOOD_STATES(X)                                                                            \
	X(BEGUN, "begun", "from here on changes are counted instead of told")                      \
	X(CONTINUES, "continues", "what was counted since the entry before; it goes on")           \
	X(OVER, "over", "what was counted since the entry before; changes are told again")

/* Is a read-only layer what its image says? */
#define VERDICTS(X)                                                                                \
	X(NONE, "none", "not looked at yet")                                                       \
	X(PROVED, "proved", "every name, attribute and byte is what the digest stands for")        \
	X(CONSISTENT, "consistent", "it is as it was first seen; nothing older tells of it")       \
	X(BROKEN, "broken", "it is not what its image says")                                       \
	X(UNKNOWN, "unknown", "it could not be held against its image")

/* What a layer was held against. */
#define VERDICT_HOWS(X)                                                                            \
	X(NONE, "none", "nothing")                                                                 \
	X(TAR_SPLIT, "tar-split",                                                                  \
		"the headers the engine kept, and the digest over headers and files")              \
	X(CONTENT, "content", "the layer's archive in containerd's content store")                 \
	X(TOC, "toc", "the table of contents of its zstd:chunked archive")                         \
	X(INIT, "init", "the fixed list of what Docker puts below each container")                 \
	X(CONFIG, "config", "the image's configuration, which lists its layers' digests")          \
	X(GOLDEN, "golden", "a golden baseline")

/* Who has signed an image's manifest? */
#define SIGNEDS(X)                                                                                 \
	X(UNKNOWN, "unknown", "it cannot be told which manifest it is, or nobody looked yet")      \
	X(NONE, "none", "no signature of it is here")                                              \
	X(NO_KEY, "no key", "a signature is here, and no key is trusted for it")                   \
	X(VERIFIED, "verified", "a trusted key signed exactly this manifest")                      \
	X(MISMATCH, "mismatch", "a signature is here, and it is not of this image by a trusted key")

struct kind {
	const char *name;
	const char *sentence;
};
#define KIND_ENUM(prefix, id) prefix##_##id
#define X_ASPECT(id, n, s) ASPECT_##id,
enum aspect { ASPECTS(X_ASPECT) ASPECT_N };
#define X_EVENT(id, n, s) EVENT_##id,
enum event_type { EVENT_TYPES(X_EVENT) EVENT_N };
#define X_SEV(id, n, s) SEV_##id,
enum severity { SEVERITIES(X_SEV) SEV_N };
#define X_GAP(id, n, s) GAP_##id,
enum gap_cause { GAP_CAUSES(X_GAP) GAP_N };
#define X_ORIGIN(id, n, s) ORIGIN_##id,
enum origin { ORIGINS(X_ORIGIN) ORIGIN_N };
#define X_TKIND(id, n, s) TARGET_##id,
enum target_kind { TARGET_KINDS(X_TKIND) TARGET_KIND_N };
#define X_TSTATE(id, n, s) STATE_##id,
enum target_state { TARGET_STATES(X_TSTATE) STATE_N };
#define X_FTYPE(id, n, s) FILE_##id,
enum file_type { FILE_TYPES(X_FTYPE) FILE_N };
#define X_LEVEL(id, n, s) LEVEL_##id,
enum level { LEVELS(X_LEVEL) LEVEL_N };
#define X_FSTATE(id, n, s) FLOOD_##id,
enum flood_state { FLOOD_STATES(X_FSTATE) FLOOD_STATE_N };
#define X_VERDICT(id, n, s) VERDICT_##id,
enum verdict_state { VERDICTS(X_VERDICT) VERDICT_N };
#define X_VHOW(id, n, s) VERDICT_HOW_##id,
enum verdict_how { VERDICT_HOWS(X_VHOW) VERDICT_HOW_N };
#define X_SIGNED(id, n, s) SIGNED_##id,
enum signed_state { SIGNEDS(X_SIGNED) SIGNED_N };

/* The tables themselves, indexed by the enums above. */
extern const struct kind aspect_kinds[ASPECT_N], event_kinds[EVENT_N], severity_kinds[SEV_N],
	gap_kinds[GAP_N], origin_kinds[ORIGIN_N], target_kinds[TARGET_KIND_N], state_kinds[STATE_N],
	file_kinds[FILE_N], level_kinds[LEVEL_N], flood_states[FLOOD_STATE_N],
	verdict_kinds[VERDICT_N], verdict_hows[VERDICT_HOW_N], signed_kinds[SIGNED_N];

/* Index of `name` in a table of `n`; -1 when it is not there. */
int kind_find(const struct kind *table, int n, struct span name);
