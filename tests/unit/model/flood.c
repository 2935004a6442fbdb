#include "model/flood.h"
#include "tests/unit/base/unit.h"

static int recode_flood(struct span in, struct buf *out)
{
	struct flood f;
	int r = flood_decode(in, &f);

	buf_reset(out);
	if (r == 0)
		flood_encode(&f, out);
	return r;
}

static int recode_fold(struct span in, struct buf *out)
{
	struct fold f;
	int r = fold_decode(in, &f);

	buf_reset(out);
	if (r == 0)
		fold_encode(&f, out);
	return r;
}

static void any_counts(uint64_t *seed, uint64_t n[FLOOD_KINDS])
{
	for (int i = 0; i < FLOOD_KINDS; i++)
		n[i] = any_size(seed);
}

static void any_flood_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 7;
	uint8_t paths[FLOOD_SAMPLES][20];

	for (int i = 0; i < 1000; i++) {
		struct flood f = {.state = (enum flood_state)any_below(&seed, FLOOD_STATE_N),
			.total = any_size(&seed),
			.since = (int64_t)any(&seed),
			.from = (int64_t)any_size(&seed),
			.to = (int64_t)any_size(&seed),
			.worst = (enum severity)any_below(&seed, SEV_N),
			.n_samples = any_below(&seed, FLOOD_SAMPLES + 1)};
		struct flood back;

		any_counts(&seed, f.n);
		for (size_t s = 0; s < f.n_samples; s++) {
			f.sample[s].target = (uint32_t)any_size(&seed);
			f.sample[s].path = any_bytes(&seed, paths[s], sizeof(paths[s]));
		}
		buf_reset(&b);
		flood_encode(&f, &b);
		assert_int_equal(flood_decode(buf_span(&b), &back), 0);
		assert_memory_equal(back.n, f.n, sizeof(f.n));
		assert_true(back.state == f.state && back.total == f.total);
		assert_true(back.since == f.since && back.from == f.from && back.to == f.to);
		assert_true(back.worst == f.worst && back.n_samples == f.n_samples);
		for (size_t s = 0; s < f.n_samples; s++) {
			assert_int_equal(back.sample[s].target, f.sample[s].target);
			assert_span(back.sample[s].path, f.sample[s].path);
		}
		assert_sturdy(recode_flood, buf_span(&b), &seed);
	}
}

static void any_fold_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 8;
	uint8_t over[40];

	for (int i = 0; i < 1000; i++) {
		struct fold f = {.from = (int64_t)any(&seed),
			.to = (int64_t)any_size(&seed),
			.worst = (enum severity)any_below(&seed, SEV_N),
			.over = any_bytes(&seed, over, sizeof(over))};
		struct fold back;

		any_counts(&seed, f.n);
		buf_reset(&b);
		fold_encode(&f, &b);
		assert_int_equal(fold_decode(buf_span(&b), &back), 0);
		assert_memory_equal(back.n, f.n, sizeof(f.n));
		assert_true(back.from == f.from && back.to == f.to && back.worst == f.worst);
		assert_span(back.over, f.over);
		assert_int_equal(flood_count(back.n), f.n[0] + f.n[1] + f.n[2] + f.n[3]);
		assert_sturdy(recode_fold, buf_span(&b), &seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_flood_round_trips),
		cmocka_unit_test(any_fold_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
