/* The list grows by doubling; what its boxes point to lives in its arena. */
#include "box/box.h"

void box_list_free(struct box_list *l)
{
	arena_free(&l->mem);
	free(l->v);
	*l = (struct box_list){0};
}

struct box *box_add(struct box_list *list)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct box *v = reallocarray(list->v, cap, sizeof(*v));

		must(v);
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n] = (struct box){.t.kind = TARGET_CONTAINER, .t.state = STATE_STOPPED};
	return &list->v[list->n++];
}
