/*
 * libyaml is given text that was looked at first: it takes a NUL for the end of the file, and has
 * no line for bytes that are not UTF-8. Recursion is safe here since depth is limited before it.
 */
#include "policy/yaml.h"
#include "base/err.h"
#include "base/text.h"
#include <yaml.h>

struct reader {
	yaml_parser_t yaml;
	yaml_event_t event; /* the one looked at */
	const char *file;
	struct span text;
	struct arena *mem;
};

static void reader_fini(struct reader *r)
{
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->yaml);
}
#define READER CLEANUP(reader_fini)

/* For what has an offset only. */
static int refuse_at_offset(struct reader *r, size_t offset, const char *why)
{
	unsigned line = 1, col = 1;

	for (size_t i = 0; i < offset && i < r->text.n; i++) {
		if (r->text.p[i] == '\n') {
			line++;
			col = 1;
		} else {
			col += (r->text.p[i] & 0xc0) != 0x80;
		}
	}
	return err_set(-EINVAL, "%s:%u:%u: %s", r->file, line, col, why);
}

static int refuse_at(struct reader *r, yaml_mark_t at, const char *why)
{
	return err_set(-EINVAL, "%s:%zu:%zu: %s", r->file, at.line + 1, at.column + 1, why);
}

static int refuse_syntax(struct reader *r)
{
	const char *problem = r->yaml.problem ? r->yaml.problem : "unreadable";
	BUF struct buf why = {0};

	if (r->yaml.error == YAML_MEMORY_ERROR)
		return err_set(-ENOMEM, "%s: out of memory", r->file);
	buf_printf(&why, "not YAML: %s%s%s", r->yaml.context ? r->yaml.context : "",
		r->yaml.context ? ", " : "", problem);
	if (r->yaml.context && strstr(r->yaml.context, "alias")) /* mostly it was meant as a glob */
		buf_add_text(&why, "; a text that begins with * is written in quotes");
	if (r->yaml.error == YAML_READER_ERROR)
		return refuse_at_offset(r, r->yaml.problem_offset, buf_text(&why));
	return refuse_at(r, r->yaml.problem_mark, buf_text(&why));
}

static int next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->yaml, &r->event))
		return refuse_syntax(r);
	return 0;
}

static int check_decoration(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse_at(r, r->event.start_mark, "anchors (&name) are not allowed");
	if (tag)
		return refuse_at(r, r->event.start_mark, "tags (!name) are not allowed");
	return 0;
}

static struct node *node_new(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_alloc(r->mem, sizeof(*n));

	n->kind = kind;
	n->line = (unsigned)r->event.start_mark.line + 1;
	n->col = (unsigned)r->event.start_mark.column + 1;
	return n;
}

static int read_text(struct reader *r, struct node **ret)
{
	struct node *n = node_new(r, NODE_TEXT);

	n->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_dup(
		r->mem, span_make(r->event.data.scalar.value, r->event.data.scalar.length));
	*ret = n;
	return check_decoration(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
}

static int read_node(struct reader *r, int depth, struct node **ret);

/* The event looked at is the key; on return it is the last of its value. */
static int read_member(struct reader *r, int depth, struct node **ret)
{
	struct node *key = NULL;
	int e;

	if (r->event.type == YAML_ALIAS_EVENT)
		return refuse_at(r, r->event.start_mark, "aliases (*name) are not allowed");
	if (r->event.type != YAML_SCALAR_EVENT)
		return refuse_at(r, r->event.start_mark, "a key must be a plain text");
	if ((e = read_text(r, &key)) < 0)
		return e;
	if (key->plain && span_is(key->text, "<<"))
		return refuse_at(r, r->event.start_mark, "merge keys (<<) are not allowed");
	if ((e = next_event(r)) < 0 || (e = read_node(r, depth, ret)) < 0)
		return e;
	(*ret)->key = key;
	return 0;
}

static int read_children(struct reader *r, int depth, yaml_event_type_t end, struct node *parent)
{
	struct node **at = &parent->child;
	int e;

	if (depth >= YAML_TEXT_DEPTH)
		return refuse_at(r, r->event.start_mark, "nested too deeply, allowed 16 levels");
	for (;;) {
		if ((e = next_event(r)) < 0)
			return e;
		if (r->event.type == end)
			return 0;
		e = parent->kind == NODE_MAP ? read_member(r, depth + 1, at)
					     : read_node(r, depth + 1, at);
		if (e < 0)
			return e;
		at = &(*at)->next;
		parent->n++;
	}
}

/* The event looked at begins the node; on return it is its last one. */
static int read_node(struct reader *r, int depth, struct node **ret)
{
	int e;

	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		return read_text(r, ret);
	case YAML_SEQUENCE_START_EVENT:
		*ret = node_new(r, NODE_LIST);
		e = check_decoration(
			r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
		return e < 0 ? e : read_children(r, depth, YAML_SEQUENCE_END_EVENT, *ret);
	case YAML_MAPPING_START_EVENT:
		*ret = node_new(r, NODE_MAP);
		e = check_decoration(
			r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
		return e < 0 ? e : read_children(r, depth, YAML_MAPPING_END_EVENT, *ret);
	case YAML_ALIAS_EVENT:
		return refuse_at(r, r->event.start_mark, "aliases (*name) are not allowed");
	default:
		return refuse_at(r, r->event.start_mark, "not YAML: unexpected end");
	}
}

static int check_bytes(struct reader *r)
{
	const uint8_t *nul = r->text.n ? memchr(r->text.p, 0, r->text.n) : NULL;
	size_t n;

	if (r->text.n > YAML_TEXT_MAX)
		return refuse_at_offset(r, 0, "larger than 1 MiB");
	if (nul)
		return refuse_at_offset(r, (size_t)(nul - r->text.p), "a NUL byte");
	for (size_t i = 0; i < r->text.n; i += n) {
		n = text_utf8_len(span_make(r->text.p + i, r->text.n - i));
		if (n == 0)
			return refuse_at_offset(r, i, "not UTF-8");
	}
	return 0;
}

/* Stream start, at most one document, stream end. */
static int read_stream(struct reader *r, struct node **ret)
{
	int e;

	if ((e = next_event(r)) < 0 || (e = next_event(r)) < 0)
		return e;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if ((e = next_event(r)) < 0 || (e = read_node(r, 0, ret)) < 0)
		return e;
	if ((e = next_event(r)) < 0 || (e = next_event(r)) < 0)
		return e;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return refuse_at(r, r->event.start_mark, "more than one document");
	return 0;
}

int node_read(struct arena *mem, const char *file, struct span text, struct node **ret)
{
	READER struct reader r = {.file = file, .mem = mem};
	int e;

	*ret = NULL;
	if (span_starts(
		    text, span_of("\xef\xbb\xbf"))) /* a byte order mark says nothing in UTF-8 */
		text = span_make(text.p + 3, text.n - 3);
	r.text = text;
	if ((e = check_bytes(&r)) < 0)
		return e;
	if (!yaml_parser_initialize(&r.yaml))
		return err_set(-ENOMEM, "%s: out of memory", file);
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.yaml, text.n ? text.p : (const uint8_t *)"", text.n);
	return read_stream(&r, ret);
}

bool node_is_null(const struct node *n)
{
	return n->kind == NODE_TEXT && n->plain &&
	       (n->text.n == 0 || span_is(n->text, "~") || span_is(n->text, "null"));
}

struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (struct node *n = map->child; n; n = n->next)
		if (span_is(n->key->text, key))
			return n;
	return NULL;
}
