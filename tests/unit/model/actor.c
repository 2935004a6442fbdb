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
	assert_int_equal(a->login_session, b->login_session);
	assert_span(a->exe_host, b->exe_host);
	assert_span(a->cwd, b->cwd);
	assert_span(a->tty, b->tty);
	assert_span(a->session, b->session);
	assert_int_equal(a->drifted, b->drifted);
	assert_int_equal(a->aside, b->aside);
	assert_int_equal(a->has_sha, b->has_sha);
	assert_memory_equal(a->sha, b->sha, SHA_LEN);
	assert_int_equal(a->n_up, b->n_up);
	for (size_t i = 0; i < a->n_up; i++) {
		assert_int_equal(a->up[i].pid, b->up[i].pid);
		assert_true(a->up[i].start == b->up[i].start);
		assert_span(a->up[i].comm, b->up[i].comm);
		assert_span(a->up[i].exe, b->up[i].exe);
	}
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
	assert_int_equal(back.login_session, UINT32_MAX);
	assert_span(back.reason, a.reason);
}

/* Byte for byte as format 2 of the store has it: stores hold many of these. */
static void version_1_is_still_read(void **state UNUSED)
{
	static const uint8_t old[] = {1, ORIGIN_HOST, 0xac, 2, 5, 1, 7, 8, 0xff, 0xff, 0xff, 0xff,
		0x0f, 4, '/', 'e', 'x', 'e', 3, 'a', 0, 'b', 2, 's', 'h', 1, 'c', 0};
	struct actor a;
	BUF struct buf b = {0};

	assert_int_equal(actor_decode(span_make(old, sizeof(old)), &a), 0);
	assert_int_equal(a.origin, ORIGIN_HOST);
	assert_int_equal(a.pid, 300);
	assert_int_equal(a.start, 5);
	assert_true(a.has_uid && a.uid == 7 && a.gid == 8 && a.login_uid == UINT32_MAX);
	assert_int_equal(a.login_session, UINT32_MAX);
	assert_span(a.exe, span_of("/exe"));
	assert_span(a.container, span_of("c"));
	assert_int_equal(a.n_up, 0);
	assert_false(a.has_sha || a.drifted);
	/* A digest is nothing of version 1. */
	buf_add(&b, old, sizeof(old));
	b.p[5] = 3;
	assert_true(actor_decode(buf_span(&b), &a) < 0);
	b.p[5] = 1;
	b.p[0] = 3;
	assert_true(actor_decode(buf_span(&b), &a) < 0);
}

static void too_many_ancestors_are_refused(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct actor a = {.n_up = ACTOR_UP_MAX}, back;
	size_t at;

	actor_encode(&a, &b);
	at = b.n - 4 * ACTOR_UP_MAX - 1;
	assert_int_equal(b.p[at], ACTOR_UP_MAX);
	b.p[at] = ACTOR_UP_MAX + 1;
	buf_add(&b, "\0\0\0", 4);
	assert_true(actor_decode(buf_span(&b), &back) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_actor_round_trips),
		cmocka_unit_test(long_command_lines_are_cut),
		cmocka_unit_test(nobody_known_is_told_so),
		cmocka_unit_test(version_1_is_still_read),
		cmocka_unit_test(too_many_ancestors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
