/* A mount over a path of the container hides what is below it: a touch at that path, with what it is. */
#include "daemon/sensor/covers.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/loop.h"
#include <string.h>

static void touch(struct sensor *s, struct reg *r, const char *point, const char *what)
{
	struct touch t = {.kept = r->kept,
		.path = span_of(point),
		.when = clock_wall(),
		.flags = what ? ASK_COVERED : ASK_UNCOVERED,
		.mount = span_of(what)};

	sensor_touch(s, &t);
}

static void cover_new(struct sensor *s, struct reg *r, const struct box_mount *m)
{
	struct cover *c = calloc(1, sizeof(*c));
	BUF struct buf what = {0};

	must(c);
	c->mount_id = m->id;
	c->point = span_dup(m->point);
	c->seen = true;
	c->next = r->covers;
	r->covers = c;
	buf_add_span(&what, m->fs_type);
	if (m->source.n) {
		buf_add_text(&what, " from ");
		buf_add_span(&what, m->source);
	}
	touch(s, r, c->point, buf_text(&what));
}

static struct cover *cover_of(struct reg *r, const struct box_mount *m)
{
	for (struct cover *c = r->covers; c; c = c->next)
		if (c->mount_id == m->id && span_is(m->point, c->point))
			return c;
	return NULL;
}

void covers_follow(struct sensor *s, struct reg *r, const struct box *b)
{
	struct cover *c, **at = &r->covers;

	for (c = r->covers; c; c = c->next)
		c->seen = false;
	for (size_t i = 0; i < b->n_mount; i++) {
		const struct box_mount *m = &b->mount[i];

		if (m->own || m->point.n <= 1)
			continue;
		c = cover_of(r, m);
		if (c)
			c->seen = true;
		else
			cover_new(s, r, m);
	}
	while ((c = *at)) {
		if (c->seen) {
			at = &c->next;
			continue;
		}
		touch(s, r, c->point, NULL);
		*at = c->next;
		free(c->point);
		free(c);
	}
}

void covers_free(struct reg *r)
{
	while (r->covers) {
		struct cover *c = r->covers;

		r->covers = c->next;
		free(c->point);
		free(c);
	}
}
