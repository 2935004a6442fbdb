/* rules_own.h - what the files of the rules share; nobody else includes it. */
#pragma once

#include "policy/rules.h"
#include "base/err.h"
#include "policy/yaml.h"

/* A set in the making. */
struct making {
	struct rules *set;
	struct rule *rule; /* grows; moves into the set's arena at the end */
	size_t n, cap;
	struct span file; /* in the set's arena */
	const struct rules_hear *hear;
	unsigned errors, told; /* told: of this file */
	struct buf first;      /* the first error's sentence */
};
/* rules_load.c: one more rule, with nothing said yet; valid until the next. */
struct rule *making_add(struct making *m);
/* One thing that is wrong, at a node or at a line (0: the file as a whole). */
void making_refuse(struct making *m, const struct node *at, const char *fmt, ...) PRINTF(3, 4);
void making_refuse_at(struct making *m, unsigned line, unsigned col, const char *text);

/* rules_read.c: the rules of one file's document (NULL: an empty one). */
void rules_read(struct making *m, const struct node *root);

/* rules_match.c: does a rule with this glob fit all that a target has? */
bool rules_glob_is_all(struct span glob);

/* rules_lint.c: what can be said of rules that have mistakes: expired, named twice. */
size_t rules_lint_names(const struct rules *r, int64_t now, const struct rules_hear *hear);

/* A finding that is no error, at a rule. */
void rules_warn(const struct rules_hear *hear, const struct rule *r, const char *fmt, ...)
	PRINTF(3, 4);
