/* diff.h - the ways in which one drift can be drawn for people. */
#pragma once

#include "cli/cli.h"

struct diff_dress {
	void (*draw)(struct cli *c, const json_t *drift, const char *target);
};
extern const struct diff_dress diff_plain, diff_long, diff_stat, diff_patch;
