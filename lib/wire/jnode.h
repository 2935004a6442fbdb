/*
 * jnode.h - JSON as a tree of small nodes in an arena: read strictly, looked into, made, written.
 *
 * What all formats of the sinks are made with, 100,000 times in a row, so reading allocates next to
 * nothing: texts are spans of what was read, unless they had escapes. An object keeps its members in
 * the order in which they came and is looked through one by one; ours are short.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum { JNODE_DEPTH = 64 };
enum jnode_kind {
	JNODE_NULL,
	JNODE_FALSE,
	JNODE_TRUE,
	JNODE_INT,
	JNODE_REAL, /* by its letters alone: nothing here counts with it */
	JNODE_TEXT,
	JNODE_LIST,
	JNODE_OBJECT
};
struct jnode {
	struct jnode *next; /* beside it, in the same parent */
	struct span key;    /* in an object */
	union {		    /* ask jnode_text() and jnode_first() for it */
		struct span text;
		struct {
			struct jnode *first, *last;
		} below;
	};
	union {
		int64_t number;
		struct arena *mem; /* of lists and objects: where what is added lives */
	};
	uint32_t n; /* members */
	enum jnode_kind kind;
};

/* One JSON value (RFC 8259), whole and alone in `text`, which the tree borrows. -EBADMSG, with the
 * place in the sentence: not UTF-8, a name twice in one object or with a NUL in it, an integer that
 * does not fit, nested deeper than JNODE_DEPTH, or no JSON at all. */
int jnode_read(struct span text, struct arena *mem, struct jnode **ret);

/* All of these take NULL, which is no value of any kind. */
static inline bool jnode_is_text(const struct jnode *v)
{
	return v && v->kind == JNODE_TEXT;
}
static inline bool jnode_is_int(const struct jnode *v)
{
	return v && v->kind == JNODE_INT;
}
static inline bool jnode_is_true(const struct jnode *v)
{
	return v && v->kind == JNODE_TRUE;
}
static inline bool jnode_is_bool(const struct jnode *v)
{
	return v && (v->kind == JNODE_TRUE || v->kind == JNODE_FALSE);
}
static inline bool jnode_is_list(const struct jnode *v)
{
	return v && v->kind == JNODE_LIST;
}
static inline bool jnode_is_object(const struct jnode *v)
{
	return v && v->kind == JNODE_OBJECT;
}
static inline const struct jnode *jnode_first(const struct jnode *v)
{
	return v && v->kind >= JNODE_LIST ? v->below.first : NULL;
}
static inline size_t jnode_size(const struct jnode *v)
{
	return v && v->kind >= JNODE_LIST ? v->n : 0;
}
static inline struct span jnode_text(const struct jnode *v) /* empty: no text, or an empty one */
{
	return jnode_is_text(v) ? v->text : span_make("", 0);
}
static inline int64_t jnode_number(const struct jnode *v) /* 0: none */
{
	return jnode_is_int(v) ? v->number : 0;
}
struct jnode *jnode_get(const struct jnode *object, struct span key); /* NULL: not there */
/* At a dotted place ("a.b.c"); at one that is `n` bytes long. */
struct jnode *jnode_at(const struct jnode *root, const char *place);
struct jnode *jnode_at_n(const struct jnode *root, const char *place, size_t n);
bool jnode_eq(const struct jnode *a, const struct jnode *b); /* of lists and objects: never */

/* New ones. Texts are copied, and what is not UTF-8 in them becomes U+FFFD. */
struct jnode *jnode_object(struct arena *mem);
struct jnode *jnode_list(struct arena *mem);
struct jnode *jnode_string(struct arena *mem, struct span any_bytes);
struct jnode *jnode_int(struct arena *mem, int64_t v);
struct jnode *jnode_true(struct arena *mem);
/* Deep, but texts are shared. */
struct jnode *jnode_copy(struct arena *mem, const struct jnode *v);
/* Takes `v`, which is in nothing else, over. A member of that name is replaced where it stands. */
void jnode_set(struct jnode *object, const char *key, struct jnode *v);
void jnode_set_n(struct jnode *object, struct span key, struct jnode *v);
/* The same where the name is known to be new and to live as long as the object. */
void jnode_put(struct jnode *object, struct span key, struct jnode *v);
void jnode_append(struct jnode *list, struct jnode *v);
void jnode_drop(struct jnode *object, const char *key); /* takes NULL */
void jnode_unlink(struct jnode *parent, const struct jnode *member);

/* On one line without a control byte, not even DEL. */
void jnode_write(const struct jnode *v, struct buf *out);
