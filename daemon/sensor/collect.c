#include "daemon/sensor/collect.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "store/gold.h"
#include "store/snapshot.h"
#include <string.h>

/* Numbers are never given again, so the list only grows, and by few. */
struct dropped {
	struct dropped *next;
	uint32_t no;
};

static bool is_dropped(const struct sensor *s, uint32_t no)
{
	for (const struct dropped *d = s->dropped; d; d = d->next)
		if (d->no == no)
			return true;
	return false;
}

void collect_find(struct sensor *s, struct lower *l)
{
	TXN struct txn *t = NULL;
	struct snap_info info;

	if (txn_begin(s->store, false, &t) == 0 && snap_find(t, l->identity, &info) == 0 &&
		info.state == SNAP_COMPLETE && !is_dropped(s, info.no))
		atomic_store(&l->snap, info.no);
}

static void take_of(struct lower *l, const struct snap_info *info)
{
	atomic_store(&l->snap, info->no);
	memcpy(l->identity, info->identity, SHA_LEN);
}

void collect_find_tree(struct sensor *s, struct lower *l, bool by_path)
{
	TXN struct txn *t = NULL;
	struct snap_info info;
	uint32_t no = 0;

	collect_find(s, l);
	if (!by_path || atomic_load(&l->snap) || txn_begin(s->store, false, &t) < 0)
		return;
	while (snap_next(t, &no, &info) == 0)
		if (info.state == SNAP_COMPLETE && !is_dropped(s, info.no) &&
			span_is(info.kind, "tree") && span_is(info.path, l->path))
			take_of(l, &info); /* the last one */
}

static bool is_stacked(const struct sensor *s, uint32_t no)
{
	for (const struct layer_row *row = s->reg.layers; row; row = row->next)
		if (atomic_load(&row->lower->snap) == no)
			return true;
	for (const struct reg *r = s->reg.regs; r; r = r->next)
		if (!r->kept->overlay && atomic_load(&r->kept->lower[0]->snap) == no)
			return true;
	return false;
}

static bool names(struct span list, struct span path)
{
	struct rd at = rd_of(list);
	struct span one;

	while (target_next_path(&at, &one))
		if (span_eq(one, path))
			return true;
	return false;
}

static bool is_kept(const struct sensor *s, struct span id)
{
	for (const struct reg *r = s->reg.regs; r; r = r->next)
		if (span_is(id, r->kept->id))
			return true;
	return false;
}

/* Stored targets that are not kept: removed ones, whose last drift can still be asked for. */
static bool is_remembered(const struct sensor *s, struct txn *txn, struct span path)
{
	struct target t;
	uint32_t no = 0;

	while (targets_next(txn, &no, &t) == 0)
		if (!is_kept(s, t.id) && (names(t.lowers, path) || names(t.data_only, path) ||
						 span_eq(t.upper, path)))
			return true;
	return false;
}

/* Whatever is not known is kept. */
static bool is_golden(struct txn *txn, const struct snap_info *info)
{
	return span_is(info->kind, GOLD_KIND) && gold_names_snap(txn, info->no) != STORE_ABSENT;
}

static void drop(struct sensor *s, const struct snap_info *info)
{
	struct item_drop *i = calloc(1, sizeof(*i));
	struct dropped *d = calloc(1, sizeof(*d));

	must(i && d);
	d->no = info->no;
	d->next = s->dropped;
	s->dropped = d;
	i->item.kind = ITEM_DROP;
	i->snap = info->no;
	log_info("layer %.*s: nobody stacks it any more", (int)info->path.n,
		(const char *)info->path.p);
	sensor_push(s, &i->item);
}

void collect(struct sensor *s)
{
	TXN struct txn *t = NULL;
	struct snap_info info;
	uint32_t no = 0;

	if (txn_begin(s->store, false, &t) < 0)
		return;
	while (snap_next(t, &no, &info) == 0)
		if (info.state == SNAP_COMPLETE && !is_dropped(s, info.no) &&
			!is_stacked(s, info.no) && !is_remembered(s, t, info.path) &&
			!is_golden(t, &info))
			drop(s, &info);
}

void collect_free(struct sensor *s)
{
	while (s->dropped) {
		struct dropped *d = s->dropped;

		s->dropped = d->next;
		free(d);
	}
}
