/* For answers that are lists of facts: the daemon may tell more tomorrow, and it shows at once. */
#include "cli/tree.h"
#include "base/text.h"
#include "cli/safe.h"

static void add_key(struct cli *c, struct buf *out, const char *key)
{
	BUF struct buf words = {0};

	for (; *key; key++)
		buf_u8(&words, *key == '_' ? ' ' : (uint8_t)*key);
	text_quote(out, buf_span(&words), c->utf8_ok);
}

static bool is_scalar(const json_t *v)
{
	return !json_is_object(v) && !json_is_array(v);
}

static void add_scalar(struct cli *c, struct buf *out, const json_t *v)
{
	if (json_is_string(v))
		safe_text(out, span_make(json_string_value(v), json_string_length(v)), c->utf8_ok,
			false);
	else if (json_is_integer(v))
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		buf_printf(out, "%g", json_real_value(v));
	else
		buf_add_text(out, json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "-");
}

static void inline_object(struct cli *c, struct buf *out, const json_t *o)
{
	const char *key, *between = "";
	json_t *v;

	if (json_object_size(o) == 0)
		buf_add_text(out, "none");
	json_object_foreach((json_t *)o, key, v) {
		buf_add_text(out, between);
		add_key(c, out, key);
		buf_u8(out, ' ');
		tree_inline(c, out, v);
		between = ", ";
	}
}

void tree_inline(struct cli *c, struct buf *out, const json_t *v)
{
	size_t i;
	json_t *item;

	if (is_scalar(v)) {
		add_scalar(c, out, v);
		return;
	}
	if (json_is_object(v)) {
		inline_object(c, out, v);
		return;
	}
	if (json_array_size(v) == 0)
		buf_add_text(out, "none");
	json_array_foreach(v, i, item) {
		buf_add_text(out, i ? "; " : "");
		tree_inline(c, out, item);
	}
}

static void pad(struct buf *out, size_t n)
{
	while (n--)
		buf_u8(out, ' ');
}

static bool is_flat_array(const json_t *a)
{
	size_t i;
	json_t *v;

	json_array_foreach(a, i, v)
		if (!is_scalar(v))
			return false;
	return true;
}

static void add_items(struct cli *c, struct buf *out, const json_t *a, size_t indent)
{
	size_t i;
	json_t *v;

	json_array_foreach(a, i, v) {
		pad(out, indent);
		buf_add_text(out, "- ");
		tree_inline(c, out, v);
		buf_u8(out, '\n');
	}
}

static void add_member(
	struct cli *c, struct buf *out, const char *key, const json_t *v, size_t indent)
{
	bool flat = is_scalar(v) || (json_is_array(v) && is_flat_array(v)) ||
		    (json_is_object(v) && json_object_size(v) == 0);

	pad(out, indent);
	add_key(c, out, key);
	buf_add_text(out, ":");
	if (flat) {
		buf_u8(out, ' ');
		tree_inline(c, out, v);
	}
	buf_u8(out, '\n');
	if (!flat)
		tree_add(c, out, v, indent + 2);
}

void tree_add(struct cli *c, struct buf *out, const json_t *v, size_t indent)
{
	const char *key;
	json_t *m;

	if (json_is_array(v)) {
		add_items(c, out, v, indent);
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, m)
			add_member(c, out, key, m, indent);
	} else {
		pad(out, indent);
		add_scalar(c, out, v);
		buf_u8(out, '\n');
	}
}
