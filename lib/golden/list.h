/*
 * list.h - the lists of a baseline file (file.h), from what comes in any order.
 */
#pragma once

#include "golden/file.h"

struct golden_list {
	struct buf mem; /* each: what its path is, and the line as it will stand */
	struct golden_line {
		size_t path, line, end; /* in mem */
	} * line;
	size_t n, cap;
};
#define GOLDEN_LIST CLEANUP(golden_list_fini)
void golden_list_fini(struct golden_list *l);
/* As stored_each() calls it; `list` is a struct golden_list. */
int golden_list_record(void *list, struct span path, const struct record *rec);
int golden_list_accept(struct golden_list *l, const struct golden_accept *a);
/* In order of paths, behind what is in `out`. */
int golden_list_end(struct golden_list *l, struct buf *out);
