/* What proofs found, and that it goes with what it is of. */
#include "place.h"
#include "store/snapshot.h"
#include "store/verdict.h"

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct verdict v = {.state = VERDICT_BROKEN,
		.how = VERDICT_HOW_TAR_SPLIT,
		.digest = span_of("sha256:00"),
		.n_odd = 1};
	struct verdict back;
	struct txn *t = writing(p);

	ok(verdict_put(t, VERDICT_OF_LAYER, 3, &v));
	v.state = VERDICT_PROVED;
	ok(verdict_put(t, VERDICT_OF_TARGET, 3, &v));
	ok(txn_commit(t));
	t = reading(p);
	ok(verdict_get(t, VERDICT_OF_LAYER, 3, &back));
	assert_int_equal(back.state, VERDICT_BROKEN);
	assert_true(span_is(back.digest, "sha256:00"));
	ok(verdict_get(t, VERDICT_OF_TARGET, 3, &back));
	assert_int_equal(back.state, VERDICT_PROVED);
	fails(verdict_get(t, VERDICT_OF_LAYER, 4, &back), STORE_ABSENT);
	txn_abort(t);
}

static void test_goes_with_its_snapshot(void **state)
{
	struct place *p = *state;
	uint8_t identity[SHA_LEN] = {9};
	struct verdict v = {.state = VERDICT_PROVED};
	struct txn *t = writing(p);
	uint32_t no = 0;
	bool more = false;

	ok(snap_create(t, identity, span_of("/l"), (struct span){0}, span_of("image"), &no));
	ok(verdict_put(t, VERDICT_OF_LAYER, no, &v));
	ok(snap_delete(t, no, 100, &more));
	fails(verdict_get(t, VERDICT_OF_LAYER, no, &v), STORE_ABSENT);
	txn_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(
			test_goes_with_its_snapshot, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
