/* A reader that was overtaken by two commits while it began does not keep what it copied meanwhile:
 * see begin_read() in lib/store/txn.c. LMDB's own begin is wrapped here, so that the commits come at
 * the very moment. */
#include "place.h"
#include <dlfcn.h>
#include <lmdb.h>
#include "store/journal.h"

static struct place place;
static uint64_t last;
static unsigned overtaken; /* how often commits are still to come in between */
static unsigned commits;   /* how many then */
static unsigned begun;

static void append(void)
{
	struct journal_entry e = {.seq = ++last, .time = 1, .json = span_of("{}")};
	struct txn *t = writing(&place);

	sha_once(span_make(&last, sizeof(last)), e.id);
	ok(journal_append(t, &e));
	ok(txn_commit(t));
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret)
{
	int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **) = NULL;
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "mdb_txn_begin");
	must(real);
	rc = real(env, parent, flags, ret);
	if (rc || !(flags & MDB_RDONLY))
		return rc;
	begun++;
	if (overtaken == 0)
		return 0;
	overtaken--;
	for (unsigned i = 0; i < commits; i++)
		append();
	return 0;
}

static void check(unsigned times, unsigned n, unsigned want_begun)
{
	struct journal_head h;
	struct txn *t;

	overtaken = times;
	commits = n;
	begun = 0;
	t = reading(&place);
	assert_int_equal(begun, want_begun);
	ok(journal_head(t, &h));
	assert_int_equal(h.last, last);
	txn_abort(t);
}

static void test_overtaken(void **state UNUSED)
{
	place_make(&place);
	ok(store_open(&place.s, place.dir, STORE_WRITE,
		&(struct store_options){.dir_gid = -1, .no_sync = true}));
	append();
	check(0, 0, 1);
	check(1, 1, 2);
	check(1, 2, 2);
	check(5, 2, 6);
	check(1, 7, 2);
	place_remove(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_overtaken)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
