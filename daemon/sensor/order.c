#include "daemon/sensor/order.h"
#include "base/buf.h"
#include "base/err.h"
#include <uthash.h>

uint64_t order_begin(struct order *o, unsigned worker)
{
	/* Published before the number is taken, so that the ledger never believes in a younger one. */
	atomic_store(&o->worker[worker].looking, atomic_load(&o->next) + 1);
	return atomic_fetch_add(&o->next, 1) + 1;
}

struct order_mark order_push(struct order *o, unsigned worker, uint64_t look)
{
	return (struct order_mark){
		worker, look, atomic_fetch_add(&o->worker[worker].pushed, 1) + 1};
}

void order_end(struct order *o, unsigned worker)
{
	atomic_store(&o->worker[worker].looking, 0);
}

struct one {
	UT_hash_handle hh; /* in the order of adding */
	uint64_t look;
	bool no_dir;
	size_t n;
	uint8_t key[]; /* target, path */
};

struct taken {
	struct order *order;
	struct one *table;
	struct order_mark came[WORKERS_MAX]; /* the last one of each worker */
};

void taken_new(struct taken **ret, struct order *o)
{
	struct taken *t = calloc(1, sizeof(*t));

	must(t);
	t->order = o;
	*ret = t;
}

static void drop(struct taken *t, struct one *one)
{
	HASH_DEL(t->table, one);
	free(one);
}

void taken_free(struct taken *t)
{
	while (t && t->table)
		drop(t, t->table);
	free(t);
}

static void key_of(uint32_t target, struct span path, struct buf *out)
{
	buf_be32(out, target);
	buf_add_span(out, path);
	must(!out->err);
}

static struct one *find(const struct taken *t, const uint8_t *key, size_t n)
{
	struct one *one = NULL;

	HASH_FIND(hh, t->table, key, n, one);
	return one;
}

bool taken_has_newer(const struct taken *t, uint32_t target, struct span path, uint64_t look)
{
	BUF struct buf key = {0};
	const struct one *one;

	if (!t->table)
		return false;
	key_of(target, path, &key);
	one = find(t, key.p, key.n);
	return one && one->look > look;
}

bool taken_is_late(const struct taken *t, uint32_t target, struct span path, uint64_t look)
{
	BUF struct buf key = {0};
	const struct one *one;
	size_t root;

	if (!t->table)
		return false;
	buf_be32(&key, target);
	root = key.n;
	buf_add_span(&key, path);
	must(!key.err);
	one = find(t, key.p, key.n);
	if (one && one->look > look)
		return true;
	for (size_t n = root + 1; n < key.n; n++) {
		if (key.p[n] != '/')
			continue;
		one = find(t, key.p, n);
		if (one && one->no_dir && one->look > look)
			return true;
	}
	return false;
}

/* No sighting older than this can come any more: each worker's are in order, those that wait in the
 * queue are not older than the last that came. */
static uint64_t horizon(const struct taken *t)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		uint64_t looking = atomic_load(&t->order->worker[i].looking);
		uint64_t oldest = looking ? looking : UINT64_MAX;

		if (atomic_load(&t->order->worker[i].pushed) != t->came[i].nth)
			oldest = t->came[i].look;
		if (oldest < least)
			least = oldest;
	}
	return least;
}

void taken_came(struct taken *t, const struct order_mark *m)
{
	t->came[m->worker] = *m;
}

void taken_add(struct taken *t, uint32_t target, struct span path, uint64_t look, bool no_dir)
{
	BUF struct buf key = {0};
	struct one *one;

	key_of(target, path, &key);
	one = find(t, key.p, key.n);
	if (!one) {
		one = calloc(1, sizeof(*one) + key.n);
		must(one);
		one->n = key.n;
		memcpy(one->key, key.p, key.n);
		HASH_ADD_KEYPTR(hh, t->table, one->key, one->n, one);
	}
	if (look >= one->look) {
		one->look = look;
		one->no_dir = no_dir;
	}
}

void taken_forget(struct taken *t)
{
	uint64_t least = t->table ? horizon(t) : 0;

	while (t->table && t->table->look <= least)
		drop(t, t->table);
}
