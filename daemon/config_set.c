/*
 * The walk over what was written: every key must have a row, every value must fit it. Keys are
 * compared with those before them (duplicates) only until the first unknown one, so a mapping of a
 * hundred thousand keys costs nothing.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/text.h"
#include "daemon/config_schema.h"
#include <stdarg.h>
#include <stdio.h>

int config_refuse(const struct config_source *src, const struct node *at, const char *fmt, ...)
{
	char words[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return err_set(-EINVAL, "%s:%u:%u: %s", src->file, at->line, at->col, words);
}

static const char *node_noun(const struct node *n)
{
	static const char *const nouns[] = {"a text", "a list", "a mapping"};

	return node_is_null(n) ? "nothing" : nouns[n->kind];
}

static int refuse_type(
	const struct config_source *src, const struct config_option *o, const struct node *n)
{
	BUF struct buf allowed = {0};

	config_allowed(o, &allowed);
	return config_refuse(src, n, "%s: %s where a %s belongs%s%s", o->name, node_noun(n),
		o->kind == CONFIG_BOOL || o->kind == CONFIG_WORD ? "word" : o->type,
		allowed.n ? ", allowed " : "", buf_text(&allowed));
}

/* `why` NULL: the sentence that is there. */
static int refuse_value(const struct config_source *src, const struct config_option *o,
	const struct node *n, const char *why)
{
	BUF struct buf allowed = {0};

	config_allowed(o, &allowed);
	if (why)
		text_refuse(-EINVAL, n->text, why);
	return config_refuse(src, n, "%s: %s%s%s", o->name, err_why(),
		allowed.n ? ", allowed " : "", buf_text(&allowed));
}

static int set_bool(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	bool yes = span_is(n->text, "true");

	if (!n->plain || (!yes && !span_is(n->text, "false")))
		return refuse_value(src, o, n, "not a truth value");
	*(bool *)at = yes;
	return 0;
}

static int set_word(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	int place = (int)o->min;

	_Static_assert(sizeof(enum level) == sizeof(int), "enums are stored as int");
	for (const char *w = o->words; *w; place++) {
		size_t len = strcspn(w, "|");

		if (span_eq(n->text, span_make(w, len))) {
			memcpy(at, &place, sizeof(place));
			return 0;
		}
		w += len + (w[len] == '|');
	}
	return refuse_value(src, o, n, "unknown");
}

static int set_number(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	uint64_t v = 0;
	int64_t ns = 0;
	int r;

	if (o->kind == CONFIG_SIZE) {
		r = text_size(n->text, &v);
	} else if (o->kind == CONFIG_TIME) {
		r = span_is(n->text, "0") ? 0 : clock_parse_duration(n->text, &ns);
		v = (uint64_t)ns;
	} else {
		r = n->plain ? text_u64(n->text, 0, UINT64_MAX, &v)
			     : text_refuse(-EINVAL, n->text, "a text, not a number");
	}
	if (r < 0 && r != -ERANGE)
		return refuse_value(src, o, n, NULL);
	if (r < 0 || v < o->min || v > o->max)
		return refuse_value(src, o, n, "out of range");
	if (o->size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)v;
	else
		memcpy(at, &v, sizeof(v));
	return 0;
}

static bool has_dots(struct span path)
{
	for (size_t i = 0; i + 2 < path.n; i++)
		if (memcmp(path.p + i, "/..", 3) == 0 && (i + 3 == path.n || path.p[i + 3] == '/'))
			return true;
	return false;
}

/* Why the text cannot be what its row says; NULL when it can. */
static const char *text_fault(enum config_kind kind, struct span s)
{
	const uint8_t *eq = s.n ? memchr(s.p, '=', s.n) : NULL;

	if (s.n && memchr(s.p, 0, s.n))
		return "holds a NUL byte";
	switch (kind) {
	case CONFIG_PATH:
	case CONFIG_PATHS:
		if (s.n == 0 || s.p[0] != '/')
			return "not an absolute path";
		return has_dots(s) ? "a path with '..'" : NULL;
	case CONFIG_GLOBS:
		return glob_check(s) < 0 ? err_why() : s.n == 0 ? "an empty glob" : NULL;
	case CONFIG_LABELS:
		if (!eq || eq == s.p)
			return "not key=glob";
		return glob_check(span_make(eq + 1, s.n - (size_t)(eq + 1 - s.p))) < 0 ? err_why()
										       : NULL;
	case CONFIG_TEXTS:
		return s.n == 0 ? "an empty text" : NULL;
	default:
		return NULL;
	}
}

static int set_text(const struct config_source *src, const struct config_option *o,
	const struct node *n, enum config_kind kind, void *at)
{
	const char *fault = text_fault(kind, n->text);

	if (fault == err_why())
		return refuse_value(src, o, n, NULL);
	if (fault)
		return refuse_value(src, o, n, fault);
	*(const char **)at = (const char *)arena_dup(src->mem, n->text).p;
	return 0;
}

static int set_one_text(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	if (n->text.n < o->min)
		return refuse_value(src, o, n, "empty");
	if (n->text.n > o->max)
		return config_refuse(src, n, "%s: a %s of %zu bytes, allowed at most %llu", o->name,
			o->type, n->text.n, (unsigned long long)o->max);
	return set_text(src, o, n, o->kind, at);
}

static int set_texts(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	struct config_list list = {.n = n->n};
	size_t i = 0;

	list.v = arena_alloc(src->mem, (n->n + 1) * sizeof(*list.v));
	for (const struct node *c = n->child; c; c = c->next) {
		int r;

		if (c->kind != NODE_TEXT || node_is_null(c))
			return config_refuse(
				src, c, "%s: %s in a %s", o->name, node_noun(c), o->type);
		if ((r = set_text(src, o, c, o->kind, &list.v[i++])) < 0)
			return r;
	}
	*(struct config_list *)at = list;
	return 0;
}

/* What a row of the scope must be given and was not. */
static int check_given(const struct config_source *src, const struct node *map, const char *scope)
{
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++)
		if (option_in_scope(o, scope) && !o->fallback &&
			!node_get(map, o->name + strlen(scope)))
			return config_refuse(
				src, map, "%s: missing, and it has no default", o->name);
	return 0;
}

static int set_element(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	char scope[64];
	int r;

	snprintf(scope, sizeof(scope), "%s[].", o->name);
	if (n->kind != NODE_MAP)
		return config_refuse(src, n, "%s: %s in a %s", o->name, node_noun(n), o->type);
	config_set_defaults(src->mem, scope, at);
	if ((r = config_set_map(src, n, span_of(scope), at)) < 0)
		return r;
	return check_given(src, n, scope);
}

static int set_maps(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	char *list = arena_alloc(src->mem, (n->n + 1) * o->size);
	size_t i = 0;

	for (const struct node *c = n->child; c; c = c->next) {
		int r = set_element(src, o, c, list + o->size * i++);

		if (r < 0)
			return r;
	}
	memcpy(at, &list, sizeof(list));
	memcpy((char *)at + sizeof(list), &n->n, sizeof(n->n));
	return 0;
}

static int set_list(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	if (n->kind != NODE_LIST)
		return refuse_type(src, o, n);
	if (n->n > o->max)
		return config_refuse(src, n, "%s: %zu entries, allowed at most %llu", o->name, n->n,
			(unsigned long long)o->max);
	return o->kind == CONFIG_MAPS ? set_maps(src, o, n, at) : set_texts(src, o, n, at);
}

static int set_value(const struct config_source *src, const struct config_option *o,
	const struct node *n, void *at)
{
	if (o->kind >= CONFIG_TEXTS)
		return set_list(src, o, n, at);
	if (n->kind != NODE_TEXT || node_is_null(n))
		return refuse_type(src, o, n);
	switch (o->kind) {
	case CONFIG_BOOL:
		return set_bool(src, o, n, at);
	case CONFIG_WORD:
		return set_word(src, o, n, at);
	case CONFIG_TEXT:
	case CONFIG_PATH:
		return set_one_text(src, o, n, at);
	default:
		return set_number(src, o, n, at);
	}
}

void config_set_defaults(struct arena *mem, const char *scope, void *base)
{
	struct config_source src = {"default", mem};
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++) {
		ARENA struct arena tmp = {0};
		struct node *node;

		if (!option_in_scope(o, scope) || !o->fallback)
			continue;
		must(node_read(&tmp, o->name, span_of(o->fallback), &node) == 0 && node);
		must(set_value(&src, o, node, (char *)base + o->at) == 0);
	}
}

/* Levenshtein's distance, for words of at most 31 bytes; large otherwise. */
static unsigned distance(struct span a, struct span b)
{
	unsigned row[32];

	if (a.n > 31 || b.n > 31)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);

			diagonal = row[j];
			best = best < diagonal + 1 ? best : diagonal + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[b.n];
}

/* The key of the row in the scope: "watch" or "level"; empty when the row is elsewhere. */
static struct span key_in_scope(const struct config_option *o, struct span scope)
{
	const char *key = o->name + scope.n;
	size_t n;

	if (!span_starts(span_of(o->name), scope))
		return span_make(NULL, 0);
	n = strcspn(key, ".");
	return n && key[n - 1] == ']' ? span_make(NULL, 0) : span_make(key, n);
}

/* The nearest key that is allowed here, or the same key elsewhere; empty when there is none. */
static struct span suggest(struct span key, struct span scope)
{
	struct span best = {0};
	unsigned least = 3;
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++) {
		struct span k = key_in_scope(o, scope);
		const char *last = strrchr(o->name, '.');
		unsigned d = k.n ? distance(key, k) : 3;

		if (d < least && d < k.n) {
			best = k;
			least = d;
		} else if (!best.n && last && span_is(key, last + 1)) {
			best = span_of(o->name);
		}
	}
	return best;
}

static void list_keys(struct span scope, struct buf *out)
{
	struct span before = {0};
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++) {
		struct span k = key_in_scope(o, scope);

		if (!k.n || span_eq(k, before))
			continue;
		buf_printf(out, "%s%.*s", before.n ? ", " : "", (int)k.n, (const char *)k.p);
		before = k;
	}
}

static int refuse_key(const struct config_source *src, const struct node *key, struct span scope)
{
	struct span near = suggest(key->text, scope), shown = key->text;
	BUF struct buf name = {0}, keys = {0};

	shown.n = shown.n > 80 ? 80 : shown.n;
	text_quote(&name, shown, false);
	if (near.n)
		return config_refuse(src, key, "%.*s%s: unknown key, did you mean \"%.*s\"?",
			(int)scope.n, (const char *)scope.p, buf_text(&name), (int)near.n,
			(const char *)near.p);
	list_keys(scope, &keys);
	return config_refuse(src, key, "%.*s%s: unknown key, allowed %s", (int)scope.n,
		(const char *)scope.p, buf_text(&name), buf_text(&keys));
}

static bool is_repeated(const struct node *map, const struct node *member)
{
	for (const struct node *n = map->child; n != member; n = n->next)
		if (span_eq(n->key->text, member->key->text))
			return true;
	return false;
}

static int set_section(
	const struct config_source *src, const struct node *n, struct span name, void *base)
{
	BUF struct buf scope = {0};

	if (node_is_null(n)) /* all of its keys are commented out */
		return 0;
	if (n->kind != NODE_MAP)
		return config_refuse(src, n, "%.*s: %s where a mapping belongs", (int)name.n,
			(const char *)name.p, node_noun(n));
	buf_add_span(&scope, name);
	buf_u8(&scope, '.');
	return config_set_map(src, n, buf_span(&scope), base);
}

static int set_member(const struct config_source *src, const struct node *map,
	const struct node *member, struct span scope, void *base)
{
	const struct config_option *o;
	BUF struct buf name = {0};

	buf_add_span(&name, scope);
	buf_add_span(&name, member->key->text);
	if (buf_err(&name))
		return buf_err(&name);
	o = option_find(buf_span(&name));
	if (memchr(name.p + scope.n, '.', name.n - scope.n) ||
		memchr(name.p + scope.n, '[', name.n - scope.n))
		return refuse_key(src, member->key, scope);
	if (!o && !option_is_section(buf_span(&name)))
		return refuse_key(src, member->key, scope);
	if (is_repeated(map, member))
		return config_refuse(src, member->key, "%s: given twice", buf_text(&name));
	if (o)
		return set_value(src, o, member, (char *)base + o->at);
	return set_section(src, member, buf_span(&name), base);
}

int config_set_map(
	const struct config_source *src, const struct node *map, struct span scope, void *base)
{
	for (const struct node *n = map->child; n; n = n->next) {
		int r = set_member(src, map, n, scope, base);

		if (r < 0)
			return r;
	}
	return 0;
}
