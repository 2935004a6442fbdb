#include "golden/stored.h"
#include "base/err.h"
#include <string.h>

/* A directory whose names are still to be read. */
struct todo {
	struct todo *next;
	uint32_t no;
	size_t n;
	char path[];
};
struct each {
	struct txn *t;
	uint32_t snap;
	stored_record *fn;
	void *ctx;
	struct todo *head, **tail; /* in the order of their numbers, as they were written */
	uint32_t last;
	struct buf path;
};

static void each_fini(struct each *e)
{
	while (e->head) {
		struct todo *next = e->head->next;

		free(e->head);
		e->head = next;
	}
	buf_free(&e->path);
}

static void later(struct each *e, struct span path, uint32_t no)
{
	struct todo *d = malloc(sizeof(*d) + path.n + 1);

	must(d);
	d->no = no;
	d->n = path.n;
	memcpy(d->path, path.n ? path.p : (const uint8_t *)"", path.n);
	d->next = NULL;
	*e->tail = d;
	e->tail = &d->next;
}

static int one(struct each *e, const struct todo *d, struct span name, const struct record *rec,
	uint32_t sub)
{
	struct span path;

	buf_reset(&e->path);
	buf_add(&e->path, d->path, d->n);
	buf_add_text(&e->path, d->n ? "/" : "");
	buf_add_span(&e->path, name);
	path = buf_span(&e->path);
	if (buf_err(&e->path))
		return buf_err(&e->path);
	if (sub && sub <= e->last) /* it would lead in circles */
		return err_set(-EBADMSG, "snapshot %u: a directory is in it twice", e->snap);
	if (sub) {
		later(e, path, sub);
		e->last = sub;
	}
	return e->fn(e->ctx, path, rec);
}

static void list_close(struct snap_cursor **c)
{
	snap_list_close(*c);
}

static int read_dir(struct each *e, const struct todo *d)
{
	CLEANUP(list_close) struct snap_cursor *c = NULL;
	struct record rec;
	struct span name;
	uint32_t sub;
	int r = snap_list_open(e->t, e->snap, d->no, &c);

	while (r == 0 && (r = snap_list_next(c, &name, &rec, &sub)) == 0)
		r = one(e, d, name, &rec, sub);
	return r == STORE_ABSENT ? 0 : r;
}

int stored_each(struct txn *t, uint32_t snap, stored_record *fn, void *ctx)
{
	CLEANUP(each_fini)
	struct each e = {.t = t, .snap = snap, .fn = fn, .ctx = ctx, .tail = &e.head};
	const struct todo above = {.no = 0};
	struct record root;
	uint32_t sub = 0;
	int r = snap_lookup(t, snap, 0, (struct span){0}, &root, &sub);

	if (r == 0)
		r = one(&e, &above, (struct span){0}, &root, sub);
	if (r == STORE_ABSENT)
		return 0; /* an empty one */
	while (r == 0 && e.head) {
		struct todo *d = e.head;

		e.head = d->next;
		if (!e.head)
			e.tail = &e.head;
		r = read_dir(&e, d);
		free(d);
	}
	return r;
}

static int add(void *ctx, struct span path, const struct record *rec)
{
	return canon_add(ctx, path, rec);
}

int stored_canon(struct txn *t, uint32_t snap, uint8_t ret[SHA_LEN])
{
	CANON struct canon *c = NULL;
	int r = canon_new(&c);

	if (r == 0)
		r = stored_each(t, snap, add, c);
	return r ? r : canon_end(c, ret);
}

bool stored_root_is_right(const struct gold *g)
{
	FREE struct canon_layer *layers = calloc(g->n_layers + 1, sizeof(*layers));
	uint8_t accepts[SHA_LEN], root[SHA_LEN];

	must(layers);
	for (size_t i = 0; i < g->n_layers; i++) {
		memcpy(layers[i].diff_id, g->layer[i].diff_id, SHA_LEN);
		memcpy(layers[i].canon, g->layer[i].canon, SHA_LEN);
	}
	sha_once(g->accept_list, accepts);
	canon_root(layers, g->n_layers, g->accept_list.n ? accepts : NULL, root);
	return sha_same(root, g->root);
}
