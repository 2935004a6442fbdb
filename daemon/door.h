/*
 * door.h - the one narrow way by which wishes from outside reach the sensor.
 *
 * A SOCK_SEQPACKET socket (door.sock beside the public socket, 0660, group of the gateway) that only
 * root and the gateway's user may use (SO_PEERCRED). Every message is one packet of at most
 * DOOR_MAX bytes: a fixed header and a body whose length must be exact. The gateway asks, the
 * sensor answers with the same id; the sensor also sends DOOR_TICK after each commit that added to
 * the journal, so that nobody polls. A packet that is not well-formed closes the connection.
 */
#pragma once

#include "base/buf.h"

#define DOOR_VERSION 1
#define DOOR_MAX 65536
enum { DOOR_SINKS_MAX = 64, DOOR_WORDS_MAX = 255, DOOR_HOLD_NAME = 256 };
#define DOOR_HOLD_LASTS UINT64_C(2678400000000000) /* 31 days */
enum door_op {
	/* gateway -> sensor */
	DOOR_RESCAN = 1, /* target, path (may be empty) */
	DOOR_ACCEPT, /* target, drift_id (64 hex), uid, expires, paths; text: the reason, and behind a NUL,
			  * where there are any, signatures in base64, apart by blanks */
	DOOR_PATCH, /* target, path -> DOOR_FILES: two sealed memfds, old and new content */
	DOOR_PING,
	DOOR_DOCTOR, /* -> DOOR_TEXT: JSON of what this kernel and host allow */
	DOOR_STATUS, /* -> DOOR_TEXT: JSON of the sensor's live counters */
	/* target: a sink's name, value to value2: the events that it never got since retention was
	 * quicker -> a gap in the journal */
	DOOR_SINK_BEHIND = 20,
	/* text: of each sink its name (buf_bytes), acked seq and lag in events (varints), at most
	 * DOOR_SINKS_MAX of them: for the next heartbeat */
	DOOR_SINKS,
	/* target: a sink's name, value to value2: among these are events that its receiver refused for
	 * good; path: where they are kept, if they are; text: how many (varint) and the receiver's
	 * first words (buf_bytes, DOOR_WORDS_MAX) -> a gap in the journal */
	DOOR_SINK_REFUSED,
	/* A maintenance window. target: which (empty: every one), text: name, reason, path or glob (may be
	 * empty), as buf_bytes each; value: ns that it lasts; uid -> its id */
	DOOR_HOLD_OPEN = 30,
	DOOR_HOLD_CLOSE, /* value: its id; text: why (may be empty); uid -> seq of its last entry */
	/* Layers are held against their image again. target: whose; without one: all, or with a path the layer
	 * there -> DOOR_PROGRESS in MiB, then DOOR_DONE: "clean" or "broken" */
	DOOR_PROVE = 40,
	/* One descriptor by SCM_RIGHTS, of a baseline file; uid; value: 1 it may take the place of another one
	 * -> text: the image's digest, 64 hex */
	DOOR_IMPORT = 50,
	DOOR_FORGET, /* drift_id: an image's digest, 64 hex: its golden baseline counts no more; uid */
	/* sensor -> gateway */
	DOOR_TICK = 64, /* value: last seq */
	DOOR_PROGRESS,	/* value: done, value2: known total (0: not known) */
	DOOR_DONE,	/* value: see enum door_result; text: sentence, or the new drift id / gen */
	DOOR_TEXT,	/* text: the answer; DOOR_MORE in flags when another packet follows */
	DOOR_FILES,	/* two descriptors by SCM_RIGHTS; flags: DOOR_OLD_ABSENT … */
};
enum door_result {
	DOOR_OK = 0,
	DOOR_NO_TARGET = 1,
	DOOR_NO_PATH = 2,
	DOOR_MOVED = 3, /* accept: the drift is not the one named; text: the present id */
	DOOR_BUSY = 4,
	DOOR_FAILED = 5,   /* text says why */
	DOOR_WITHHELD = 6, /* patch: a rule forbids showing it */
	DOOR_BINARY = 7,   /* patch: not text */
	DOOR_TOO_LARGE = 8,
	DOOR_NOTHING = 9,  /* accept: no drift under those paths; hold: no such window */
	DOOR_TAKEN = 10,   /* hold: the name is taken; text says by what */
	DOOR_REFUSED = 11, /* import: text says why */
};
enum { DOOR_MORE = 1, DOOR_OLD_ABSENT = 2, DOOR_NEW_ABSENT = 4 };

struct door_msg {
	enum door_op op;
	uint32_t id; /* the asker's; answers carry it */
	uint32_t flags;
	uint64_t value, value2;
	struct span target, path, drift_id, text; /* borrowed from the packet */
	uint32_t uid;
	int64_t expires;   /* wall ns; 0: never */
	struct span paths; /* accept: list of length-prefixed paths (buf_bytes); empty: all drift */
};
/* Strict: a known operation with the texts it has and no others, absolute paths below PATH_MAX,
 * targets of at most 512 bytes, no NUL in either, known flags, nothing behind the last byte.
 * door_send refuses (-EINVAL) what door_decode would. */
void door_encode(const struct door_msg *m, struct buf *out);
int door_decode(struct span packet, struct door_msg *ret); /* -EBADMSG */

/* Sensor's end. Makes the socket (0660, group gid when >= 0), takes over a dead one, refuses a live
 * one with -EADDRINUSE. */
int door_listen(const char *path, int gid, int *ret_fd);
/* Accepts one; -EPERM (closed) unless the peer's uid is 0, ours, or `gateway_uid`. */
int door_accept(int listen_fd, int gateway_uid, int *ret_fd);
/* Gateway's end. */
int door_connect(const char *path, int *ret_fd);
/* Both ends are non-blocking. DOOR_FILES brings two descriptors, or one for each side that is there,
 * DOOR_IMPORT one; the receiver owns them. Descriptors that nobody asked for are closed (-EBADMSG). An accept with
 * nobody there is DOOR_AGAIN too.
 * Both: one packet. DOOR_CLOSED when the other side is gone, DOOR_AGAIN when it would block. */
enum { DOOR_CLOSED = 1, DOOR_AGAIN = 2 };
int door_send(int fd, const struct door_msg *m, const int *fds, size_t n_fds);
int door_recv(int fd, struct buf *packet, struct door_msg *ret, int fds[2], size_t *ret_n_fds);
