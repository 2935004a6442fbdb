/* From "root N, path below it" to "target, path": what a touch means for what is kept. */
#include "base/clock.h"
#include "daemon/log.h"
#include "daemon/sensor/links.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/mounted.h"
#include "daemon/sensor/registry.h"
#include "fs/beneath.h"
#include <stdio.h>

/* What was moved here brings its content without an event of its own; what is created here gets an
 * event for each child, or WATCH_SCAN where the marks could not promise that. */
static unsigned flags_of(uint32_t ops)
{
	bool moved_dir = (ops & WATCH_IS_DIR) && (ops & WATCH_MOVE);
	unsigned named = ops & WATCH_NAMED ? ASK_NAMED : 0;

	if (moved_dir && (named || !(ops & WATCH_SCAN)))
		return ASK_BELOW | ASK_MOVED | named;
	return ops & WATCH_SCAN ? ASK_BELOW | named : 0;
}

static void touch_layer(struct sensor *s, const struct layer_row *row, struct touch *t, bool below)
{
	if (!atomic_load(&row->lower->snap))
		return; /* first seen as it is now */
	for (struct reg *r = s->reg.regs; r; r = r->next)
		for (size_t i = 0; i < r->kept->n_lower && r->kept->overlay; i++) {
			if (r->kept->lower[i] != row->lower)
				continue;
			t->kept = r->kept;
			t->flags = ASK_LAYER | (below ? ASK_BELOW : 0u);
			sensor_touch(s, t);
			break;
		}
}

/* In a directory that lies too deep: told where that begins. */
static bool is_below_all(struct span path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return path.n && beneath_too_deep(span_make(path.p, path.n - 1));
}

void sensor_on_touch(void *ctx, const struct watch_touch *w)
{
	struct sensor *s = ctx;
	struct reg *r = registry_by_root(&s->reg, w->root);
	struct layer_row *layer = r ? NULL : registry_layer_by_root(&s->reg, w->root);
	struct reg *index = r || layer ? NULL : registry_by_index(&s->reg, w->root);
	BUF struct buf path = {0};
	struct touch t = {.when = w->when,
		.flags = flags_of(w->ops),
		.wrote = w->ops & (WATCH_CONTENT | WATCH_CREATE | WATCH_DELETE | WATCH_MOVE)};

	if ((!r && !layer && !index) || (!index && is_below_all(w->path)))
		return;
	buf_add_text(&path, "/");
	buf_add_span(&path, w->path);
	t.path = buf_span(&path);
	/* Beside what leads to a part of the host much goes on that is none of it. */
	if (r && r->kept->by_default && kept_is_excluded(r->kept, t.path))
		return;
	t.actor = actors_of(s->actors, w->pid, w->since, w->read_at);
	if (index) {
		links_want_index(&s->ex, index->kept, w->path, w->when, t.actor);
		return;
	}
	if (layer) {
		/* Moved away, and with it what containers have mounted. */
		if (!w->path.n && w->ops & WATCH_MOVE)
			mounted_look_layer(s, layer->lower);
		touch_layer(s, layer, &t, t.flags & ASK_BELOW);
		return;
	}
	t.kept = r->kept;
	sensor_touch(s, &t);
}

void sensor_on_exec(void *ctx, uint32_t root, struct span path, int pid)
{
	struct sensor *s = ctx;
	BUF struct buf at = {0};

	if (!registry_by_root(&s->reg, root))
		return;
	buf_add_text(&at, "/");
	buf_add_span(&at, path);
	tracker_opened(s->tracker, pid, buf_span(&at));
}

bool sensor_excluded(void *ctx, uint32_t root, struct span below)
{
	struct sensor *s = ctx;
	struct reg *r = registry_by_root(&s->reg, root);
	BUF struct buf path = {0};

	if (!r || !kept_excludes(r->kept))
		return false;
	buf_add_text(&path, "/");
	buf_add_span(&path, below);
	return kept_is_excluded(r->kept, buf_span(&path));
}

void sensor_touch(struct sensor *s, const struct touch *t)
{
	if (kept_is_excluded(t->kept, t->path))
		return;
	if (coalesce_add(s->coalesce, t) != COALESCE_FULL)
		return;
	s->lost++;
	if (s->overflowed)
		return;
	/* The table is full: from here on nothing is certain until everything is looked at again. */
	s->overflowed = true;
	sensor_gap(
		s, NULL, (struct span){0}, GAP_OVERFLOW, 0, "more changes waited than watch.queue");
	s->heal_due = clock_mono() + CLOCK_S;
}

void sensor_on_lost(void *ctx, uint32_t root, struct span below, enum gap_cause cause,
	uint64_t count, const char *detail)
{
	struct sensor *s = ctx;
	struct reg *r = root ? registry_by_root(&s->reg, root) : NULL;
	struct scan_options opt = {.asker = -1};
	BUF struct buf path = {0};

	if (root && !r && (r = registry_by_index(&s->reg, root)))
		below.n = 0; /* what has many names may be anywhere */

	if (root && !r) {
		log_warn("layer watch: %s", detail);
		return;
	}
	/* Looked at like any other, and told by that. */
	if (cause == GAP_TOO_LARGE && r && kept_is_baselined(r->kept)) {
		buf_add_text(&path, "/");
		buf_add_span(&path, below);
		sensor_touch(s, &(struct touch){.kept = r->kept,
					.path = buf_span(&path),
					.when = clock_wall(),
					.flags = ASK_BELOW});
		return;
	}
	s->lost += count ? count : 1;
	if (!r) {
		sensor_gap(s, NULL, (struct span){0}, cause, count, detail);
		s->heal_due = clock_mono() + 200 * CLOCK_MS;
		return;
	}
	buf_add_text(&path, "/");
	buf_add_span(&path, below);
	sensor_gap(s, r->kept, below.n ? buf_span(&path) : (struct span){0}, cause, count, detail);
	opt.scope = buf_span(&path);
	scan_begin(&s->ex, r->kept, &opt);
}
