/* What trees are made of. The reader is jnode_read.c. */
#include "wire/jnode.h"
#include "base/json.h"
#include "base/text.h"

struct jnode *jnode_get(const struct jnode *object, struct span key)
{
	if (!jnode_is_object(object))
		return NULL;
	for (struct jnode *v = object->below.first; v; v = v->next) {
		/* The last byte first: names that are as long seldom end alike. */
		if (v->key.n == key.n &&
			(key.n == 0 || (v->key.p[key.n - 1] == key.p[key.n - 1] &&
					       memcmp(v->key.p, key.p, key.n) == 0)))
			return v;
	}
	return NULL;
}

struct jnode *jnode_at_n(const struct jnode *root, const char *place, size_t n)
{
	const char *end = place + n;

	for (;;) {
		const char *dot = memchr(place, '.', (size_t)(end - place));
		struct jnode *v =
			jnode_get(root, span_make(place, (size_t)((dot ? dot : end) - place)));

		if (!dot || !v)
			return v;
		root = v;
		place = dot + 1;
	}
}

struct jnode *jnode_at(const struct jnode *root, const char *place)
{
	return jnode_at_n(root, place, strlen(place));
}

bool jnode_eq(const struct jnode *a, const struct jnode *b)
{
	if (!a || !b || a->kind != b->kind || a->kind >= JNODE_LIST)
		return false;
	if (a->kind == JNODE_INT)
		return a->number == b->number;
	return a->kind < JNODE_INT || span_eq(a->text, b->text);
}

static struct jnode *make(struct arena *mem, enum jnode_kind kind)
{
	struct jnode *v = arena_alloc(mem, sizeof(*v));

	v->kind = kind;
	return v;
}

struct jnode *jnode_object(struct arena *mem)
{
	struct jnode *v = make(mem, JNODE_OBJECT);

	v->mem = mem;
	return v;
}

struct jnode *jnode_list(struct arena *mem)
{
	struct jnode *v = make(mem, JNODE_LIST);

	v->mem = mem;
	return v;
}

struct jnode *jnode_string(struct arena *mem, struct span any_bytes)
{
	struct jnode *v = make(mem, JNODE_TEXT);
	BUF struct buf text = {.p = NULL};

	if (!text_is_utf8(any_bytes)) {
		text_to_utf8(&text, any_bytes);
		any_bytes = buf_span(&text);
	}
	v->text = arena_dup(mem, any_bytes);
	return v;
}

struct jnode *jnode_int(struct arena *mem, int64_t number)
{
	struct jnode *v = make(mem, JNODE_INT);

	v->number = number;
	return v;
}

struct jnode *jnode_true(struct arena *mem)
{
	return make(mem, JNODE_TRUE);
}

static void link_in(struct jnode *parent, struct jnode *v)
{
	v->next = NULL;
	if (parent->below.last)
		parent->below.last->next = v;
	else
		parent->below.first = v;
	parent->below.last = v;
	parent->n++;
}

struct jnode *jnode_copy(struct arena *mem, const struct jnode *v)
{
	struct jnode *copy = make(mem, v->kind);

	*copy = *v;
	copy->next = NULL;
	if (v->kind < JNODE_LIST)
		return copy;
	copy->mem = mem;
	copy->n = 0;
	copy->below.first = copy->below.last = NULL;
	for (const struct jnode *m = v->below.first; m; m = m->next)
		link_in(copy, jnode_copy(mem, m));
	return copy;
}

void jnode_put(struct jnode *object, struct span key, struct jnode *v)
{
	v->key = key;
	link_in(object, v);
}

void jnode_append(struct jnode *list, struct jnode *v)
{
	link_in(list, v);
}

void jnode_set_n(struct jnode *object, struct span key, struct jnode *v)
{
	struct jnode *there = jnode_get(object, key), *next;

	if (!there) {
		jnode_put(object, arena_dup(object->mem, key), v);
		return;
	}
	key = there->key;
	next = there->next;
	*there = *v;
	there->key = key;
	there->next = next;
}

void jnode_set(struct jnode *object, const char *key, struct jnode *v)
{
	jnode_set_n(object, span_of(key), v);
}

void jnode_unlink(struct jnode *parent, const struct jnode *member)
{
	struct jnode *before = NULL;

	for (struct jnode *v = parent->below.first; v != member; v = v->next)
		before = v;
	if (before)
		before->next = member->next;
	else
		parent->below.first = member->next;
	if (parent->below.last == member)
		parent->below.last = before;
	parent->n--;
}

void jnode_drop(struct jnode *object, const char *key)
{
	struct jnode *v = jnode_get(object, span_of(key));

	if (v)
		jnode_unlink(object, v);
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void write_text(struct buf *out, struct span s)
{
	size_t from = 0;

	buf_u8(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i]))
			continue;
		buf_add(out, s.p + from, i - from);
		json_escape(out, s.p[i]);
		from = i + 1;
	}
	buf_add(out, s.p + from, s.n - from);
	buf_u8(out, '"');
}

static void write_members(const struct jnode *v, struct buf *out)
{
	for (const struct jnode *m = v->below.first; m; m = m->next) {
		if (m != v->below.first)
			buf_u8(out, ',');
		if (v->kind == JNODE_OBJECT) {
			write_text(out, m->key);
			buf_u8(out, ':');
		}
		jnode_write(m, out);
	}
}

void jnode_write(const struct jnode *v, struct buf *out)
{
	static const char *const words[] = {
		[JNODE_NULL] = "null", [JNODE_FALSE] = "false", [JNODE_TRUE] = "true"};

	if (v->kind < JNODE_INT) {
		buf_add_text(out, words[v->kind]);
	} else if (v->kind == JNODE_INT) {
		buf_int(out, v->number);
	} else if (v->kind == JNODE_REAL) {
		buf_add_span(out, v->text);
	} else if (v->kind == JNODE_TEXT) {
		write_text(out, v->text);
	} else {
		buf_u8(out, v->kind == JNODE_OBJECT ? '{' : '[');
		write_members(v, out);
		buf_u8(out, v->kind == JNODE_OBJECT ? '}' : ']');
	}
}
