/* Damaged values: every cut and every flipped byte is refused or read as something, never trusted
 * with its lengths. Worth most under the address sanitizer. */
#include "place.h"
#include "base/fd.h"
#include "store/db.h"
#include "store/journal.h"
#include "store/snapshot.h"
#include "store/targets.h"
#include <fcntl.h>
#include <string.h>

#define LONG 700
static char long_path[LONG];
static const uint8_t identity[SHA_LEN] = "identity";

static int ignore_change(void *ctx, const struct change *c)
{
	(void)ctx;
	(void)c;
	return 0;
}

static int ignore_accepted(void *ctx, const struct accepted *a)
{
	(void)ctx;
	(void)a;
	return 0;
}

static int read_snapshot(struct txn *t)
{
	struct snap_info s;

	return snap_find(t, identity, &s);
}

static int read_record(struct txn *t)
{
	struct record r;
	uint8_t root[SHA_LEN];
	uint32_t sub;
	int rc = snap_lookup(t, 1, 1, S("a"), &r, &sub);

	return rc ? rc : snap_verify(t, 1, root, NULL);
}

static int read_target(struct txn *t)
{
	struct target x;

	return targets_resolve(t, S("web"), NULL, &x, NULL);
}

static int read_state(struct txn *t)
{
	struct target_state_rec s;

	return targets_state_get(t, 1, &s);
}

static int read_lanes(struct txn *t)
{
	return drift_delete(t, 1, span_make(long_path, LONG));
}

static int read_drift(struct txn *t)
{
	return drift_each(t, 1, S(""), ignore_change, NULL);
}

static int read_accepted(struct txn *t)
{
	return accepted_each(t, 1, UINT32_MAX, ignore_accepted, NULL);
}

static int read_generation(struct txn *t)
{
	struct generation g;

	return generation_get(t, 1, 2, &g);
}

static int read_seen(struct txn *t)
{
	struct seen s;

	return seen_get(t, 1, 5, &s);
}

static int read_journal(struct txn *t)
{
	struct journal_head h;
	struct journal_entry e;
	int r = journal_head(t, &h);

	return r ? r : journal_next_of(t, 1, 0, &e);
}

static int read_gap(struct txn *t)
{
	struct gap g;
	uint64_t id = 0;

	return gap_next(t, &id, &g);
}

static void fill(struct txn *t)
{
	struct record rec = {.type = FILE_REG, .size = 3, .has_sha = true};
	struct target x = {.id = S("abc"), .name = S("web")};
	struct change c = {.kind = 'A', .path = span_make(long_path, LONG)};
	struct accepted a = {.path = c.path, .generation = 2, .rec = S("rec")};
	struct generation g = {.no = 2, .reason = S("why")};
	struct seen s = {.ino = 5, .mtime = 77};
	struct journal_entry e = {.seq = 1, .target = 1, .path = S("/a"), .json = S("{}")};
	struct gap gap = {.id = 1, .detail = S("lost")};
	BUF struct buf enc = {0};
	uint32_t no;

	ok(record_encode(&rec, &enc));
	c.now = buf_span(&enc);
	ok(snap_create(t, identity, S("/l"), S("d"), S("image"), &no));
	ok(snap_put(t, no, 1, S("a"), &rec, 0));
	ok(targets_put(t, &x));
	ok(drift_put(t, x.no, &c));
	ok(accepted_put(t, x.no, &a));
	ok(generation_put(t, x.no, &g));
	ok(seen_put(t, x.no, &s));
	ok(journal_append(t, &e));
	ok(gap_put(t, &gap));
}

/* Puts `value` in the place of the one entry of `db` and reads it. */
static void try(
	struct place *p, enum db db, struct span key, struct span value, int (*look)(struct txn *t))
{
	struct txn *t = writing(p);
	int r;

	ok(db_put(t, db, key, value));
	r = look(t);
	if (r < 0 && r != -EBADMSG)
		fail_msg("%s: %d: %s", db_name(db), r, err_why());
	txn_abort(t);
}

static void damage(struct place *p, enum db db, int (*look)(struct txn *t))
{
	BUF struct buf key = {0}, value = {0};
	WALK struct walk w = {0};
	struct txn *t = reading(p);

	ok(walk_start(t, db, &w));
	ok(walk_seek(&w, (struct span){0}));
	buf_add_span(&key, w.key);
	buf_add_span(&value, w.value);
	walk_end(&w);
	txn_abort(t);
	for (size_t n = 0; n < value.n; n++) {
		FREE uint8_t *cut =
			malloc(n + 1); /* on its own, so that a read behind it is seen */

		memcpy(cut, value.p, n);
		try(p, db, buf_span(&key), span_make(cut, n), look);
	}
	for (size_t i = 0; i < value.n && i < 200; i++)
		for (unsigned flip = 1; flip < 256; flip <<= 1) {
			value.p[i] ^= (uint8_t)flip;
			try(p, db, buf_span(&key), buf_span(&value), look);
			value.p[i] ^= (uint8_t)flip;
		}
}

static void test_damage(void **state)
{
	static const struct {
		enum db db;
		int (*look)(struct txn *t);
	} rows[] = {
		{DB_SNAPSHOT, read_snapshot},
		{DB_IDENTITY, read_snapshot},
		{DB_RECORD, read_record},
		{DB_TARGET, read_target},
		{DB_STATE, read_state},
		{DB_STATE, read_lanes},
		{DB_LANES, read_lanes},
		{DB_DRIFT, read_drift},
		{DB_DRIFT, read_lanes},
		{DB_ACCEPTED, read_accepted},
		{DB_GENERATION, read_generation},
		{DB_SEEN, read_seen},
		{DB_JOURNAL, read_journal},
		{DB_GAP, read_gap},
	};
	struct txn *t = writing(*state);

	memset(long_path, 'p', LONG);
	long_path[0] = '/';
	fill(t);
	ok(txn_commit(t));
	for (size_t i = 0; i < COUNTOF(rows); i++)
		damage(*state, rows[i].db, rows[i].look);
}

/* One byte of a key in the file itself: a walk that is led back would never end. */
static void alter_file(const struct place *p, const char *from, const char *to)
{
	BUF struct buf all = {0};
	char path[300];
	uint8_t *at;

	snprintf(path, sizeof(path), "%s/data.mdb", p->dir);
	ok(fd_read_file(AT_FDCWD, path, 64 << 20, &all));
	for (at = all.p; (at = memmem(at, all.n - (size_t)(at - all.p), from, strlen(from)));)
		memcpy(at, to, strlen(to));
	ok(fd_write_file(path, buf_span(&all), 0600));
}

static void test_order(void **state)
{
	struct place *p = *state;
	struct store_options opt = place_options();
	WALK struct walk w = {0};
	struct txn *t;
	int r, n = 0;

	ok(txn_begin(p->s, true, &t));
	ok(db_put(t, DB_TALLY, S("key-1"), S("a")));
	ok(db_put(t, DB_TALLY, S("key-2"), S("b")));
	ok(db_put(t, DB_TALLY, S("key-3"), S("c")));
	ok(txn_commit(t));
	store_close(take(p->s));
	alter_file(p, "key-2", "key-0");
	ok(store_open(&p->s, p->dir, STORE_READ, &opt));
	ok(txn_begin(p->s, false, &t));
	ok(walk_start(t, DB_TALLY, &w));
	for (r = walk_seek(&w, S("")); r == 0; r = walk_next(&w))
		n++;
	fails(r, -EBADMSG);
	says("out of order");
	assert_int_equal(n, 1);
	walk_end(&w);
	txn_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_damage, place_setup, place_teardown),
	};

	return cmocka_run_group_tests_name("store/damage", tests, NULL, NULL);
}
