/* Golden baselines in the store: every way to one, replacing, who is preferred, what a layer keeps. */
#include "place.h"
#include "store/db.h"
#include "store/gold.h"

static void digest(uint8_t *to, int c)
{
	memset(to, c, SHA_LEN);
}

static struct gold *sample(int image, int manifest, int layer)
{
	struct gold *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	digest(g->image, image);
	digest(g->root, image + 1);
	digest(g->file, image + 2);
	g->has_manifest = manifest != 0;
	digest(g->manifest, manifest);
	g->name = S("registry.example/app:1");
	g->host = S("builder");
	g->created = -5;
	g->imported = 7000000000;
	g->uid = 1000;
	g->accepts = 3;
	g->n_layers = 2;
	digest(g->layer[0].diff_id, layer);
	digest(g->layer[0].canon, layer + 1);
	g->layer[0].snap = 4;
	digest(g->layer[1].diff_id, layer + 2);
	digest(g->layer[1].canon, layer + 3);
	g->layer[1].snap = 9;
	return g;
}

static void sign(struct gold *g, enum gold_state state, const char *name)
{
	struct gold_signature *s = &g->signature[g->n_signatures++];

	digest(s->key, 'k');
	s->name = S(name);
	s->state = state;
	s->time = 12;
	s->block = S("block");
}

static void put(struct place *p, struct gold *g)
{
	struct txn *t = writing(p);

	ok(gold_put(t, g));
	ok(txn_commit(t));
	free(g);
}

static void find(struct txn *t, int by, int image)
{
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t d[SHA_LEN], want[SHA_LEN];

	digest(d, by);
	digest(want, image);
	ok(gold_find(t, d, g));
	assert_memory_equal(g->image, want, SHA_LEN);
}

/* What an entry accepts goes with it, and comes back alone. */
static void keeps_what_it_accepts(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	struct gold *in = sample('a', 0, 'l');
	uint8_t d[SHA_LEN];
	struct txn *t;

	digest(d, 'a');
	in->accept_list = S("a list");
	in->accept_why = S("ticket 4711");
	put(p, in);
	t = writing(p);
	ok(gold_find(t, d, g));
	assert_int_equal(g->accept_list.n, 0);
	ok(gold_accepts(t, g));
	assert_true(span_is(g->accept_list, "a list") && span_is(g->accept_why, "ticket 4711"));
	txn_abort(t);
	put(p, sample('a', 0, 'l')); /* in its place, one that accepts nothing */
	t = writing(p);
	ok(gold_find(t, d, g));
	assert_int_equal(gold_accepts(t, g), STORE_ABSENT);
	txn_abort(t);
	in = sample('a', 0, 'l');
	in->accept_list = S("another");
	put(p, in);
	t = writing(p);
	ok(gold_delete(t, d));
	memcpy(g->image, d, SHA_LEN);
	assert_int_equal(gold_accepts(t, g), STORE_ABSENT);
	in = sample('b', 0, 'l');
	in->accept_list = (struct span){(const uint8_t *)in, GOLD_ACCEPTS_MAX + 1u};
	assert_int_equal(gold_put(t, in), -EFBIG);
	free(in);
	txn_abort(t);
}

static void keeps_all(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	BUF struct buf who = {0};
	uint8_t d[SHA_LEN];
	struct gold *in = sample('a', 'm', 'l');
	struct txn *t;

	sign(in, GOLD_UNKNOWN, "");
	sign(in, GOLD_GOOD, "release");
	sign(in, GOLD_GOOD, "");
	put(p, in);
	t = reading(p);
	digest(d, 'm');
	ok(gold_find(t, d, g));
	assert_int_equal(g->image[31], 'a');
	assert_int_equal(g->root[0], 'b');
	assert_int_equal(g->file[0], 'c');
	assert_true(g->has_manifest);
	is_text(g->name, "registry.example/app:1");
	is_text(g->host, "builder");
	assert_int_equal(g->created, -5);
	assert_int_equal(g->imported, 7000000000);
	assert_int_equal(g->uid, 1000);
	assert_int_equal(g->accepts, 3);
	assert_int_equal(g->n_layers, 2);
	assert_int_equal(g->layer[1].snap, 9);
	assert_int_equal(g->layer[1].canon[0], 'o');
	assert_int_equal(g->n_signatures, 3);
	is_text(g->signature[1].block, "block");
	assert_int_equal(g->signature[1].time, 12);
	gold_signers(g, &who);
	assert_string_equal(buf_text(&who), "release, 6b6b6b6b6b6b6b6b");
	assert_true(gold_is_signed(g));
	txn_abort(t);
}

static void every_way(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t d[SHA_LEN];
	size_t at = 7;
	struct txn *t;

	put(p, sample('a', 'm', 'l'));
	t = reading(p);
	find(t, 'a', 'a');
	find(t, 'm', 'a');
	digest(d, 'l');
	fails(gold_find(t, d, g), STORE_ABSENT);
	digest(d, 'n');
	ok(gold_layer_find(t, d, g, &at));
	assert_int_equal(at, 1);
	digest(d, 'x');
	fails(gold_layer_find(t, d, g, &at), STORE_ABSENT);
	ok(gold_names_snap(t, 9));
	fails(gold_names_snap(t, 5), STORE_ABSENT);
	txn_abort(t);
}

static void replaced(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t d[SHA_LEN], at[SHA_LEN] = {0};
	size_t n = 0, layer;
	struct txn *t;

	put(p, sample('a', 'm', 'l'));
	put(p, sample('a', 'q', 't'));
	put(p, sample('b', 0, 't'));
	t = reading(p);
	digest(d, 'm');
	fails(gold_find(t, d, g), STORE_ABSENT);
	digest(d, 'l');
	fails(gold_layer_find(t, d, g, &layer), STORE_ABSENT);
	find(t, 'q', 'a');
	while (gold_next(t, at, g) == 0)
		n++;
	assert_int_equal(n, 2);
	txn_abort(t);
}

/* Two images share a manifest's digest by somebody's lie: the last one has it, and the other's end does
 * not take it away. */
static void manifest_is_the_lasts(void **state)
{
	struct place *p = *state;
	uint8_t d[SHA_LEN];
	struct txn *t;

	put(p, sample('a', 'm', 'l'));
	put(p, sample('b', 'm', 'l'));
	t = writing(p);
	find(t, 'm', 'b');
	digest(d, 'a');
	ok(gold_delete(t, d));
	find(t, 'm', 'b');
	fails(gold_delete(t, d), STORE_ABSENT);
	ok(txn_commit(t));
}

static void signed_one_first(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	struct gold *in = sample('c', 0, 'l');
	uint8_t d[SHA_LEN];
	size_t at;
	struct txn *t;

	put(p, sample('a', 0, 'l'));
	put(p, sample('b', 0, 'l'));
	digest(d, 'l');
	t = reading(p);
	ok(gold_layer_find(t, d, g, &at));
	assert_int_equal(g->image[0], 'a');
	txn_abort(t);
	sign(in, GOLD_REFUSED, "old");
	put(p, in);
	t = reading(p);
	ok(gold_layer_find(t, d, g, &at));
	assert_int_equal(g->image[0], 'a');
	txn_abort(t);
	in = sample('c', 0, 'l');
	sign(in, GOLD_GOOD, "release");
	put(p, in);
	t = reading(p);
	ok(gold_layer_find(t, d, g, &at));
	assert_int_equal(g->image[0], 'c');
	txn_abort(t);
}

/* Every cut and every flipped byte of a value is refused or read as something. */
static void damaged(void **state)
{
	struct place *p = *state;
	FREE struct gold *g = calloc(1, sizeof(*g));
	BUF struct buf was = {0};
	uint8_t d[SHA_LEN];
	struct gold *in = sample('a', 'm', 'l');
	struct key k = {.n = 1 + SHA_LEN};
	struct span v;
	struct txn *t;

	sign(in, GOLD_GOOD, "release");
	put(p, in);
	digest(d, 'a');
	k.b[0] = 1;
	digest(k.b + 1, 'a');
	t = reading(p);
	ok(db_get(t, DB_GOLDEN, key_span(&k), &v));
	buf_add_span(&was, v);
	txn_abort(t);
	for (size_t i = 0; i < was.n; i++) {
		t = writing(p);
		ok(db_put(t, DB_GOLDEN, key_span(&k), span_make(was.p, i)));
		fails(gold_find(t, d, g), -EBADMSG);
		txn_abort(t);
		was.p[i] ^= 0x81;
		t = writing(p);
		ok(db_put(t, DB_GOLDEN, key_span(&k), buf_span(&was)));
		(void)gold_find(t, d, g);
		txn_abort(t);
		was.p[i] ^= 0x81;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_all, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(keeps_what_it_accepts, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(every_way, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(replaced, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(manifest_is_the_lasts, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(signed_one_first, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(damaged, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
