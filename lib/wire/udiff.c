/*
 * Myers' O(ND) greedy algorithm on lines, with the trace of every D kept to walk back along; common
 * head and tail are cut off first. D is bounded, and so is the trace.
 */
#include "wire/udiff.h"
#include "base/err.h"

enum { CONTEXT = 3, D_MAX = 2000 };

struct text {
	struct span *line;
	size_t n;
};

/* Lines keep their newline, so a missing one at the end is a difference. */
static struct text split(struct span s)
{
	struct text t = {.n = 0};
	size_t lines = 1;

	for (size_t i = 0; i < s.n; i++)
		lines += s.p[i] == '\n';
	t.line = calloc(lines, sizeof(*t.line));
	must(t.line);
	while (s.n > 0) {
		const uint8_t *nl = memchr(s.p, '\n', s.n);
		size_t n = nl ? (size_t)(nl - s.p) + 1 : s.n;

		t.line[t.n++] = span_make(s.p, n);
		s = span_make(s.p + n, s.n - n);
	}
	return t;
}

struct diff {
	struct text a, b;
	bool *gone, *come; /* per line of a and of b: is it part of the difference */
	size_t head, tail; /* common lines */
	bool too_far;
};

static void diff_free(struct diff *d)
{
	free(d->a.line);
	free(d->b.line);
	free(d->gone);
	free(d->come);
}

static void cut_ends(struct diff *d)
{
	size_t n = d->a.n < d->b.n ? d->a.n : d->b.n;

	while (d->head < n && span_eq(d->a.line[d->head], d->b.line[d->head]))
		d->head++;
	while (d->tail < n - d->head &&
		span_eq(d->a.line[d->a.n - 1 - d->tail], d->b.line[d->b.n - 1 - d->tail]))
		d->tail++;
}

/* The trace: row D has the furthest x on each diagonal k = -D..D. */
struct trace {
	int *row[D_MAX + 1];
	int depth;
};

static void trace_free(struct trace *t)
{
	for (int i = 0; i <= t->depth; i++)
		free(t->row[i]);
}

static int at(const struct trace *t, int d, int k)
{
	return k < -d || k > d ? -1 : t->row[d][k + d];
}

static bool went_down(const struct trace *t, int d, int k)
{
	return k == -d || (k != d && at(t, d - 1, k - 1) < at(t, d - 1, k + 1));
}

static int step(const struct trace *t, int d, int k)
{
	if (d == 0)
		return 0;
	return went_down(t, d, k) ? at(t, d - 1, k + 1) : at(t, d - 1, k - 1) + 1;
}

static int slide(const struct diff *df, int x, int k, int n, int m)
{
	while (x < n && x - k < m &&
		span_eq(df->a.line[df->head + (size_t)x], df->b.line[df->head + (size_t)(x - k)]))
		x++;
	return x;
}

/* True when the end was reached in this row. */
static bool fill_row(const struct diff *df, struct trace *t, int d, int n, int m)
{
	t->row[d] = malloc((2 * (size_t)d + 1) * sizeof(int));
	must(t->row[d]);
	t->depth = d;
	for (int i = 0; i <= 2 * d; i++)
		t->row[d][i] = -1;
	for (int k = -d; k <= d; k += 2) {
		int x = step(t, d, k);

		if (x < 0 || x > n || x - k > m || x - k < 0)
			continue;
		x = slide(df, x, k, n, m);
		t->row[d][k + d] = x;
		if (x == n && x - k == m)
			return true;
	}
	return false;
}

static void walk_back(struct diff *df, const struct trace *t, int n, int m)
{
	int x = n, y = m;

	for (int d = t->depth; d > 0; d--) {
		int k = x - y;
		bool down = went_down(t, d, k);

		k += down ? 1 : -1;
		x = at(t, d - 1, k);
		y = x - k;
		if (down)
			df->come[df->head + (size_t)y] = true;
		else
			df->gone[df->head + (size_t)x] = true;
	}
}

static void mark_all(struct diff *df, size_t n, size_t m)
{
	memset(df->gone + df->head, 1, n);
	memset(df->come + df->head, 1, m);
}

static void compare(struct diff *df)
{
	size_t n = df->a.n - df->head - df->tail, m = df->b.n - df->head - df->tail;
	struct trace t = {.depth = 0};
	bool found = false;

	df->gone = calloc(df->a.n + 1, 1);
	df->come = calloc(df->b.n + 1, 1);
	must(df->gone && df->come);
	if (n == 0 || m == 0 || n > INT32_MAX / 4 || m > INT32_MAX / 4) {
		mark_all(df, n, m);
		return;
	}
	for (int d = 0; d <= D_MAX && !found; d++)
		found = fill_row(df, &t, d, (int)n, (int)m);
	if (found)
		walk_back(df, &t, (int)n, (int)m);
	else
		mark_all(df, n, m);
	df->too_far = !found;
	trace_free(&t);
}

/* Where both texts stand; lines that differ come before the common ones. */
struct place {
	size_t i, j;
};

static bool differs(const struct diff *d, struct place p)
{
	return (p.i < d->a.n && d->gone[p.i]) || (p.j < d->b.n && d->come[p.j]);
}

static bool ended(const struct diff *d, struct place p)
{
	return p.i >= d->a.n && p.j >= d->b.n;
}

static struct place past_difference(const struct diff *d, struct place p)
{
	while (p.i < d->a.n && d->gone[p.i])
		p.i++;
	while (p.j < d->b.n && d->come[p.j])
		p.j++;
	return p;
}

/* The end of the hunk that begins at `p`: until more than twice the context is the same. */
static struct place hunk_end(const struct diff *d, struct place p)
{
	struct place last = p;
	size_t same = 0;

	while (!ended(d, p) && same <= 2 * CONTEXT) {
		if (differs(d, p)) {
			last = p = past_difference(d, p);
			same = 0;
			continue;
		}
		p.i++;
		p.j++;
		same++;
	}
	for (same = 0; same < CONTEXT && last.i < d->a.n; same++) {
		last.i++;
		last.j++;
	}
	return last;
}

static void add_range(struct buf *out, char sign, size_t from, size_t n)
{
	buf_printf(out, "%c%zu", sign, n ? from + 1 : from);
	if (n != 1)
		buf_printf(out, ",%zu", n);
}

static void add_line(struct buf *out, char sign, struct span line)
{
	buf_u8(out, (uint8_t)sign);
	buf_add_span(out, line);
	if (line.n == 0 || line.p[line.n - 1] != '\n')
		buf_add_text(out, "\n\\ No newline at end of file\n");
}

static void add_hunk(const struct diff *d, struct place p, struct place end, struct buf *out)
{
	buf_add_text(out, "@@ ");
	add_range(out, '-', p.i, end.i - p.i);
	buf_u8(out, ' ');
	add_range(out, '+', p.j, end.j - p.j);
	buf_add_text(out, " @@\n");
	while (p.i < end.i || p.j < end.j) {
		for (; p.i < end.i && d->gone[p.i]; p.i++)
			add_line(out, '-', d->a.line[p.i]);
		for (; p.j < end.j && d->come[p.j]; p.j++)
			add_line(out, '+', d->b.line[p.j]);
		if (p.i >= end.i)
			continue;
		add_line(out, ' ', d->a.line[p.i]);
		p.i++;
		p.j++;
	}
}

static void add_hunks(const struct diff *d, struct buf *out)
{
	struct place p = {0, 0};

	while (!ended(d, p)) {
		struct place end;
		size_t back;

		if (!differs(d, p)) {
			p.i++;
			p.j++;
			continue;
		}
		back = p.i < CONTEXT ? p.i : CONTEXT;
		if (back > p.j)
			back = p.j;
		end = hunk_end(d, p);
		add_hunk(d, (struct place){p.i - back, p.j - back}, end, out);
		p = end;
	}
}

int udiff(struct span old, struct span now, const char *old_label, const char *new_label,
	struct buf *out)
{
	CLEANUP(diff_free) struct diff d = {.a = split(old), .b = split(now)};

	if (span_eq(old, now))
		return 0;
	cut_ends(&d);
	compare(&d);
	buf_printf(out, "--- %s\n+++ %s\n", old_label, new_label);
	add_hunks(&d, out);
	if (buf_err(out) < 0)
		return buf_err(out);
	return d.too_far ? UDIFF_TOO_FAR : 0;
}

bool udiff_is_text(struct span data)
{
	return data.n == 0 || !memchr(data.p, 0, data.n < 8000 ? data.n : 8000);
}
