#include "cli/table.h"
#include "base/text.h"
#include "cli/form.h"
#include "cli/safe.h"

void table_fini(struct table *t)
{
	arena_free(&t->mem);
	buf_free(&t->cells);
}

static void add(struct table *t, struct span text, const char *sgr)
{
	struct cell cell = {arena_dup(&t->mem, text), sgr};

	buf_add(&t->cells, &cell, sizeof(cell));
}

void table_heads(struct table *t, const char *heads)
{
	while (*heads) {
		size_t n = strcspn(heads, " ");

		add(t, span_make(heads, n), "1");
		t->columns++;
		heads += n + strspn(heads + n, " ");
	}
}

void table_add(struct cli *c, struct table *t, struct span raw, const char *sgr)
{
	BUF struct buf shown = {0};

	if (raw.n)
		text_quote(&shown, raw, c->utf8_ok);
	add(t, raw.n ? buf_span(&shown) : span_of("-"), sgr);
}

void table_add_text(struct cli *c, struct table *t, const char *s)
{
	table_add(c, t, span_of(s), NULL);
}

void table_add_safe(struct table *t, struct span text)
{
	add(t, text, NULL);
}

void table_add_int(struct cli *c, struct table *t, const json_t *v)
{
	BUF struct buf shown = {0};

	if (json_is_integer(v))
		buf_printf(&shown, "%lld", (long long)json_integer_value(v));
	table_add(c, t, buf_span(&shown), NULL);
}

static void pad(struct buf *out, size_t n)
{
	while (n--)
		buf_u8(out, ' ');
}

static void print_row(struct cli *c, const struct table *t, const struct cell *row,
	const size_t *widths, struct buf *line)
{
	for (size_t i = 0; i < t->columns; i++) {
		size_t gap = widths[i] - safe_width(row[i].text);
		bool right = t->right & (1u << i);

		if (right)
			pad(line, gap);
		paint(c, line, row[i].sgr, row[i].text);
		if (i + 1 < t->columns)
			pad(line, (right ? 0 : gap) + 2);
	}
	buf_u8(line, '\n');
}

void table_print(struct cli *c, struct table *t)
{
	const struct cell *cells = (const struct cell *)t->cells.p;
	size_t n = t->cells.n / sizeof(*cells), widths[COLUMNS_MAX] = {0};
	BUF struct buf text = {0};

	look_widths();
	for (size_t i = 0; i < n; i++) {
		size_t w = safe_width(cells[i].text);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i + t->columns <= n; i += t->columns)
		print_row(c, t, cells + i, widths, &text);
	out_add(buf_span(&text));
}
