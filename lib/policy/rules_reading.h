/* rules_reading.h - what reads a rule's keys: tables of them. rules_read.c has most, rules_read_hold.c
 * those of a window. Whatever is wrong is told by making_refuse(), and reading goes on. */
#pragma once

#include "policy/rules_own.h"
#include <stddef.h>

struct reading {
	struct making *m;
	struct rule *rule;
	const struct node *match; /* NULL: not said */
	bool by_change;		  /* the match asks for more than target and path */
};
struct key {
	const char *name;
	void (*read)(struct reading *r, const struct node *n, const struct key *k);
	size_t at;
	unsigned how; /* a property, or what kind of globs */
	const struct kind *words;
	int n_words;
};

#define AT(m) offsetof(struct rule, m)
#define WORDS(table) table, (int)COUNTOF(table)

static inline void *reading_member(struct reading *r, const struct key *k)
{
	return (char *)r->rule + k->at;
}

void reading_map(struct reading *r, const struct node *map, const char *what,
	const struct key *keys, size_t n_keys);

void reading_text(struct reading *r, const struct node *n, const struct key *k);
/* A text, or a list of them, each given to `add` with `to`. */
void reading_each(struct reading *r, const struct node *n, const struct key *k,
	void (*add)(struct reading *r, const struct node *n, const struct key *k, void *to),
	void *to);
void reading_refuse_word(struct reading *r, const struct node *n, const struct key *k);
/* The rule says something of `prop`. */
void reading_gives(struct reading *r, enum rule_prop prop);

/* rules_read_hold.c */
void reading_hold(struct reading *r, const struct node *n, const struct key *k);
