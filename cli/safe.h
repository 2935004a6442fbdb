/* safe.h - text of unknown origin on its way to people: nothing in it may steer a terminal. */
#pragma once

#include "base/buf.h"

/* A sentence: letters, quotes and spaces as they are, every control byte and every byte that is no
 * UTF-8 in octal. `keep_tabs` leaves tabs too. Line breaks never stay. */
void safe_text(struct buf *out, struct span raw, bool utf8_ok, bool keep_tabs);
/* Several lines: as safe_text for each. */
void safe_lines(struct buf *out, struct span raw, bool utf8_ok);
/* JSON text whose strings may hold what JSON allows and a terminal obeys: DEL, C1 and bidirectional
 * controls as \u escapes. The value stays the same. */
void safe_json(struct buf *out, struct span json);
/* Columns that valid text takes. */
size_t safe_width(struct span text);
