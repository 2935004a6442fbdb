/* tree.h - JSON documents made of dotted places ("file.hash.sha256"), and cut to a size. */
#pragma once

#include "wire/jnode.h"

/* Each does nothing where the place is taken already, or lies below something that is no object.
 * A place that ends in "[]" takes a list of one. tree_set() takes `v` over; NULL is nothing. */
void tree_set(struct jnode *root, const char *place, struct jnode *v);
void tree_text(struct jnode *root, const char *place, struct span any_bytes);
void tree_int(struct jnode *root, const char *place, int64_t v);
void tree_copy(struct jnode *root, const char *place, const struct jnode *v); /* deep */
/* "a,b" as a list of texts. */
void tree_words(struct jnode *root, const char *place, const char *words);

/* What a document is cut by. */
struct tree_cut {
	size_t max;		 /* bytes; 0: no limit */
	const char *mark;	 /* place that is true when something was left out */
	const char *inside;	 /* NULL, or a member whose name `mark` is, dots and all */
	const char *const *keep; /* places that stay, NULL at the end */
};
/* Appends the document on one line without a control byte. Where it is longer than `cut->max`
 * members go, the longest first, until it fits or only what stays is left. */
void tree_write(struct jnode *root, const struct tree_cut *cut, struct buf *out);
