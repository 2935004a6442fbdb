/*
 * form.h - the dresses an answer can wear, behind one struct of functions.
 *
 * A command hands over the server's answer and one function that draws it for people; which of them
 * is used is not its business.
 */
#pragma once

#include "cli/cli.h"

struct view {
	const char *list; /* member that holds the items; NULL: the answer is one thing */
	void (*draw)(struct cli *c, const json_t *answer, void *arg);
	void *arg;
};

struct form {
	const char *name;
	bool machine; /* read by programs: remarks for people are left out of the data */
	void (*answer)(struct cli *c, const json_t *answer, const struct view *v);
	/* A stream: `draw` gets an item and its own text. Once before, once after; `n` counts. */
	void (*begin)(struct cli *c);
	void (*item)(struct cli *c, size_t n, struct span raw, const struct view *v);
	void (*end)(struct cli *c, size_t n);
};
const struct form *form_find(const char *name);
const struct form *form_default(void);

/* stdout. The first failure is said; out_close() at the end returns it. */
void out_add(struct span s);
void out_text(const char *s);
void out_flush(void);
int out_close(void);
/* Bytes in a colour (an SGR code; NULL: none), when stdout is to be painted. */
void paint(struct cli *c, struct buf *out, const char *sgr, struct span s);
/* The colour of a severity's or kind's name; NULL: none. */
const char *color_of(const char *word);
/* The look of this process's stdout and stderr. */
void look_init(struct cli *c);
/* To be called before safe_width() has a meaning: loads what letters' widths are, which a short
 * answer to a pipe need not pay for. */
void look_widths(void);
