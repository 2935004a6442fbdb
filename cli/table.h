/* table.h - rows and columns for people: as wide as what is in them, the last not padded. */
#pragma once

#include "base/arena.h"
#include "cli/cli.h"

enum { COLUMNS_MAX = 12 };
struct cell {
	struct span text; /* safe already */
	const char *sgr;
};
struct table {
	struct arena mem;
	struct buf cells; /* of struct cell, row after row */
	size_t columns;
	uint32_t right; /* bits: columns that hold numbers */
};
#define TABLE CLEANUP(table_fini)
void table_fini(struct table *t);
/* `heads`: apart by spaces; how many there are is the number of columns. */
void table_heads(struct table *t, const char *heads);
/* Cells fill the row from the left. `raw` is quoted here; empty shows as "-". */
void table_add(struct cli *c, struct table *t, struct span raw, const char *sgr);
void table_add_text(struct cli *c, struct table *t, const char *s);
/* Text that is safe already. */
void table_add_safe(struct table *t, struct span text);
void table_add_int(struct cli *c, struct table *t, const json_t *v);
void table_print(struct cli *c, struct table *t);
