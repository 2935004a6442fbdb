/* Open maintenance windows. There are few of them, and seldom any: they need no database of their own. */
#include "store/hold.h"
#include "store/db.h"
#include <inttypes.h>
#include <stdio.h>

#define PREFIX "hold."
enum { HEX = 16 };

struct name {
	char text[sizeof(PREFIX) + HEX];
};

static struct name name_of(uint64_t id)
{
	struct name n;

	snprintf(n.text, sizeof(n.text), PREFIX "%016" PRIx64, id);
	return n;
}

static bool id_of(struct span key, uint64_t *ret)
{
	*ret = 0;
	if (!span_starts(key, span_of(PREFIX)) || key.n != strlen(PREFIX) + HEX)
		return false;
	for (size_t i = strlen(PREFIX); i < key.n; i++) {
		uint8_t c = key.p[i];

		*ret = *ret << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return true;
}

int hold_put(struct txn *t, const struct hold *h)
{
	struct name n = name_of(h->id);
	BUF struct buf v = {0};

	hold_encode(h, &v);
	return db_put_buf(t, DB_META, span_of(n.text), &v);
}

int hold_delete(struct txn *t, uint64_t id)
{
	struct name n = name_of(id);

	return db_delete(t, DB_META, span_of(n.text));
}

int hold_next(struct txn *t, uint64_t *id, struct hold *ret)
{
	struct name n = name_of(*id + 1);
	WALK struct walk w = {0};
	int r = walk_start(t, DB_META, &w);

	if (r == 0)
		r = walk_seek(&w, span_of(n.text));
	if (r)
		return r;
	if (!id_of(w.key, id))
		return STORE_ABSENT;
	return txn_fail(t, hold_decode(w.value, *id, ret));
}
