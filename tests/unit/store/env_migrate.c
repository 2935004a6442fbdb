/* The door between formats: up, one at a time, or not at all. */
#include "place.h"
#include "store/db.h"
#include "store/env_migrate.h"
#include "store/targets.h"

static uint32_t format_of(struct txn *t)
{
	uint32_t f = 0;

	ok(migrate_format(t, &f));
	return f;
}

static void set_format(struct place *p, struct span value)
{
	struct txn *t = writing(p);

	ok(db_put(t, DB_META, S("format"), value));
	ok(txn_commit(t));
	store_close(take(p->s));
}

static void refuses(struct place *p, enum store_mode mode, const char *words)
{
	struct store_options opt = place_options();

	fails(store_open(&p->s, p->dir, mode, &opt), -EPROTO);
	says(words);
	assert_null(p->s);
}

static void test_new_store(void **state)
{
	struct txn *t = reading(*state);

	assert_int_equal(format_of(t), STORE_FORMAT);
	txn_abort(t);
}

static void test_newer_is_refused(void **state)
{
	struct key newer = key_u32(STORE_FORMAT + 1);

	set_format(*state, key_span(&newer));
	refuses(*state, STORE_WRITE, "install the newer boltseal");
	refuses(*state, STORE_READ, "same release");
}

/* Whoever may not open it can still say why, and leaves no lock behind that its owner cannot open. */
static void test_format_is_told(void **state)
{
	struct key newer = key_u32(STORE_FORMAT + 1);
	struct place *p = *state, none;
	char lock[300];
	uint32_t f = 0;

	set_format(p, key_span(&newer));
	ok(store_format(p->dir, &f));
	assert_int_equal(f, STORE_FORMAT + 1);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", p->dir);
	assert_int_equal(unlink(lock), 0);
	f = 0;
	ok(store_format(p->dir, &f));
	assert_int_equal(f, STORE_FORMAT + 1);
	assert_int_equal(access(lock, F_OK), -1);
	place_make(&none);
	fails(store_format(none.dir, &f), -ENOENT);
	says("nothing is there yet");
	place_remove(&none);
}

static void test_nonsense_is_refused(void **state)
{
	set_format(*state, S("1"));
	refuses(*state, STORE_WRITE, "bad format");
}

static void test_foreign_is_refused(void **state)
{
	struct place p;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	uint32_t format;

	(void)state;
	place_make(&p);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
	assert_int_equal(mdb_env_open(env, p.dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "mail", MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	fails(store_format(p.dir, &format), -EPROTO);
	says("another program");
	refuses(&p, STORE_WRITE, "another program");
	place_remove(&p);
}

static int add_x(struct txn *t)
{
	return meta_own_put(t, ".trail", S("x"));
}

static int add_y(struct txn *t)
{
	struct span v;

	ok(meta_own_get(t, ".trail", &v));
	is_text(v, "x");
	return meta_own_put(t, ".trail", S("xy"));
}

static int fail_on_purpose(struct txn *t)
{
	(void)t;
	return err_set(-EIO, "step failed");
}

static void test_steps(void **state)
{
	static const struct migration steps[] = {{STORE_FORMAT, add_x}, {STORE_FORMAT + 1, add_y}};
	static const struct migration broken[] = {
		{STORE_FORMAT, add_x}, {STORE_FORMAT + 1, fail_on_purpose}};
	struct place *p = *state;
	struct span v;
	struct txn *t = writing(p);

	fails(migrate_with(t, broken, 2, STORE_FORMAT + 2), -EIO);
	fails(txn_commit(t), -EIO);
	t = writing(p);
	assert_int_equal(format_of(t), STORE_FORMAT);
	fails(meta_own_get(t, ".trail", &v), STORE_ABSENT); /* as it was */
	fails(migrate_with(t, steps + 1, 1, STORE_FORMAT + 2), -EPROTO);
	says("too old");
	txn_abort(t);
	t = writing(p);
	ok(migrate_with(t, steps, 2, STORE_FORMAT + 2));
	assert_int_equal(format_of(t), STORE_FORMAT + 2);
	ok(meta_own_get(t, ".trail", &v));
	is_text(v, "xy");
	txn_abort(t);
}

/* A store of format 1: a target without the index at its end. */
static void test_from_1(void **state)
{
	struct place *p = *state;
	BUF struct buf v1 = {0};
	struct key one = key_u32(1), no = key_u32(7);
	struct target t = {
		.id = S("abc"), .name = S("web"), .lowers = S("\3/l1"), .volumes = S("\1k\1v")};
	struct txn *txn = writing(p);

	target_encode(&t, &v1);
	v1.p[0] = 1;
	v1.n--;
	ok(db_put(txn, DB_TARGET, key_span(&no), buf_span(&v1)));
	no = key_u32(9);
	ok(db_put(txn, DB_TARGET, key_span(&no), buf_span(&v1)));
	ok(db_put(txn, DB_META, S("format"), key_span(&one)));
	ok(txn_commit(txn));
	place_reopen(p);
	txn = reading(p);
	assert_int_equal(format_of(txn), STORE_FORMAT);
	for (uint32_t i = 7; i <= 9; i += 2) {
		ok(targets_get(txn, i, &t));
		is_text(t.name, "web");
		is_text(t.volumes, "\1k\1v");
		assert_int_equal(t.index.n, 0);
	}
	txn_abort(txn);
}

static void test_damaged_1(void **state)
{
	struct place *p = *state;
	struct key one = key_u32(1), no = key_u32(7);
	struct txn *txn = writing(p);

	ok(db_put(txn, DB_TARGET, key_span(&no), S("\1\377")));
	ok(db_put(txn, DB_META, S("format"), key_span(&one)));
	ok(txn_commit(txn));
	store_close(take(p->s));
	{
		struct store_options opt = place_options();

		fails(store_open(&p->s, p->dir, STORE_WRITE, &opt), -EBADMSG);
		says("target: malformed");
	}
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_new_store),
		WITH_STORE(test_newer_is_refused),
		WITH_STORE(test_format_is_told),
		WITH_STORE(test_nonsense_is_refused),
		cmocka_unit_test(test_foreign_is_refused),
		WITH_STORE(test_steps),
		WITH_STORE(test_from_1),
		WITH_STORE(test_damaged_1),
	};

	return cmocka_run_group_tests_name("store/env_migrate", tests, NULL, NULL);
}
