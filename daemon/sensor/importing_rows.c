/*
 * From a list of paths to the order of a snapshot: breadth first, directories numbered as they are met. The
 * list has a directory before what is in it, and names in order of bytes, as siblings have them.
 */
#include "base/err.h"
#include "daemon/sensor/importing.h"
#include "golden/file.h"
#include "store/snapshot.h"

enum { ROWS = 1000, DEPTH_MAX = 2048, NAME_MOST = 255, NOBODY = -1 };

struct branch {
	struct span name, rec; /* borrowed from the list; rec empty: a root that is not in it */
	int32_t parent, first, last, next;
	uint32_t no; /* 0: no directory */
	bool is_dir;
};
struct tree {
	struct branch *node;
	size_t n, cap;
	int32_t open[DEPTH_MAX]; /* the path that is being filled, root first */
	size_t depth;
};

static void tree_free(struct tree *t)
{
	free(t->node);
}

static int bad(const char *what)
{
	return err_set(-EBADMSG, "baseline file: %s", what);
}

static int32_t add_node(struct tree *t, int32_t parent, struct span name)
{
	int32_t at = (int32_t)t->n;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		struct branch *more = realloc(t->node, cap * sizeof(*more));

		must(more && cap < INT32_MAX);
		t->node = more;
		t->cap = cap;
	}
	t->node[t->n++] = (struct branch){
		.name = name, .parent = parent, .first = NOBODY, .last = NOBODY, .next = NOBODY};
	if (parent == NOBODY)
		return at;
	if (t->node[parent].last == NOBODY)
		t->node[parent].first = at;
	else
		t->node[t->node[parent].last].next = at;
	t->node[parent].last = at;
	return at;
}

static bool name_ok(struct span s)
{
	return s.n > 0 && s.n <= NAME_MOST && !span_is(s, ".") && !span_is(s, "..");
}

static struct span next_part(struct span *path)
{
	const uint8_t *slash = path->n ? memchr(path->p, '/', path->n) : NULL;
	size_t n = slash ? (size_t)(slash - path->p) : path->n;
	struct span part = span_make(path->p, n);

	n += slash != NULL;
	*path = span_make(path->p + n, path->n - n);
	return part;
}

/* Down to where the path is: what it shares with the one before is open. */
static int place(struct tree *t, struct span path, int32_t *ret)
{
	int32_t at = 0;
	size_t depth = 1;

	while (path.n) {
		struct span part = next_part(&path);

		if (!name_ok(part) || depth >= DEPTH_MAX)
			return bad("a path with a part that is no name, or too deep");
		if (!t->node[at].is_dir)
			return bad("a path below what is no directory");
		if (depth >= t->depth || !span_eq(t->node[t->open[depth]].name, part)) {
			t->open[depth] = add_node(t, at, part);
			t->depth = depth + 1;
			if (path.n) /* what is only implied stands in a list, too */
				return bad("a path whose directory is not in it");
		}
		at = t->open[depth++];
	}
	t->depth = depth;
	*ret = at;
	return 0;
}

static int build(struct tree *t, struct span records)
{
	struct rd at = rd_of(records), raw;
	struct span path;
	struct record rec;
	int32_t node = 0;
	int r = 0;

	t->open[0] = add_node(t, NOBODY, (struct span){0});
	t->node[0].is_dir = true;
	t->depth = 1;
	while (raw = at, r == 0 && golden_next(&at, &path, &rec)) {
		r = place(t, path, &node);
		if (r < 0)
			break;
		rd_bytes(&raw);
		t->node[node].rec = rd_bytes(&raw);
		t->node[node].is_dir = rec.type == FILE_DIR;
		if (node == 0 && rec.type != FILE_DIR)
			r = bad("its root is no directory");
	}
	return r < 0 || !at.bad ? r : bad("a record is broken");
}

/* ---- out ---- */

struct rows {
	const uint8_t *identity;
	struct item_golden_rows *it;
	golden_rows_put *put;
	void *ctx;
	struct buf implied; /* the record of a root that the list does not have */
};

static void flush(struct rows *r)
{
	if (r->it)
		r->put(r->ctx, take(r->it));
}

static struct slot keep(struct buf *mem, struct span s)
{
	struct slot at = {(uint32_t)mem->n, (uint32_t)s.n};

	buf_add_span(mem, s);
	must(!mem->err);
	return at;
}

static void add_row(struct rows *r, const struct branch *n, uint32_t dir)
{
	struct golden_row *row;

	if (!r->it) {
		r->it = calloc(1, sizeof(*r->it));
		must(r->it);
		r->it->item.kind = ITEM_GOLDEN_ROWS;
		memcpy(r->it->identity, r->identity, SHA_LEN);
		r->it->row = calloc(ROWS, sizeof(*r->it->row));
		must(r->it->row);
	}
	row = &r->it->row[r->it->n_rows++];
	row->name = keep(&r->it->mem, n->name);
	row->rec = keep(&r->it->mem, n->rec.n ? n->rec : buf_span(&r->implied));
	row->dir = dir;
	row->sub_dir = n->no;
	if (r->it->n_rows == ROWS)
		flush(r);
}

static void write_tree(struct tree *t, struct rows *r)
{
	FREE int32_t *line = calloc(t->n, sizeof(*line));
	size_t end = 1;
	uint32_t no = SNAP_ROOT_DIR;

	must(line);
	t->node[0].no = no++;
	add_row(r, &t->node[0], 0);
	for (size_t i = 0; i < end; i++)
		for (int32_t c = t->node[line[i]].first; c != NOBODY; c = t->node[c].next) {
			if (t->node[c].is_dir) {
				t->node[c].no = no++;
				line[end++] = c;
			}
			add_row(r, &t->node[c], t->node[line[i]].no);
		}
	flush(r);
}

int importing_rows(
	struct span records, const uint8_t identity[SHA_LEN], golden_rows_put *put, void *ctx)
{
	FREE struct tree *t = calloc(1, sizeof(*t));
	struct rows rows = {.identity = identity, .put = put, .ctx = ctx};
	struct record implied = {.type = FILE_DIR, .mode = 0755, .ovl = OVL_IMPLIED};
	int r;

	must(t);
	r = record_encode(&implied, &rows.implied);
	if (r == 0)
		r = build(t, records);
	if (r == 0)
		write_tree(t, &rows);
	buf_free(&rows.implied);
	tree_free(t);
	return r;
}
