#include "model/drift.h"
#include "base/text.h"
#include "tests/unit/base/unit.h"

enum { MEMBERS = 200 };

static struct span member(size_t i, char room[16])
{
	memset(room, 0, 16);
	room[0] = (char)i;
	room[1] = (char)(i >> 8);
	return span_make(room, 2 + i % 14);
}

static void the_empty_set(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct drift_hash h = {0};
	uint8_t id[SHA_LEN], want[SHA_LEN], zero[2048] = {0};

	drift_hash_id(&h, id);
	sha_once(span_make(zero, sizeof(zero)), want);
	assert_true(sha_same(id, want));
	assert_true(drift_hash_is_empty(&h));
	drift_hash_encode(&h, &b);
	assert_int_equal(b.n, 0);
}

/* One member's lanes are its SHAKE256, so the set of one has the SHA-256 of that. */
static void a_set_of_one(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct drift_hash h = {0};
	uint8_t id[SHA_LEN], want[SHA_LEN], wide[2048];

	drift_hash_add(&h, LIT("abc"));
	sha_shake(LIT("abc"), wide, sizeof(wide));
	sha_once(span_make(wide, sizeof(wide)), want);
	drift_hash_id(&h, id);
	assert_true(sha_same(id, want));
	drift_hash_encode(&h, &b);
	assert_span(buf_span(&b), span_make(wide, sizeof(wide)));
}

static void order_does_not_show(void **state UNUSED)
{
	struct drift_hash up = {0}, down = {0}, mixed = {0};
	uint64_t seed = 40;
	char room[16];

	for (size_t i = 0; i < MEMBERS; i++) {
		drift_hash_add(&up, member(i, room));
		drift_hash_add(&down, member(MEMBERS - 1 - i, room));
	}
	assert_memory_equal(&up, &down, sizeof(up));
	for (size_t i = 0; i < MEMBERS; i++) {
		size_t guest = 1000 + any_below(&seed, 1000);

		drift_hash_sub(&mixed, member(guest, room)); /* even away before it came */
		drift_hash_add(&mixed, member(i, room));
		drift_hash_add(&mixed, member(guest, room));
	}
	assert_memory_equal(&up, &mixed, sizeof(up));
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_false(drift_hash_is_empty(&up));
		drift_hash_sub(&up, member(i, room));
	}
	assert_true(drift_hash_is_empty(&up));
}

static void sets_differ_by_one_member(void **state UNUSED)
{
	struct drift_hash h = {0};
	uint8_t before[SHA_LEN], after[SHA_LEN];
	char room[16];

	for (size_t i = 0; i < 50; i++) {
		drift_hash_id(&h, before);
		drift_hash_add(&h, member(i, room));
		drift_hash_id(&h, after);
		assert_false(sha_same(before, after));
	}
}

static void stored_and_fetched(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct drift_hash h = {0}, back;
	uint8_t zero[2048] = {0};

	assert_int_equal(drift_hash_decode((struct span){0}, &back), 0);
	assert_true(drift_hash_is_empty(&back));
	drift_hash_add(&h, LIT("x"));
	drift_hash_encode(&h, &b);
	assert_int_equal(b.n, 2048);
	assert_int_equal(drift_hash_decode(buf_span(&b), &back), 0);
	assert_memory_equal(&h, &back, sizeof(h));
	assert_int_equal(drift_hash_decode(span_make(b.p, 2047), &back), -EBADMSG);
	buf_u8(&b, 0);
	assert_int_equal(drift_hash_decode(buf_span(&b), &back), -EBADMSG);
	assert_int_equal(drift_hash_decode(span_make(zero, 2048), &back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_empty_set),
		cmocka_unit_test(a_set_of_one),
		cmocka_unit_test(order_does_not_show),
		cmocka_unit_test(sets_differ_by_one_member),
		cmocka_unit_test(stored_and_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
