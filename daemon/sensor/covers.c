/* A mount over a path hides what is below it: a touch at that path, with what it is. */
#include "daemon/sensor/covers.h"
#include "base/clock.h"
#include "base/err.h"
#include "box/mounts.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "store/targets.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void touch(struct sensor *s, struct reg *r, const char *point, const char *what)
{
	struct touch t = {.kept = r->kept,
		.path = span_of(point),
		.when = clock_wall(),
		.flags = what ? ASK_COVERED : ASK_UNCOVERED,
		.mount = span_of(what)};

	sensor_touch(s, &t);
}

static void cover_new(struct sensor *s, struct reg *r, const struct box_mount *m, bool known)
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
	if (!known)
		touch(s, r, c->point, buf_text(&what));
}

static struct cover *cover_of(struct reg *r, const struct box_mount *m)
{
	for (struct cover *c = r->covers; c; c = c->next)
		if (c->mount_id == m->id && span_is(m->point, c->point))
			return c;
	return NULL;
}

static void begin(struct reg *r)
{
	for (struct cover *c = r->covers; c; c = c->next)
		c->seen = false;
}

/* `known`: it was there before anything could be said about it. */
static void meet(struct sensor *s, struct reg *r, const struct box_mount *m, bool known)
{
	struct cover *c = cover_of(r, m);

	if (c)
		c->seen = true;
	else
		cover_new(s, r, m, known);
}

static void end(struct sensor *s, struct reg *r)
{
	struct cover *c, **at = &r->covers;

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

void covers_follow(struct sensor *s, struct reg *r, const struct box *b)
{
	begin(r);
	for (size_t i = 0; i < b->n_mount; i++)
		if (!b->mount[i].own && b->mount[i].point.n > 1)
			meet(s, r, &b->mount[i], false);
	end(s, r);
}

/* ---- trees of the host ---- */

/* What was mounted before the baseline was taken has nothing of it below (a baseline does not cross
 * mounts), so the look itself tells a cover from it. Not so where a file is mounted over, or the whole
 * tree: those that are met first are taken for what was always there, and what they show is compared. */
static bool was_there(const struct reg *r, const struct mount *m, struct span point)
{
	BUF struct buf path = {0};
	struct stat st;

	if (r->covers_known)
		return false;
	buf_add_span(&path, m->point);
	return point.n <= 1 || stat(buf_text(&path), &st) < 0 || !S_ISDIR(st.st_mode);
}

static void meet_mount(struct sensor *s, struct reg *r, const struct mount *m, struct span root)
{
	struct box_mount b = {.id = m->id, .fs_type = m->fs_type, .source = m->source};
	BUF struct buf text = {0};

	if (!path_within(m->point, root))
		return;
	buf_add_span(
		&text, root.n > 1 ? span_make(m->point.p + root.n, m->point.n - root.n) : m->point);
	if (!text.n)
		buf_add_text(&text, "/");
	b.point = buf_span(&text);
	if (kept_is_excluded(r->kept, b.point))
		return;
	if (span_eq(b.fs_type, b.source))
		b.source = (struct span){0};
	meet(s, r, &b, was_there(r, m, b.point));
}

struct stale {
	struct reg *r;
	struct buf paths;
};

static int gather_mounted(void *ctx, const struct change *c)
{
	struct stale *g = ctx;
	struct cover *at = g->r->covers;

	while (at && !span_is(c->path, at->point))
		at = at->next;
	if (!at && c->aspects & (1u << ASPECT_MOUNT))
		buf_bytes(&g->paths, c->path);
	return g->paths.err;
}

/* Told in an earlier life, and unmounted while nobody was there. */
static void uncover_stale(struct sensor *s, struct reg *r)
{
	TXN struct txn *t = NULL;
	struct stale g = {.r = r};
	struct rd at;

	if (txn_begin(s->store, false, &t) == 0)
		drift_each(t, atomic_load(&r->kept->no), span_of("/"), gather_mounted, &g);
	txn_abort(take(t));
	at = rd_of(buf_span(&g.paths));
	while (!rd_end(&at)) {
		FREE char *path = span_dup(rd_bytes(&at));

		touch(s, r, path, NULL);
	}
	buf_free(&g.paths);
}

static void follow_tree(struct sensor *s, struct reg *r, const struct mounts *table)
{
	FREE char *real = realpath(r->kept->upper, NULL);

	if (!real)
		return;
	begin(r);
	for (size_t i = 0; i < table->n; i++)
		meet_mount(s, r, &table->v[i], span_of(real));
	end(s, r);
	if (!r->covers_known)
		uncover_stale(s, r);
	r->covers_known = true;
}

void covers_follow_trees(struct sensor *s)
{
	MOUNTS struct mounts table = {0};
	bool read = false;

	for (struct reg *r = s->reg.regs; r; r = r->next) {
		if (r->kept->kind == TARGET_CONTAINER || !kept_is_baselined(r->kept) ||
			!atomic_load(&r->kept->no))
			continue;
		if (!read && mounts_of_pid(0, MOUNTS_AUTO, &table) < 0) {
			log_warn("the host's mounts: %s", err_why());
			return;
		}
		read = true;
		follow_tree(s, r, &table);
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
