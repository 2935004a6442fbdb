/*
 * fan_parse.h - the kernel's fanotify bytes as typed events. Pure: no system call, no allocation;
 * every length is checked, so it is fuzzed from memory. Spans point into the input.
 */
#pragma once

#include "base/span.h"

/* One file handle of an event, as the kernel gave it. */
struct fan_ref {
	bool there;
	struct span key; /* fsid, handle type and handle bytes in one piece: names the object */
	/* struct file_handle, for open_by_handle_at: 4 bytes length, 4 type, bytes */
	struct span handle;
	struct span name; /* below the directory that `key` is; empty: the object itself */
};
enum { FAN_FSID_LEN = 8, FAN_KEY_MIN = 16 }; /* fsid, length, type */

struct fan_event {
	uint64_t mask;
	int fd; /* fd mode: to be closed by the caller; -1 otherwise */
	int pid;
	struct fan_ref dir;		 /* directory and name */
	struct fan_ref object;		 /* the object itself */
	struct fan_ref old_dir, new_dir; /* FAN_RENAME */
};

struct fan_cursor {
	const uint8_t *p, *end;
};
static inline struct fan_cursor fan_cursor_of(struct span s)
{
	return (struct fan_cursor){s.p, s.n ? s.p + s.n : s.p};
}
enum { FAN_END = 1 };
/* The next event. FAN_END after the last; -EBADMSG with a sentence on bytes that no kernel sends
 * (the cursor is at the end then: what follows cannot be found again). */
int fan_next(struct fan_cursor *c, struct fan_event *ret);
