#include "daemon/sensor/arming.h"
#include "base/err.h"
#include "daemon/sensor/loop.h"

/* A write through one of several names may be told by the index's name for the file alone. */
static void arm_index(struct sensor *s, struct reg *r)
{
	struct watch_root root = {.kind = WATCH_TREE, .path = r->kept->index};
	enum level level;

	if (r->kept->index_fd < 0)
		return;
	root.id = r->index_id = ++s->reg.next_id;
	if (watch_add(s->watch, &root, &level) < 0 && !r->refused)
		r->refused = span_dup(span_of(err_why()));
}

void arming_set(struct sensor *s, struct reg *r)
{
	struct watch_root root = {.id = r->root_id,
		.kind = r->kept->overlay ? WATCH_UPPER : WATCH_TREE,
		.path = r->kept->upper,
		.merged = r->merged,
		.pid = (int)r->pid,
		.exclude = &r->kept->exclude};

	if (atomic_load(&r->kept->absent)) {
		r->level = LEVEL_L6;
		return;
	}
	if (watch_add(s->watch, &root, &r->level) < 0) {
		r->level = LEVEL_L6;
		r->refused = span_dup(span_of(err_why()));
	}
	arm_index(s, r);
}

void arming_tell(struct sensor *s, struct reg *r)
{
	if (r->refused)
		sensor_gap(s, r->kept, (struct span){0}, GAP_MARK_REFUSED, 0, r->refused);
	free(take(r->refused));
}

void arming_renew(struct sensor *s, struct reg *r)
{
	watch_remove(s->watch, r->root_id);
	watch_remove(s->watch, r->index_id);
	r->root_id = ++s->reg.next_id;
	arming_set(s, r);
	arming_tell(s, r);
	sensor_want_look(s, 0);
}
