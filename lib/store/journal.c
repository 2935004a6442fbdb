/*
 * The journal. Entries are only ever appended and, by retention, removed from the front; the last
 * one always stays, because the next one's number and chain hang on it.
 */
#include "store/journal.h"
#include "store/db.h"

#define ENTRY_VERSION 1
#define TRIMMED ".trimmed_id"

static void entry_encode(const struct journal_entry *e, struct buf *out)
{
	buf_u8(out, ENTRY_VERSION);
	buf_u8(out, (uint8_t)e->type);
	buf_u8(out, (uint8_t)e->severity);
	buf_zigzag(out, e->time);
	buf_varint(out, e->target);
	buf_add(out, e->id, SHA_LEN);
	buf_bytes(out, e->path);
	buf_add_span(out, e->json);
}

static int entry_decode(uint64_t seq, struct span bytes, struct journal_entry *ret)
{
	struct rd in = rd_of(bytes);
	uint8_t version = rd_u8(&in), type = rd_u8(&in), severity = rd_u8(&in);
	struct span id;
	uint64_t target;

	*ret = (struct journal_entry){.seq = seq, .type = type, .severity = severity};
	ret->time = rd_zigzag(&in);
	target = rd_varint(&in);
	id = rd_take(&in, SHA_LEN);
	ret->path = rd_bytes(&in);
	ret->json = rd_take(&in, (size_t)(in.end - in.p));
	if (in.bad || version != ENTRY_VERSION || type >= EVENT_N || severity >= SEV_N ||
		target > UINT32_MAX)
		return err_set(-EBADMSG, "journal entry %llu is damaged", (unsigned long long)seq);
	ret->target = (uint32_t)target;
	memcpy(ret->id, id.p, SHA_LEN);
	return 0;
}

static uint64_t seq_of(struct span key)
{
	struct rd in = rd_of(key);

	return rd_be64(&in);
}

static int head_edges(struct txn *t, struct journal_head *ret)
{
	WALK struct walk w = {0};
	struct journal_entry e;
	int r = walk_start(t, DB_JOURNAL, &w);

	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	if (r)
		return r;
	ret->first = seq_of(w.key);
	r = walk_last(&w);
	if (r == 0)
		r = txn_fail(t, entry_decode(seq_of(w.key), w.value, &e));
	if (r)
		return r;
	ret->last = e.seq;
	memcpy(ret->last_id, e.id, SHA_LEN);
	return 0;
}

int journal_head(struct txn *t, struct journal_head *ret)
{
	struct span v;
	int r;

	*ret = (struct journal_head){0};
	r = head_edges(t, ret);
	if (r == 0)
		r = meta_own_get(t, TRIMMED, &v);
	if (r == 0 && v.n != SHA_LEN)
		return txn_fail(t, err_set(-EBADMSG, "the journal's trimmed id is damaged"));
	if (r == 0)
		memcpy(ret->trimmed_id, v.p, SHA_LEN);
	return r < 0 ? r : 0;
}

static int last_seq(struct txn *t, uint64_t *ret)
{
	WALK struct walk w = {0};
	int r = walk_start(t, DB_JOURNAL, &w);

	*ret = 0;
	if (r == 0)
		r = walk_last(&w);
	if (r == 0)
		*ret = seq_of(w.key);
	return r < 0 ? r : 0;
}

int journal_append(struct txn *t, const struct journal_entry *e)
{
	struct key seq = key_u64(e->seq), of = key_u32_u64(e->target, e->seq);
	BUF struct buf v = {0};
	uint64_t last;
	int r = last_seq(t, &last);

	if (r)
		return r;
	if (e->seq != last + 1 || e->type >= EVENT_N || e->severity >= SEV_N)
		return txn_fail(t, err_set(-EINVAL, "journal entry %llu cannot follow %llu",
					   (unsigned long long)e->seq, (unsigned long long)last));
	entry_encode(e, &v);
	r = db_append_buf(t, DB_JOURNAL, key_span(&seq), &v);
	if (r == 0 && e->target)
		r = db_put(t, DB_BY_TARGET, key_span(&of), (struct span){0});
	return r;
}

int journal_get(struct txn *t, uint64_t seq, struct journal_entry *ret)
{
	struct key k = key_u64(seq);
	struct span v;
	int r = db_get(t, DB_JOURNAL, key_span(&k), &v);

	return r ? r : txn_fail(t, entry_decode(seq, v, ret));
}

int journal_next(struct txn *t, uint64_t from, struct journal_entry *ret)
{
	struct key k = key_u64(from);
	WALK struct walk w = {0};
	int r = walk_start(t, DB_JOURNAL, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	return r ? r : txn_fail(t, entry_decode(seq_of(w.key), w.value, ret));
}

int journal_next_of(struct txn *t, uint32_t target, uint64_t from, struct journal_entry *ret)
{
	struct key k = key_u32_u64(target, from), of = key_u32(target);
	WALK struct walk w = {0};
	struct rd in;
	uint64_t seq;
	int r = walk_start(t, DB_BY_TARGET, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r)
		return r;
	if (!span_starts(w.key, key_span(&of)))
		return STORE_ABSENT;
	in = rd_of(w.key);
	rd_be32(&in);
	seq = rd_be64(&in);
	r = journal_get(t, seq, ret);
	if (r == STORE_ABSENT)
		return txn_fail(t, err_set(-EBADMSG,
					   "the journal's index names entry %llu, which is "
					   "not there",
					   (unsigned long long)seq));
	return r;
}

int journal_seek_time(struct txn *t, int64_t wall, uint64_t *ret_seq)
{
	struct journal_head head;
	struct journal_entry e;
	uint64_t low, high;
	int r = journal_head(t, &head);

	if (r)
		return r;
	low = head.first ? head.first : 1;
	high = head.last + 1;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		r = journal_next(t, mid, &e);
		if (r < 0)
			return r;
		if (r == 0 && e.time < wall)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_seq = low;
	return 0;
}

/* Removes the entry that the walk stands on, and what points at it. */
static int trim_one(struct txn *t, struct walk *w, uint8_t id[SHA_LEN])
{
	struct journal_entry e;
	struct key of;
	int r = txn_fail(t, entry_decode(seq_of(w->key), w->value, &e));

	if (r)
		return r;
	memcpy(id, e.id, SHA_LEN);
	of = key_u32_u64(e.target, e.seq);
	r = walk_delete(w);
	if (r == 0 && e.target)
		r = db_delete(t, DB_BY_TARGET, key_span(&of));
	return r < 0 ? r : 0;
}

int journal_trim(struct txn *t, uint64_t seq, unsigned budget, bool *ret_more)
{
	uint8_t id[SHA_LEN];
	unsigned done = 0;
	uint64_t last;
	int r = last_seq(t, &last);
	WALK struct walk w = {0};

	*ret_more = false;
	if (seq > last)
		seq = last;
	if (r == 0)
		r = walk_start(t, DB_JOURNAL, &w);
	if (r == 0)
		r = walk_seek(&w, (struct span){0});
	for (; r == 0 && seq_of(w.key) < seq && done < budget; done++) {
		r = trim_one(t, &w, id);
		if (r == 0)
			r = walk_next(&w);
	}
	if (r < 0)
		return r;
	*ret_more = r == 0 && seq_of(w.key) < seq;
	return done ? meta_own_put(t, TRIMMED, span_make(id, SHA_LEN)) : 0;
}
