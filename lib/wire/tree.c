/* Built with jansson, whose texts are UTF-8 or refused: whatever comes in is made so first. */
#include "wire/tree.h"
#include "base/text.h"
#include <stdio.h>

/* The object that holds the last part of a place; parts that are not there are made. */
static json_t *parent_of(json_t *at, const char **place)
{
	const char *dot;

	while (json_is_object(at) && (dot = strchr(*place, '.'))) {
		size_t n = (size_t)(dot - *place);
		json_t *below = json_object_getn(at, *place, n);

		if (!below) {
			below = json_object();
			json_object_setn_new(at, *place, n, below);
		}
		at = below;
		*place = dot + 1;
	}
	return json_is_object(at) ? at : NULL;
}

void tree_set(json_t *root, const char *place, json_t *v)
{
	json_t *at = v ? parent_of(root, &place) : NULL;
	size_t n = strlen(place);
	bool list = n > 2 && strcmp(place + n - 2, "[]") == 0;

	if (list)
		n -= 2;
	if (!at || json_object_getn(at, place, n)) {
		json_decref(v);
		return;
	}
	if (list) {
		json_t *one = json_array();

		json_array_append_new(one, v);
		v = one;
	}
	json_object_setn_new(at, place, n, v);
}

void tree_text(json_t *root, const char *place, struct span any_bytes)
{
	BUF struct buf text = {.p = NULL};

	text_to_utf8(&text, any_bytes);
	tree_set(root, place, json_stringn(buf_text(&text), text.n));
}

void tree_int(json_t *root, const char *place, int64_t v)
{
	tree_set(root, place, json_integer(v));
}

void tree_copy(json_t *root, const char *place, const json_t *v)
{
	if (v)
		tree_set(root, place, json_deep_copy(v));
}

void tree_words(json_t *root, const char *place, const char *words)
{
	json_t *list = json_array();

	for (size_t n; *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		json_array_append_new(list, json_stringn(words, n));
	}
	tree_set(root, place, list);
}

struct longest {
	json_t *parent;
	const char *key;
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

static size_t size_of(const json_t *v)
{
	return json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* What is looked into: an object, but none of so many members that each were hardly worth it. */
static bool is_open(const json_t *v)
{
	return json_object_size(v) > 0 && json_object_size(v) <= 256;
}

/* Lists and plain values are what may go; `above` is the place with its dot, "" at the top. */
static void find_longest(
	json_t *o, const char *above, const struct tree_cut *cut, struct longest *best)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v) {
		char place[512];
		size_t n;

		if (snprintf(place, sizeof(place), "%s%s", above, key) < (int)sizeof(place) - 2 &&
			stays(cut->keep, place))
			continue;
		if (is_open(v) && strlen(place) < sizeof(place) - 100) {
			strcat(place, ".");
			find_longest(v, place, cut, best);
			continue;
		}
		n = size_of(v) + strlen(key);
		if (n > best->n)
			*best = (struct longest){o, key, n};
	}
}

static bool cut_longest(json_t *root, const struct tree_cut *cut)
{
	struct longest best = {.n = 0};

	find_longest(root, "", cut, &best);
	if (!best.parent)
		return false;
	json_object_del(best.parent, best.key);
	return true;
}

/* Inside of texts only, where the escape means the same. */
static int add_without_del(const char *p, size_t n, void *arg)
{
	struct buf *out = arg;
	const char *del;

	while ((del = memchr(p, 0x7f, n))) {
		size_t before = (size_t)(del - p);

		buf_add(out, p, before);
		buf_add_text(out, "\\u007f");
		p = del + 1;
		n -= before + 1;
	}
	buf_add(out, p, n);
	return 0;
}

void tree_write(json_t *root, const struct tree_cut *cut, struct buf *out)
{
	size_t from = out->n;

	json_dump_callback(root, add_without_del, out, JSON_COMPACT);
	if (!cut->max || out->n - from <= cut->max)
		return;
	if (cut->inside)
		json_object_set_new(json_object_get(root, cut->inside), cut->mark, json_true());
	else
		tree_set(root, cut->mark, json_true());
	do {
		if (!cut_longest(root, cut))
			return;
		out->n = from;
		json_dump_callback(root, add_without_del, out, JSON_COMPACT);
	} while (out->n - from > cut->max);
}
