/* Everything again: after an overflow, and at the start. */
#include "base/clock.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/loop.h"

/* A layer that is not armed yet is looked at when it is: from then on events tell. */
void sensor_look_at_layers(struct sensor *s)
{
	for (struct layer_row *row = s->reg.layers; row; row = row->next)
		if (row->armed)
			layers_since(&s->ex, row->lower);
}

/* A tree of the host takes longer than all containers, so their gap is not open until it is done: it has
 * one of its own. */
static void rescan_host(struct sensor *s, struct reg *r, bool trust_seen)
{
	struct scan_options opt = {.asker = -1, .trust_seen = trust_seen};

	if (!trust_seen)
		sensor_gap(s, r->kept, (struct span){0}, GAP_OVERFLOW, 0,
			"events were lost: all of it is looked at");
	else if (s->blind_from)
		sensor_gap(s, r->kept, (struct span){0}, GAP_DAEMON_DOWN, 0,
			"what changed meanwhile is being looked for");
	scan_begin(&s->ex, r->kept, &opt);
}

void sensor_rescan_all(struct sensor *s, bool trust_seen)
{
	struct heal *h = heal_new(0);
	struct scan_options opt = {
		.asker = -1, .trust_seen = trust_seen, .heal = h, .layers = layers_wait};
	struct item_scan_end *e;

	atomic_fetch_add(&h->refs, 1);
	for (struct reg *r = s->reg.regs; r; r = r->next) {
		if (!r->kept->overlay && !kept_is_baselined(r->kept))
			continue;
		if (r->kept->kind == TARGET_HOST)
			rescan_host(s, r, trust_seen);
		else
			scan_begin(&s->ex, r->kept, &opt);
	}
	sensor_look_at_layers(s);
	if (atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	free(h); /* nothing to look at: healed by that */
	e = calloc(1, sizeof(*e));
	must(e);
	e->item.kind = ITEM_SCAN_END;
	e->scope = strdup("/");
	e->started = clock_wall();
	e->heals_last = true;
	e->asker = -1;
	must(e->scope);
	sensor_push(s, &e->item);
}
