/* Two databases of one shape. */
#include "store/verdict.h"
#include "store/db.h"

static const enum db db_of[] = {[VERDICT_OF_LAYER] = DB_VERDICT, [VERDICT_OF_TARGET] = DB_CHAIN};

int verdict_put(struct txn *t, enum verdict_of of, uint32_t no, const struct verdict *v)
{
	struct key k = key_u32(no);
	BUF struct buf b = {0};

	verdict_encode(v, &b);
	return db_put_buf(t, db_of[of], key_span(&k), &b);
}

int verdict_get(struct txn *t, enum verdict_of of, uint32_t no, struct verdict *ret)
{
	struct key k = key_u32(no);
	struct span v;
	int r = db_get(t, db_of[of], key_span(&k), &v);

	return r ? r : txn_fail(t, verdict_decode(v, ret));
}

int verdict_delete(struct txn *t, enum verdict_of of, uint32_t no)
{
	struct key k = key_u32(no);

	return db_delete(t, db_of[of], key_span(&k));
}
