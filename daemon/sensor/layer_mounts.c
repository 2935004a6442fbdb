#include "daemon/sensor/layer_mounts.h"
#include "base/clock.h"
#include "base/err.h"
#include "box/mounts.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/mounted.h"
#include <stdlib.h>
#include <string.h>

static bool stacks(const struct kept *k, const struct lower *l)
{
	for (size_t i = 0; k->overlay && i < k->n_lower; i++)
		if (k->lower[i] == l)
			return true;
	return false;
}

static void touch(struct sensor *s, const struct layer_row *row, const char *point)
{
	struct touch t = {.path = span_of(point), .when = clock_wall(), .flags = ASK_LAYER};

	for (struct reg *r = s->reg.regs; r; r = r->next)
		if (stacks(r->kept, row->lower)) {
			t.kept = r->kept;
			sensor_touch(s, &t);
		}
}

static void meet(struct layer_row *row, const struct mount *m, struct span point)
{
	struct cover *c = row->covers;

	while (c && !(c->mount_id == m->id && span_is(point, c->point)))
		c = c->next;
	if (!c) {
		c = calloc(1, sizeof(*c));
		must(c);
		c->mount_id = m->id;
		c->point = span_dup(point);
		c->next = row->covers;
		row->covers = c;
	}
	c->seen = true;
}

static void follow(struct sensor *s, struct layer_row *row, const struct mounts *table)
{
	struct span path = span_of(row->lower->path);
	struct cover *c, **at = &row->covers;
	uint64_t over = 0;
	size_t deepest = 0;

	for (size_t i = 0; i < table->n; i++) {
		struct span point = table->v[i].point;

		if (path_within(path, point) && point.n >= deepest) {
			deepest = point.n;
			over = table->v[i].id;
		} else if (point.n > path.n && path_within(point, path)) {
			meet(row, &table->v[i], span_make(point.p + path.n, point.n - path.n));
		}
	}
	if (row->over && over != row->over)
		mounted_look_layer(s, row->lower);
	row->over = over;
	while ((c = *at)) {
		/* What is not stored has nothing yet that it could be held against. */
		if (c->seen && !c->told && atomic_load(&row->lower->snap)) {
			c->told = true;
			touch(s, row, c->point);
		}
		if (c->seen) {
			c->seen = false;
			at = &c->next;
			continue;
		}
		touch(s, row, c->point);
		*at = c->next;
		free(c->point);
		free(c);
	}
}

void layer_mounts_follow(struct sensor *s)
{
	MOUNTS struct mounts table = {0};

	if (!s->reg.layers)
		return;
	if (mounts_of_pid(0, MOUNTS_AUTO, &table) < 0) {
		log_warn("the host's mounts: %s", err_why());
		return;
	}
	for (struct layer_row *row = s->reg.layers; row; row = row->next)
		follow(s, row, &table);
}

void layer_mounts_free(struct layer_row *row)
{
	while (row->covers) {
		struct cover *c = row->covers;

		row->covers = c->next;
		free(c->point);
		free(c);
	}
}
