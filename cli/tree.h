/* tree.h - any JSON value as text for people: names, values, indents. */
#pragma once

#include "cli/cli.h"

void tree_add(struct cli *c, struct buf *out, const json_t *v, size_t indent);
/* The value in one line. */
void tree_inline(struct cli *c, struct buf *out, const json_t *v);
