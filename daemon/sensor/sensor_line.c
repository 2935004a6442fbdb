/* Who waits for a baseline: one of containers and one of the host is taken at a time. */
#include "daemon/sensor/loop.h"
#include "daemon/sensor/proving.h"

void sensor_baseline(struct sensor *s, struct lower *l, struct kept *tree)
{
	struct baseline_line *at =
		&s->baselines[tree && tree->kind == TARGET_HOST ? LINE_HOST : LINE_BOXES];
	struct baseline_wish *w;

	if (atomic_load(&l->snap) || atomic_exchange(&l->queued, true))
		return;
	w = calloc(1, sizeof(*w));
	must(w);
	w->lower = lower_ref(l);
	w->tree = tree ? kept_ref(tree) : NULL;
	*at->tail = w;
	at->tail = &w->next;
}

void sensor_wish_free(struct baseline_line *at)
{
	struct baseline_wish *w = at->wishes;

	at->wishes = w->next;
	if (!at->wishes)
		at->tail = &at->wishes;
	lower_unref(w->lower);
	kept_unref(w->tree);
	free(w);
}

static void next_of_line(struct sensor *s, enum snap_line line)
{
	struct baseline_line *at = &s->baselines[line];
	struct baseline_wish *w = at->wishes;
	struct baseline_options opt = {
		.line = line, .bell = s->bell_fd, .busy = &at->busy, .files = &s->baseline_files};

	if (!w || atomic_exchange(&at->busy, true))
		return;
	opt.tree = w->tree;
	if (!w->tree)
		proving_image(s, w->lower, &opt.image);
	opt.serial = ++s->baseline_serial;
	baseline_begin(&s->ex, w->lower, &opt);
	sensor_wish_free(at);
}

void sensor_next_baseline(struct sensor *s)
{
	for (int i = 0; i < SNAP_LINES; i++)
		next_of_line(s, (enum snap_line)i);
}

void sensor_stored_trees(struct sensor *s)
{
	struct scan_options opt = {.asker = -1, .trust_seen = true};

	for (struct reg *r = s->reg.regs; r; r = r->next)
		if (r->scan_when_stored && kept_is_baselined(r->kept)) {
			r->scan_when_stored = false;
			scan_begin(&s->ex, r->kept, &opt);
			sensor_want_look(s, 1); /* at what is mounted over it */
		}
}
