#include "daemon/sensor/refuse.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/volume.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void add_real(struct buf *list, struct span path)
{
	BUF struct buf text = {0};
	FREE char *real = NULL;

	buf_add_span(&text, path);
	real = realpath(buf_text(&text), NULL);
	if (real)
		buf_bytes(list, span_of(real));
}

void refuse_begin(struct sensor *s)
{
	BUF struct buf roots = {0};
	struct rd at;

	buf_free(&s->reg.refused);
	s->reg.refused = s->reg.refused_now;
	s->reg.refused_now = (struct buf){0};
	finder_data_roots(s->finder, &roots);
	buf_reset(&s->reg.strongholds);
	add_real(&s->reg.strongholds, span_of(s->cfg->state_dir));
	at = rd_of(buf_span(&roots));
	while (!rd_end(&at))
		add_real(&s->reg.strongholds, rd_bytes(&at));
}

/* Data roots and our own state directory: at its root or below. */
static bool holds_stronghold(struct registry *g, struct span tree)
{
	struct rd at = rd_of(buf_span(&g->strongholds));

	while (!rd_end(&at))
		if (path_within(rd_bytes(&at), tree))
			return true;
	return false;
}

/* Wherever a container's files lie, or show: another one's merged root has the device of that one. */
static bool holds_container(struct registry *g, struct span tree, uint32_t major, uint32_t minor)
{
	for (const struct reg *r = g->regs; r; r = r->next) {
		if (r->kept->kind != TARGET_CONTAINER)
			continue;
		if (path_within(span_of(r->kept->upper), tree) ||
			(r->merged && span_is(tree, r->merged)))
			return true;
		if (r->kept->overlay && (r->dev_major || r->dev_minor) && r->dev_major == major &&
			r->dev_minor == minor)
			return true;
	}
	for (const struct layer_row *l = g->layers; l; l = l->next)
		if (path_within(span_of(l->lower->path), tree))
			return true;
	return false;
}

static bool holds(struct registry *g, const struct box_mount *m)
{
	return holds_stronghold(g, m->source) ||
	       holds_container(g, m->source, m->dev_major, m->dev_minor);
}

/* Does `m` come with `above`, as what is mounted below a directory comes with the directory? */
static bool comes_with(const struct box_mount *m, const struct box_mount *above)
{
	size_t n = m->point.n - above->point.n;

	return m != above && path_within(m->point, above->point) &&
	       path_within(m->source, above->source) && m->source.n - above->source.n == n &&
	       memcmp(m->point.p + above->point.n, m->source.p + above->source.n, n) == 0;
}

static void tell_once(struct sensor *s, const struct box *b, const struct box_mount *m)
{
	struct rd before = rd_of(buf_span(&s->reg.refused));
	struct rd now = rd_of(buf_span(&s->reg.refused_now));
	bool told = false;

	while (!rd_end(&now))
		if (span_eq(rd_bytes(&now), m->source))
			return;
	while (!told && !rd_end(&before))
		told = span_eq(rd_bytes(&before), m->source);
	buf_bytes(&s->reg.refused_now, m->source);
	if (!told)
		log_note("%.*s, which %.*s mounts, is not kept as a volume: it holds what is kept "
			 "of containers themselves",
			(int)m->source.n, (const char *)m->source.p, (int)b->t.name.n,
			(const char *)b->t.name.p);
}

/* A container that sees the host's root (it is being pivoted into place, or was given it) sees all
 * of the host's mounts below that: they are no volumes of its own. Nor are those below a data root. */
bool refuse_mount(struct sensor *s, const struct box *b, const struct box_mount *m)
{
	for (size_t i = 0; i < b->n_mount; i++) {
		const struct box_mount *above = &b->mount[i];

		if (span_is(above->source, "/") && path_within(m->point, above->point))
			return true;
		if (comes_with(m, above) && holds(&s->reg, above))
			return true;
	}
	if (!holds(&s->reg, m))
		return false;
	tell_once(s, b, m);
	return true;
}

bool refuse_kept(struct sensor *s, const struct target *t)
{
	BUF struct buf path = {0};
	struct box_mount m = {.source = t->upper};
	struct stat st;

	if (t->kind != TARGET_VOLUME)
		return false;
	if (!s->cfg->volumes_watch || volume_is_excluded(s->cfg, t->upper))
		return true;
	buf_add_span(&path, t->upper);
	if (stat(buf_text(&path), &st) == 0) {
		m.dev_major = major(st.st_dev);
		m.dev_minor = minor(st.st_dev);
	}
	return holds(&s->reg, &m);
}
