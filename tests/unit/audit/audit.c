/*
 * Proofs of a store. Whatever is changed in a sealed one - a bit of a key or of a value, two values exchanged,
 * an entry taken away, one put twice - is found: MUTATIONS times, at random, in every database. The seed is
 * printed; BOLTSEAL_SEED gives it back.
 */
#include "sealed.h"
#include <stdlib.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { MUTATIONS = 1500 };
#else
enum { MUTATIONS = 10500 };
#endif

struct heard {
	unsigned bad, all;
	char first[300];
};

static void hear(void *ctx, const struct audit_check *c)
{
	struct heard *h = ctx;

	h->all++;
	if (!c->ok && !h->bad++)
		snprintf(h->first, sizeof(h->first), "%s %.*s: %.*s", c->what, (int)c->subject.n,
			(const char *)c->subject.p, (int)c->detail.n, (const char *)c->detail.p);
}

static bool is_clean(struct place *p, struct heard *h)
{
	struct audit a = {.store = p->s, .hear = hear, .ctx = h, .clean = true};

	*h = (struct heard){0};
	ok(audit_all(&a));
	assert_int_equal(a.clean, h->bad == 0);
	return a.clean;
}

static void an_untouched_store_is_proven(void **state)
{
	struct place *p = *state;
	struct heard h;

	sealed_fill(p);
	if (!is_clean(p, &h))
		fail_msg("%s", h.first);
	/* Three layers and that of a golden baseline, which is a check of its own; two targets with baseline and drift; index,
	 * journal, seal. */
	assert_int_equal(h.all, LAYERS + 2 + 2 * 2 + 3);
}

static void what_is_written_later_breaks_the_seal_and_is_told(void **state)
{
	struct place *p = *state;
	struct heard h;
	struct txn *t;

	sealed_fill(p);
	t = writing(p);
	ok(seal_break(t));
	ok(meta_put(t, "flooded", S("abcd")));
	ok(txn_commit(t));
	assert_true(is_clean(p, &h));
	assert_int_equal(h.all, LAYERS + 2 + 2 * 2 + 3);
}

/* ---- mutations ---- */

static uint64_t seed;

static size_t any(size_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (size_t)((seed >> 33) % n);
}

struct entry {
	struct buf key, value;
};

static void entry_free(struct entry *e)
{
	buf_free(&e->key);
	buf_free(&e->value);
}
#define ENTRY CLEANUP(entry_free)

static size_t count(struct txn *t, enum db db)
{
	MDB_stat st;

	assert_int_equal(mdb_stat(t->mdb, t->s->dbi[db], &st), 0);
	return st.ms_entries;
}

static void take_entry(struct txn *t, enum db db, size_t at, struct entry *ret)
{
	WALK struct walk w = {0};

	ok(walk_start(t, db, &w));
	ok(walk_seek(&w, (struct span){0}));
	while (at--)
		ok(walk_next(&w));
	buf_add_span(&ret->key, w.key);
	buf_add_span(&ret->value, w.value);
}

static void put(struct txn *t, enum db db, const struct buf *key, const struct buf *value)
{
	ok(db_put(t, db, buf_span(key), buf_span(value)));
}

static void flip(struct buf *b)
{
	size_t bit = any(b->n * 8);

	b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Each returns false where it would change nothing. `back` says how to undo it: an entry to delete, and two
 * to put. */
struct undo {
	struct entry gone, back[2];
	size_t n_gone, n_back;
};

static void undo_free(struct undo *u)
{
	entry_free(&u->gone);
	entry_free(&u->back[0]);
	entry_free(&u->back[1]);
}

static void keep(struct undo *u, const struct entry *e)
{
	buf_add_span(&u->back[u->n_back].key, buf_span(&e->key));
	buf_add_span(&u->back[u->n_back++].value, buf_span(&e->value));
}

static void will_go(struct undo *u, const struct buf *key)
{
	buf_add_span(&u->gone.key, buf_span(key));
	u->n_gone = 1;
}

static bool flip_value(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	if (!e->value.n)
		return false;
	keep(u, e);
	flip(&e->value);
	put(t, db, &e->key, &e->value);
	return true;
}

static bool flip_key(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	struct span there;

	keep(u, e);
	ok(db_delete(t, db, buf_span(&e->key)));
	flip(&e->key);
	if (db_get(t, db, buf_span(&e->key), &there) == 0)
		return false; /* the transaction is aborted */
	will_go(u, &e->key);
	put(t, db, &e->key, &e->value);
	return true;
}

static bool drop_entry(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	keep(u, e);
	ok(db_delete(t, db, buf_span(&e->key)));
	return true;
}

static bool swap_values(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	ENTRY struct entry other = {.key = {.p = NULL}};

	take_entry(t, db, any(count(t, db)), &other);
	if (span_eq(buf_span(&e->value), buf_span(&other.value)))
		return false;
	keep(u, e);
	keep(u, &other);
	put(t, db, &e->key, &other.value);
	put(t, db, &other.key, &e->value);
	return true;
}

/* Its bytes under a key that is not there. */
static bool put_twice(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	struct span there;

	e->key.p[e->key.n - 1] = (uint8_t)any(256);
	if (db_get(t, db, buf_span(&e->key), &there) == 0)
		return false;
	will_go(u, &e->key);
	put(t, db, &e->key, &e->value);
	return true;
}

static bool cut_value(struct txn *t, enum db db, struct entry *e, struct undo *u)
{
	if (!e->value.n)
		return false;
	keep(u, e);
	e->value.n -= 1 + any(e->value.n);
	put(t, db, &e->key, &e->value);
	return true;
}

static const struct {
	const char *name;
	bool (*fn)(struct txn *t, enum db db, struct entry *e, struct undo *u);
} ways[] = {
	{"a bit of a value", flip_value},
	{"a bit of a key", flip_key},
	{"an entry dropped", drop_entry},
	{"two values exchanged", swap_values},
	{"an entry put twice", put_twice},
	{"a value cut", cut_value},
};

static void take_back(struct place *p, enum db db, const struct undo *u)
{
	struct txn *t = writing(p);

	if (u->n_gone)
		ok(db_delete(t, db, buf_span(&u->gone.key)));
	for (size_t i = 0; i < u->n_back; i++)
		put(t, db, &u->back[i].key, &u->back[i].value);
	ok(txn_commit(t));
}

/* False: nothing was changed. */
static bool mutate(struct place *p, enum db db, size_t way)
{
	CLEANUP(undo_free) struct undo u = {.n_gone = 0};
	ENTRY struct entry e = {.key = {.p = NULL}};
	struct txn *t = writing(p);
	struct heard h;
	size_t n = count(t, db);

	if (!n || (take_entry(t, db, any(n), &e), !ways[way].fn(t, db, &e, &u))) {
		txn_abort(t);
		return false;
	}
	ok(txn_commit(t));
	if (is_clean(p, &h))
		fail_msg("%s: %s was not found (seed above)", db_name(db), ways[way].name);
	take_back(p, db, &u);
	return true;
}

static void whatever_is_changed_is_found(void **state)
{
	struct place *p = *state;
	const char *given = getenv("BOLTSEAL_SEED");
	unsigned done = 0, of_db[DB_N] = {0};
	struct heard h;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# seed %llu\n", (unsigned long long)seed);
	sealed_fill(p);
	while (done < MUTATIONS) {
		enum db db = (enum db)any(DB_N);

		if (!mutate(p, db, any(COUNTOF(ways))) && done < MUTATIONS && !of_db[db])
			of_db[db] = UINT32_MAX / 2; /* empty, perhaps: looked at below */
		else {
			done++;
			of_db[db]++;
		}
	}
	if (!is_clean(p, &h))
		fail_msg("what was taken back is not what was there: %s", h.first);
	for (unsigned db = 0; db < DB_N; db++) {
		struct txn *t = reading(p);

		if (!count(t, (enum db)db))
			print_message("# nothing was in %s\n", db_name((enum db)db));
		txn_abort(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_untouched_store_is_proven, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(what_is_written_later_breaks_the_seal_and_is_told,
			place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(
			whatever_is_changed_is_found, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
