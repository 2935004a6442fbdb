/*
 * One path through the stored layers, top down, as overlayfs would find it: a whiteout ends the
 * search, an opaque directory ends it after its own layer, a redirect gives the path another name
 * from there on down, and metacopy takes the content from further down. The names of a directory are
 * found the same way: those of each layer that the directory is merged from.
 */
#include "store/below.h"
#include "base/err.h"

enum { COMPONENTS_MAX = 2048 };

struct names {
	struct span part[COMPONENTS_MAX];
	size_t n;
};
struct search {
	struct txn *t;
	struct names names;
	bool end; /* no layer further down counts */
	bool wants_data, found;
	bool torn; /* a layer is not stored: it may have it */
	struct below *ret;
	int (*on_name)(void *ctx, struct span name); /* NULL: the path itself is sought */
	void *ctx;
};

static void split(struct span path, struct names *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < path.n && ret->n < COMPONENTS_MAX;) {
		size_t from = i;

		while (i < path.n && path.p[i] != '/')
			i++;
		if (i > from)
			ret->part[ret->n++] = span_make(path.p + from, i - from);
		i++;
	}
}

/* Names 0..at are called `to` below: absolute from the root, or the last one only. */
static void redirect(struct names *names, size_t at, struct span to)
{
	struct names new;

	if (to.p[0] != '/') {
		names->part[at] = to;
		return;
	}
	split(to, &new);
	for (size_t i = at + 1; i < names->n && new.n < COMPONENTS_MAX; i++)
		new.part[new.n++] = names->part[i];
	*names = new;
}

static void found_in(
	struct search *s, const struct record *rec, unsigned layer, const struct snap_info *info)
{
	if (s->wants_data) {
		if (rec->type == FILE_REG && !(rec->ovl & OVL_METACOPY)) {
			s->ret->rec.has_sha = rec->has_sha;
			memcpy(s->ret->rec.sha, rec->sha, SHA_LEN);
			s->end = true;
		}
		return;
	}
	s->found = true;
	*s->ret = (struct below){*rec, layer, info->path, info->digest};
	s->wants_data = rec->ovl & OVL_METACOPY;
	s->end |= !s->wants_data;
}

/* One name of the path in one layer. True: go on to the next name, in `*dir`. */
static bool step(
	struct search *s, const struct record *rec, bool last, struct names *below, size_t at)
{
	if (rec->ovl & OVL_WHITEOUT || (!last && rec->type != FILE_DIR)) {
		s->end = true;
		return false;
	}
	s->end |= rec->type == FILE_DIR && rec->ovl & OVL_OPAQUE;
	if (rec->redirect.n > 0)
		redirect(below, at, rec->redirect);
	return true;
}

static int names_in(struct search *s, uint32_t no, const struct record *rec, uint32_t dir)
{
	struct snap_cursor *list;
	struct span name;
	struct record one;
	uint32_t sub;
	int r;

	if (rec->type != FILE_DIR) { /* it hides what further layers have */
		s->end = true;
		return 0;
	}
	r = snap_list_open(s->t, no, dir, &list);
	if (r < 0)
		return r;
	while ((r = snap_list_next(list, &name, &one, &sub)) == 0 &&
		(r = s->on_name(s->ctx, name)) == 0)
		;
	snap_list_close(list);
	return r == STORE_ABSENT ? 0 : r;
}

static int in_layer(struct search *s, unsigned layer, const struct snap_info *info)
{
	struct names below = s->names;
	uint32_t dir = SNAP_ROOT_DIR;
	struct record rec;

	if (s->names.n == 0) {
		int r = snap_lookup(s->t, info->no, 0, span_of(""), &rec, &dir);

		if (r == 0)
			found_in(s, &rec, layer, info);
		return r;
	}
	for (size_t i = 0; i < s->names.n; i++) {
		bool last = i + 1 == s->names.n;
		uint32_t sub = 0;
		int r = snap_lookup(s->t, info->no, dir, s->names.part[i], &rec, &sub);

		if (r != 0) {
			s->names = below;
			return r;
		}
		if (!step(s, &rec, last, &below, i))
			return 0;
		if (last && s->on_name)
			r = names_in(s, info->no, &rec, sub);
		else if (last)
			found_in(s, &rec, layer, info);
		if (r < 0)
			return r;
		dir = sub;
	}
	s->names = below;
	return 0;
}

/* While a runtime unpacks a layer, whoever does that has it for a root, which is a tree of its own for that time:
 * what was seen of it then is no layer. */
static int find_snap(struct txn *t, struct span path, bool tree, struct snap_info *ret)
{
	uint32_t no = 0;
	int r;

	while ((r = snap_next(t, &no, ret)) == 0) {
		if (ret->state == SNAP_COMPLETE && span_eq(ret->path, path) &&
			span_is(ret->kind, "tree") == tree)
			return 0;
	}
	return r;
}

static int one_layer(struct search *s, unsigned layer, struct span path, bool tree)
{
	struct snap_info info;
	int r = find_snap(s->t, path, tree, &info);

	s->torn |= r == STORE_ABSENT;
	return r != 0 ? r : in_layer(s, layer, &info);
}

static int outcome(const struct search *s)
{
	return s->found ? 0 : s->torn ? BELOW_UNKNOWN : STORE_ABSENT;
}

static int search(struct search *s, const struct target *tg, struct span path)
{
	struct rd at = rd_of(tg->lowers);
	struct span layer;
	unsigned n = 0;
	int r = 0;

	split(path, &s->names);
	if (!target_is_overlay(tg))
		return one_layer(s, 0, tg->upper, true);
	while (r >= 0 && !s->end && target_next_path(&at, &layer))
		r = one_layer(s, n++, layer, false);
	return r;
}

int below_find(struct txn *t, const struct target *tg, struct span path, struct below *ret)
{
	struct search s = {.t = t, .ret = ret};
	int r = search(&s, tg, path);

	return r < 0 ? r : outcome(&s);
}

int below_names(struct txn *t, const struct target *tg, struct span dir,
	int (*fn)(void *ctx, struct span name), void *ctx)
{
	struct search s = {.t = t, .on_name = fn, .ctx = ctx};
	int r = search(&s, tg, dir);

	return r < 0 ? r : 0;
}
