#include "golden/list.h"
#include "base/err.h"

void golden_list_fini(struct golden_list *l)
{
	buf_free(&l->mem);
	free(l->line);
}

static struct golden_line *add(struct golden_list *l, struct span path)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct golden_line *more = realloc(l->line, cap * sizeof(*more));

		must(more);
		l->line = more;
		l->cap = cap;
	}
	l->line[l->n].path = l->mem.n;
	buf_add_span(&l->mem, path);
	l->line[l->n].line = l->mem.n;
	return &l->line[l->n++];
}

int golden_list_record(void *list, struct span path, const struct record *rec)
{
	struct golden_list *l = list;
	struct golden_line *at = add(l, path);
	int r = golden_add(&l->mem, path, rec);

	at->end = l->mem.n;
	return r;
}

int golden_list_accept(struct golden_list *l, const struct golden_accept *a)
{
	struct golden_line *at = add(l, a->path);
	int r = golden_accept_add(&l->mem, a);

	at->end = l->mem.n;
	return r;
}

static int compare(const void *a, const void *b, void *mem)
{
	const struct golden_line *x = a, *y = b;
	const uint8_t *p = ((const struct buf *)mem)->p;

	return canon_path_cmp(span_make(p + x->path, x->line - x->path),
		span_make(p + y->path, y->line - y->path));
}

int golden_list_end(struct golden_list *l, struct buf *out)
{
	if (l->n)
		qsort_r(l->line, l->n, sizeof(*l->line), compare, &l->mem);
	for (size_t i = 0; i < l->n; i++)
		buf_add(out, l->mem.p + l->line[i].line, l->line[i].end - l->line[i].line);
	return buf_err(&l->mem) ? buf_err(&l->mem) : buf_err(out);
}
