/* memlayer.h - a layer kept in memory and found by directory number, as snapshots are. */
#pragma once

#include "fs/view.h"
#include "base/err.h"

struct mem_entry {
	uint32_t dir, sub_dir;
	struct buf name, rec;
};
struct mem_layer {
	struct mem_entry *v;
	size_t n;
	uint32_t last_dir;
};

static inline void mem_layer_free(struct mem_layer *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		buf_free(&m->v[i].name);
		buf_free(&m->v[i].rec);
	}
	free(m->v);
	*m = (struct mem_layer){0};
}

/* Returns the number of the directory that this is, 0 for others. */
static inline uint32_t mem_layer_add(
	struct mem_layer *m, uint32_t dir, struct span name, const struct record *rec)
{
	struct mem_entry *e;

	m->v = reallocarray(m->v, m->n + 1, sizeof(*m->v));
	must(m->v);
	e = &m->v[m->n++];
	*e = (struct mem_entry){.dir = dir};
	buf_add_span(&e->name, name);
	must(record_encode(rec, &e->rec) == 0);
	if (rec->type == FILE_DIR)
		e->sub_dir = ++m->last_dir;
	return e->sub_dir;
}

static inline int mem_lookup(
	const struct layer *l, struct layer_dir dir, struct span name, struct layer_entry *ret)
{
	const struct mem_layer *m = l->ctx;
	uint32_t no = name.n ? dir.no : 0;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (m->v[i].dir != no || !span_eq(buf_span(&m->v[i].name), name))
			continue;
		ret->sub_dir = m->v[i].sub_dir;
		return record_decode(buf_span(&m->v[i].rec), &ret->rec);
	}
	return LOOK_ABSENT;
}

static inline int mem_list(const struct layer *l, struct layer_dir dir, struct names *out)
{
	const struct mem_layer *m = l->ctx;
	size_t i;
	int r = 0;

	for (i = 0; i < m->n && r == 0; i++)
		if (m->v[i].dir == dir.no)
			r = names_add(out, buf_span(&m->v[i].name), 0);
	return r;
}

static const struct layer_ops mem_layer_ops = {mem_lookup, mem_list};

static inline void mem_copy_dir(struct mem_layer *m, const struct layer *disk, struct layer_dir dir)
{
	NAMES struct names ns = {0};
	size_t i;

	must(disk->ops->list(disk, dir, &ns) == 0);
	names_sort(&ns);
	for (i = 0; i < ns.n; i++) {
		struct layer_entry e = {0};
		BUF struct buf rel = {0};
		uint32_t no;

		if (disk->ops->lookup(disk, dir, names_at(&ns, i), &e) == 0) {
			no = mem_layer_add(m, dir.no, names_at(&ns, i), &e.rec);
			buf_add_span(&rel, dir.rel);
			if (dir.rel.n)
				buf_u8(&rel, '/');
			buf_add_span(&rel, names_at(&ns, i));
			if (no)
				mem_copy_dir(m, disk, (struct layer_dir){buf_span(&rel), no});
		}
		look_free(&e.look);
	}
}

/* All of a disk layer, as a walker would store it. */
static inline void mem_copy(struct mem_layer *m, const struct layer *disk)
{
	struct layer_entry e = {0};

	must(disk->ops->lookup(disk, (struct layer_dir){0}, (struct span){0}, &e) == 0);
	mem_layer_add(m, 0, (struct span){0}, &e.rec);
	look_free(&e.look);
	mem_copy_dir(m, disk, (struct layer_dir){.no = 1});
}
