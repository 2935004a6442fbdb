#include "model/gap.h"
#include "tests/unit/base/unit.h"

static int recode(struct span in, struct buf *out)
{
	struct gap g;
	int r = gap_decode(in, &g);

	buf_reset(out);
	if (r == 0)
		gap_encode(&g, out);
	return r;
}

static void any_gap_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 50;
	uint8_t path[30], detail[30];

	for (int i = 0; i < 2000; i++) {
		struct gap g = {
			.id = any_size(&seed),
			.target = (uint32_t)any_size(&seed),
			.path = any_bytes(&seed, path, sizeof(path)),
			.cause = (enum gap_cause)any_below(&seed, GAP_N),
			.from = (int64_t)any(&seed),
			.opened = (int64_t)any_size(&seed),
			.closed = (int64_t)any_size(&seed),
			.count = any_size(&seed),
			.detail = any_bytes(&seed, detail, sizeof(detail)),
		};
		struct gap back;

		buf_reset(&b);
		gap_encode(&g, &b);
		assert_int_equal(gap_decode(buf_span(&b), &back), 0);
		assert_true(back.id == g.id && back.target == g.target && back.cause == g.cause);
		assert_true(back.from == g.from && back.opened == g.opened);
		assert_true(back.closed == g.closed && back.count == g.count);
		assert_span(back.path, g.path);
		assert_span(back.detail, g.detail);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_gap_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
