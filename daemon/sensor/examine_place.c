/* A directory in both views of a target, open for as long as its names are looked at. */
#include "daemon/sensor/examine.h"
#include "store/env.h"

static void node_of(struct hit *h, struct node *ret)
{
	if (h->found && h->entry.rec.type == FILE_DIR) {
		*ret = h->node;
		h->node = (struct node){0};
	}
}

static int open_dir(const struct view *v, struct span dir, struct node *ret)
{
	HIT struct hit h = {0};
	int r = view_resolve(v, dir, &h);

	if (r == 0)
		node_of(&h, ret);
	return r < 0 ? r : 0;
}

int place_open(struct place *p)
{
	int r;

	p->look = order_begin(&p->worker->ex->order, p->worker->no);
	r = txn_begin(p->worker->ex->store, false, &p->txn);
	p->views = calloc(1, sizeof(*p->views));
	must(p->views);
	if (r == 0)
		r = views_open(p->kept, p->txn, p->views);
	if (r == 0)
		r = open_dir(&p->views->now, p->dir, &p->now);
	if (r == 0)
		r = open_dir(&p->views->base, p->dir, &p->base);
	return r;
}

void place_close(struct place *p)
{
	node_free(&p->now);
	node_free(&p->base);
	if (p->views)
		views_close(p->views);
	free(p->views);
	p->views = NULL;
	txn_abort(take(p->txn));
	order_end(&p->worker->ex->order, p->worker->no);
}
