/* What a sink's receiver refused for good: summed up until the sensor has noted it. The journal gets one
 * entry for what may be ten thousand events, and the next not before a while. */
#include "daemon/gateway/sink_run.h"
#include "base/clock.h"

#include <stdio.h>

#define TOLD_SOON CLOCK_S
#define TOLD_EVERY (600 * CLOCK_S)
#define RING_EVERY CLOCK_S

void refusals_add(struct sink_refusals *all, const struct sink_refusals *more)
{
	if (more->n == 0)
		return;
	if (all->n == 0) {
		*all = *more;
		return;
	}
	all->from = more->from < all->from ? more->from : all->from;
	all->to = more->to > all->to ? more->to : all->to;
	all->n += more->n;
	/* An event that went twice was refused twice: never more than there are. */
	if (all->n > all->to - all->from + 1)
		all->n = all->to - all->from + 1;
	all->kept |= more->kept;
}

bool refusals_due(const struct sink *s, int64_t now)
{
	return s->refused.n && !s->refused_asked.n && now >= s->refused_due;
}

void run_refused(struct run *r, const struct sink_refusals *more)
{
	struct sink *s = r->s;
	int64_t soon = clock_mono() + TOLD_SOON;

	pthread_mutex_lock(&s->hub->lock);
	if (!s->refused.n && s->refused_due < soon)
		s->refused_due = soon;
	refusals_add(&s->refused, more);
	pthread_mutex_unlock(&s->hub->lock);
}

/* The text is canonical, and a quote within one of its texts has a backslash before it. */
bool run_is_word(const struct sink_event *e)
{
	static const char word[] = "\"cause\":\"sink refused\"";

	return (e->type == EVENT_GAP_OPENED || e->type == EVENT_GAP_CLOSED) &&
	       memmem(e->json.p, e->json.n, word, sizeof(word) - 1);
}

int64_t run_ring_due(const struct run *r)
{
	struct sink *s = r->s;
	int64_t due = 0;

	pthread_mutex_lock(&s->hub->lock);
	if (s->refused.n && !s->refused_asked.n)
		due = s->refused_due > r->ring_at ? s->refused_due : r->ring_at;
	pthread_mutex_unlock(&s->hub->lock);
	return due;
}

void run_ring(struct run *r)
{
	int64_t due = run_ring_due(r), now = clock_mono();

	if (!due || now < due)
		return;
	r->ring_at = now + RING_EVERY; /* nobody may be there to be told */
	hub_ring(r->s->hub);
}

/* ---- in the loop ---- */

bool sinks_refused(
	struct sinks *all, char name[65], struct sink_refusals *ret, struct buf *ret_path)
{
	struct sink_hub *h = sinks_hub(all);
	int64_t now = clock_mono();
	bool found = false;

	pthread_mutex_lock(&h->lock);
	for (struct sink *s = sinks_first(all); s && !found; s = s->next) {
		if (!refusals_due(s, now))
			continue;
		found = true;
		*ret = s->refused_asked = s->refused;
		s->refused = (struct sink_refusals){.n = 0};
		snprintf(name, 65, "%s", s->conf.name);
		if (ret->kept && h->dir)
			buf_printf(ret_path, "%s/%s.refused", h->dir, s->conf.name);
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

void sinks_refused_told(struct sinks *all, const char *name, bool again)
{
	struct sink_hub *h;
	struct sink *s = all ? sinks_first(all) : NULL;

	while (s && strcmp(s->conf.name, name) != 0)
		s = s->next;
	if (!s)
		return;
	h = sinks_hub(all);
	pthread_mutex_lock(&h->lock);
	s->refused_due = clock_mono() + (again ? TOLD_EVERY / 60 : TOLD_EVERY);
	if (again) {
		refusals_add(&s->refused_asked, &s->refused);
		s->refused = s->refused_asked;
	}
	s->refused_asked = (struct sink_refusals){.n = 0};
	h->ticks++;
	pthread_cond_broadcast(&h->tick);
	pthread_mutex_unlock(&h->lock);
}
