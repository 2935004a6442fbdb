/*
 * yaml.h - YAML text as a small tree, read by libyaml's event API. Only what a configuration
 * needs: one document of mappings, lists and texts. Anchors, aliases, merge keys and tags are
 * refused (they make a small file large or a text something else), depth and size are limited.
 */
#pragma once

#include "base/arena.h"

enum { YAML_TEXT_DEPTH = 16, YAML_TEXT_MAX = 1 << 20 };
enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };
struct node {
	enum node_kind kind;
	bool plain;	    /* a text without quotes: only that can be a number, true or nothing */
	unsigned line, col; /* from 1; columns count characters */
	struct span text;   /* UTF-8, NUL-terminated; may hold a NUL by an escape */
	struct node *key;   /* of a mapping's member */
	struct node *child, *next;
	size_t n; /* children */
};

/* `*ret` is NULL for an empty document. -EINVAL with "file:line:column: what". */
int node_read(struct arena *mem, const char *file, struct span text, struct node **ret);
/* Nothing was written where a value belongs. */
bool node_is_null(const struct node *n);
/* The member `key` of a mapping, or NULL; also NULL when `map` is no mapping. */
struct node *node_get(const struct node *map, const char *key);
