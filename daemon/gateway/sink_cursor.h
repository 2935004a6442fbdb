/*
 * sink_cursor.h - how far a sink has come, in a file of its own that is whole at every moment; and the
 * file of what its receiver refused.
 *
 * DIR/NAME.cursor is one line of text: what is acknowledged, with the id of that event, so that a
 * store that was put back to an older day is noticed; and what the sink has missed and the journal
 * does not say yet, or its receiver has refused. A digest at its end tells a damaged one.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"

struct sink_cursor {
	uint64_t acked; /* 0: nothing */
	uint8_t id[SHA_LEN];
	uint64_t behind_from, behind_to;	      /* 0: nothing to tell */
	uint64_t refused_from, refused_to, refused_n; /* the same */
};
/* CURSOR_NONE: there is no file. -EBADMSG: it is damaged. */
enum { CURSOR_NONE = 1 };
int cursor_load(const char *dir, const char *name, struct sink_cursor *ret);
/* Atomically, and on the disk when it returns. */
int cursor_save(const char *dir, const char *name, const struct sink_cursor *c);
/* The text itself; parsing is strict. */
void cursor_format(const struct sink_cursor *c, struct buf *out);
int cursor_parse(struct span text, struct sink_cursor *ret);
/* Makes the directory (0700) unless it is there. */
int cursor_dir(const char *dir);

/* Adds a line {"event":…,"reason":…,"time":…} to DIR/NAME.refused, on the disk when it returns. Beyond
 * `limit` bytes the file becomes NAME.refused.1 and what was that is gone. */
int letter_add(
	const char *dir, const char *name, struct span event, const char *reason, size_t limit);
