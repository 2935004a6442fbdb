#include "daemon/sensor/actors.h"
#include <uthash.h>

enum { ACTORS_KEPT = 4096 };

struct known {
	UT_hash_handle hh;
	int pid;
	uint64_t stamp; /* of the answer that `bytes` encodes: see ptable.h */
	struct buf bytes;
};
struct actors {
	struct known *table; /* oldest first: uthash keeps the order of adding */
	struct tracker *tracker;
	struct buf gone;
};

int actors_new(struct actors **ret, struct tracker *tracker)
{
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
	(*ret)->tracker = tracker;
	return 0;
}

static void known_free(struct actors *a, struct known *k)
{
	HASH_DEL(a->table, k);
	buf_free(&k->bytes);
	free(k);
}

void actors_free(struct actors *a)
{
	if (!a)
		return;
	while (a->table)
		known_free(a, a->table);
	buf_free(&a->gone);
	free(a);
}

static struct span encoded(struct buf *b, const struct actor *who)
{
	buf_reset(b);
	actor_encode(who, b);
	return buf_span(b);
}

static struct known *known_of(struct actors *a, int pid)
{
	struct known *k = NULL;

	HASH_FIND_INT(a->table, &pid, k);
	if (k)
		return k;
	if (HASH_COUNT(a->table) >= ACTORS_KEPT)
		known_free(a, a->table);
	k = calloc(1, sizeof(*k));
	must(k);
	k->pid = pid;
	HASH_ADD_INT(a->table, pid, k);
	return k;
}

struct span actors_of(struct actors *a, int pid, int64_t since, int64_t read_at)
{
	ARENA struct arena mem = {0};
	struct actor who = {.reason = span_of("the watch level does not tell the process")};
	struct known *k;
	uint64_t stamp;

	if (pid <= 0)
		return encoded(&a->gone, &who);
	k = known_of(a, pid);
	stamp = k->stamp;
	if (tracker_who(a->tracker, pid, since, read_at, &stamp, &mem, &who) == PTABLE_SAME)
		return buf_span(&k->bytes);
	if (!stamp)
		return encoded(
			&a->gone, &who); /* not known, or not for sure: asked again next time */
	k->stamp = stamp;
	return encoded(&k->bytes, &who);
}
