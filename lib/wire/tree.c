/* Whatever text comes in is made valid UTF-8 first. */
#include "wire/tree.h"
#include <stdio.h>

/* The object that holds the last part of a place; parts that are not there are made. */
static struct jnode *parent_of(struct jnode *at, const char **place)
{
	const char *dot;

	while (jnode_is_object(at) && (dot = strchr(*place, '.'))) {
		struct span name = span_make(*place, (size_t)(dot - *place));
		struct jnode *below = jnode_get(at, name);

		if (!below) {
			below = jnode_object(at->mem);
			jnode_put(at, arena_dup(at->mem, name), below);
		}
		at = below;
		*place = dot + 1;
	}
	return jnode_is_object(at) ? at : NULL;
}

void tree_set(struct jnode *root, const char *place, struct jnode *v)
{
	struct jnode *at = v ? parent_of(root, &place) : NULL, *one;
	size_t n = strlen(place);
	bool list = n > 2 && strcmp(place + n - 2, "[]") == 0;

	if (list)
		n -= 2;
	if (!at || jnode_get(at, span_make(place, n)))
		return;
	if (list) {
		one = jnode_list(root->mem);
		jnode_append(one, v);
		v = one;
	}
	jnode_put(at, arena_dup(root->mem, span_make(place, n)), v);
}

void tree_text(struct jnode *root, const char *place, struct span any_bytes)
{
	tree_set(root, place, jnode_string(root->mem, any_bytes));
}

void tree_int(struct jnode *root, const char *place, int64_t v)
{
	tree_set(root, place, jnode_int(root->mem, v));
}

void tree_copy(struct jnode *root, const char *place, const struct jnode *v)
{
	if (v)
		tree_set(root, place, jnode_copy(root->mem, v));
}

void tree_words(struct jnode *root, const char *place, const char *words)
{
	struct jnode *list = jnode_list(root->mem);

	for (size_t n; *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		jnode_append(list, jnode_string(root->mem, span_make(words, n)));
	}
	tree_set(root, place, list);
}

struct longest {
	struct jnode *parent, *member;
	size_t n;
};

static bool stays(const char *const *keep, const char *place)
{
	for (; *keep; keep++) {
		if (strcmp(*keep, place) == 0)
			return true;
	}
	return false;
}

static size_t size_of(const struct jnode *v)
{
	BUF struct buf text = {.p = NULL};

	jnode_write(v, &text);
	return text.n;
}

/* What is looked into: an object, but none of so many members that each were hardly worth it. */
static bool is_open(const struct jnode *v)
{
	return jnode_is_object(v) && v->n > 0 && v->n <= 256;
}

/* Lists and plain values are what may go; `above` is the place with its dot, "" at the top. */
static void find_longest(
	struct jnode *o, const char *above, const struct tree_cut *cut, struct longest *best)
{
	for (struct jnode *v = o->below.first; v; v = v->next) {
		char place[512];
		size_t n;

		if (snprintf(place, sizeof(place), "%s%.*s", above, (int)v->key.n,
			    (const char *)v->key.p) < (int)sizeof(place) - 2 &&
			stays(cut->keep, place))
			continue;
		if (is_open(v) && strlen(place) < sizeof(place) - 100) {
			strcat(place, ".");
			find_longest(v, place, cut, best);
			continue;
		}
		n = size_of(v) + v->key.n;
		if (n > best->n)
			*best = (struct longest){o, v, n};
	}
}

static bool cut_longest(struct jnode *root, const struct tree_cut *cut)
{
	struct longest best = {.n = 0};

	find_longest(root, "", cut, &best);
	if (!best.parent)
		return false;
	jnode_unlink(best.parent, best.member);
	return true;
}

void tree_write(struct jnode *root, const struct tree_cut *cut, struct buf *out)
{
	size_t from = out->n;

	jnode_write(root, out);
	if (!cut->max || out->n - from <= cut->max)
		return;
	if (cut->inside)
		jnode_set(jnode_at(root, cut->inside), cut->mark, jnode_true(root->mem));
	else
		tree_set(root, cut->mark, jnode_true(root->mem));
	do {
		if (!cut_longest(root, cut))
			return;
		out->n = from;
		jnode_write(root, out);
	} while (out->n - from > cut->max);
}
