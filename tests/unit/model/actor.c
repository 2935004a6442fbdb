#include "tests/unit/model/any.h"

static int recode(struct span in, struct buf *out)
{
	struct actor a;
	int r = actor_decode(in, &a);

	buf_reset(out);
	if (r == 0)
		actor_encode(&a, out);
	return r;
}

static void assert_same_actor(const struct actor *a, const struct actor *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_true(a->start == b->start);
	assert_int_equal(a->has_uid, b->has_uid);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->login_uid, b->login_uid);
	assert_int_equal(a->origin, b->origin);
	assert_span(a->exe, b->exe);
	assert_span(a->cmdline, b->cmdline);
	assert_span(a->comm, b->comm);
	assert_span(a->container, b->container);
	assert_span(a->reason, b->reason);
}

static void any_actor_round_trips(void **state UNUSED)
{
	CLEANUP(any_room_free) struct any_room room = {0};
	BUF struct buf b = {0};
	uint64_t seed = 20;

	for (int i = 0; i < 2000; i++) {
		struct actor a = any_actor(&seed, &room), back;

		buf_reset(&b);
		actor_encode(&a, &b);
		assert_int_equal(actor_decode(buf_span(&b), &back), 0);
		assert_same_actor(&a, &back);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

static void long_command_lines_are_cut(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint8_t line[5000] = {0};
	struct actor a = {.cmdline = {line, sizeof(line)}}, back;

	actor_encode(&a, &b);
	assert_int_equal(actor_decode(buf_span(&b), &back), 0);
	assert_int_equal(back.cmdline.n, 4096);
}

static void nobody_known_is_told_so(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct actor a = {.uid = 5, .reason = ROW("gone before it was asked")}, back;

	actor_encode(&a, &b);
	assert_int_equal(actor_decode(buf_span(&b), &back), 0);
	assert_int_equal(back.origin, ORIGIN_UNKNOWN);
	assert_false(back.has_uid);
	assert_int_equal(back.uid, 0);
	assert_int_equal(back.login_uid, UINT32_MAX);
	assert_span(back.reason, a.reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_actor_round_trips),
		cmocka_unit_test(long_command_lines_are_cut),
		cmocka_unit_test(nobody_known_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
