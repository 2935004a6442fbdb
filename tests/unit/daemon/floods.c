/* The budgets: whatever comes in is told, folded or counted, and what is not told now is told later, whole
 * and with its worst. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/sensor/floods.h"
#include "tests/unit/model/any.h"
#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { WEB = 3, DB = 4, TARGETS = 3, BATCHES = 60 };
#define WINDOW (60 * CLOCK_S)

static struct floods *begin(uint64_t per_path, uint64_t per_target, uint64_t total)
{
	struct floods *f;

	ok(floods_new(&f));
	floods_limit(f, &(struct flood_limits){per_path, per_target, total, WINDOW});
	return f;
}

static enum flood_word add(struct floods *f, uint32_t target, const char *path,
	enum flood_kind kind, enum severity severity, int64_t now)
{
	struct flood_news n = {.target = target,
		.path = span_of(path),
		.kind = kind,
		.severity = severity,
		.aspects = 1,
		.origin = 1,
		.wall = now + 1,
		.now = now};
	struct fold fold;

	return floods_add(f, &n, &fold);
}

static bool due(struct floods *f, int64_t now, uint32_t *target, struct flood *ret)
{
	return floods_due(f, &(struct floods_ask){.now = now}, target, ret);
}

static void test_no_limits(void **state UNUSED)
{
	struct floods *f = begin(0, 0, 0);

	for (int i = 0; i < 100000; i++)
		assert_int_equal(add(f, WEB, "/x", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_TELL);
	assert_true(floods_next(f) == INT64_MAX);
	floods_free(f);
}

static void test_a_path_folds(void **state UNUSED)
{
	struct floods *f = begin(3, 0, 0);
	struct floods_ask ask = {.now = CLOCK_S + WINDOW};
	struct flood_path p;
	enum flood_word word;

	for (int i = 0; i < 3; i++)
		assert_int_equal(add(f, WEB, "/log", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_TELL);
	for (int i = 0; i < 497; i++)
		assert_int_equal(add(f, WEB, "/log", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_FOLD);
	assert_int_equal(add(f, DB, "/log", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_TELL);
	assert_true(floods_next(f) == CLOCK_S + WINDOW);
	ask.now--;
	assert_false(floods_fold_due(f, &ask, &word, &p));
	ask.now++;
	assert_true(floods_fold_due(f, &ask, &word, &p));
	assert_int_equal(word, FLOOD_TELL);
	assert_int_equal(p.target, WEB);
	assert_true(span_is(p.path, "/log"));
	assert_int_equal(p.fold.n[FLOOD_C], 497);
	assert_false(floods_fold_due(f, &ask, &word, &p));
	floods_commit(f);
	/* It goes on: one entry a window, until one passes without. */
	assert_int_equal(add(f, WEB, "/log", FLOOD_C, SEV_LOW, ask.now + 1), FLOOD_FOLD);
	ask.now += WINDOW;
	assert_true(floods_fold_due(f, &ask, &word, &p));
	assert_int_equal(p.fold.n[FLOOD_C], 1);
	floods_commit(f);
	assert_int_equal(add(f, WEB, "/log", FLOOD_C, SEV_LOW, ask.now + WINDOW), FLOOD_TELL);
	floods_free(f);
}

/* What is worse, of another kind, by another hand, or in another way. */
static void test_news_of_a_path_is_told(void **state UNUSED)
{
	struct floods *f = begin(1, 0, 0);
	struct flood_news n = {.target = WEB,
		.path = span_of("/log"),
		.kind = FLOOD_C,
		.severity = SEV_LOW,
		.aspects = 1,
		.origin = 1,
		.wall = 7,
		.now = CLOCK_S};
	struct fold fold;

	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_FOLD);
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_FOLD);
	n.severity = SEV_MEDIUM;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	assert_int_equal(fold.n[FLOOD_C], 2); /* those go along */
	n.severity = SEV_INFO;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_FOLD);
	assert_int_equal(fold.n[FLOOD_C], 1);
	n.kind = FLOOD_CLEARED;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	n.origin = 2;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	n.aspects = 2;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_FOLD);
	assert_int_equal(fold.n[FLOOD_CLEARED], 1);
	floods_free(f);
}

static void test_a_flood(void **state UNUSED)
{
	struct floods *f = begin(0, 10, 0);
	int64_t now = CLOCK_S;
	struct flood fl;
	uint32_t target;
	char path[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/tmp/%d", i);
		/* The first that is worse than what was told is told, whatever is left. */
		assert_int_equal(add(f, WEB, path, FLOOD_A,
					 i == 500 || i == 501 ? SEV_MEDIUM : SEV_LOW, now),
			i < 10 || i == 500 ? FLOOD_TELL : FLOOD_COUNT);
	}
	/* Others, and what is worth more, have what is theirs. */
	assert_int_equal(add(f, DB, "/x", FLOOD_A, SEV_LOW, now), FLOOD_TELL);
	assert_int_equal(add(f, WEB, "/bin/sh", FLOOD_C, SEV_HIGH, now), FLOOD_TELL);
	assert_int_equal(add(f, WEB, "/var/x", FLOOD_C, SEV_INFO, now), FLOOD_TELL);
	assert_int_equal(floods_next(f), 0);
	assert_true(due(f, now, &target, &fl));
	assert_int_equal(target, WEB);
	assert_int_equal(fl.state, FLOOD_BEGUN);
	assert_int_equal(fl.n[FLOOD_A], 989);
	assert_int_equal(fl.worst, SEV_MEDIUM);
	assert_int_equal(fl.n_samples, 1);
	assert_true(span_is(fl.sample[0].path, "/tmp/501"));
	assert_false(due(f, now, &target, &fl));
	floods_commit(f);
	assert_true(floods_next(f) == now + WINDOW);
	now += WINDOW - CLOCK_S;
	assert_int_equal(add(f, WEB, "/y", FLOOD_CLEARED, SEV_LOW, now), FLOOD_COUNT);
	now += CLOCK_S;
	assert_true(due(f, now, &target, &fl));
	assert_int_equal(fl.state, FLOOD_CONTINUES);
	assert_int_equal(flood_count(fl.n), 1);
	assert_int_equal(fl.n[FLOOD_CLEARED], 1);
	assert_int_equal(fl.total, 990);
	floods_commit(f);
	/* A window without: it is over, and that is told. */
	now += WINDOW;
	assert_true(due(f, now, &target, &fl));
	assert_int_equal(fl.state, FLOOD_OVER);
	assert_int_equal(flood_count(fl.n), 0);
	assert_int_equal(fl.n_samples, 0);
	assert_int_equal(fl.total, 990);
	floods_commit(f);
	assert_true(floods_next(f) == INT64_MAX);
	assert_int_equal(add(f, WEB, "/z", FLOOD_A, SEV_LOW, now), FLOOD_TELL);
	floods_free(f);
}

static void test_all_targets_together(void **state UNUSED)
{
	struct floods *f = begin(0, 1000, 15);
	struct flood fl;
	uint32_t target;
	int told = 0;

	for (int i = 0; i < 500; i++)
		told += add(f, WEB + i % 5, "/x", FLOOD_A, SEV_LOW, CLOCK_S) == FLOOD_TELL;
	assert_int_equal(told, 5 * FLOOD_LEAST);
	/* One that is quiet is heard beside the noise of the others. */
	assert_int_equal(add(f, DB + 100, "/x", FLOOD_A, SEV_LOW, CLOCK_S), FLOOD_TELL);
	assert_true(due(f, CLOCK_S, &target, &fl));
	assert_int_equal(target, 0);
	assert_int_equal(flood_count(fl.n), 400);
	assert_int_equal(fl.n_samples, FLOOD_SAMPLES);
	assert_true(fl.sample[0].target >= WEB && fl.sample[0].target < WEB + 5);
	assert_false(due(f, CLOCK_S, &target, &fl));
	floods_free(f);
}

/* What no entry told of is not told to be over while it floods. */
static void test_untold(void **state UNUSED)
{
	struct floods *f = begin(0, 2, 0);
	struct flood_news n = {.target = WEB,
		.path = span_of("/x"),
		.kind = FLOOD_CLEARED,
		.severity = SEV_HIGH,
		.untold = true,
		.wall = 1,
		.now = CLOCK_S};
	struct fold fold;

	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	for (int i = 0; i < 3; i++)
		add(f, WEB, "/y", FLOOD_A, SEV_LOW, CLOCK_S);
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_COUNT);
	n.untold = false;
	assert_int_equal(floods_add(f, &n, &fold), FLOOD_TELL);
	floods_free(f);
}

static void test_abort(void **state UNUSED)
{
	struct floods *f = begin(1, 2, 0);
	struct floods_step step = {.begun = false};
	struct flood fl;
	uint32_t target;
	bool any;

	for (int round = 0; round < 3; round++) {
		assert_int_equal(add(f, WEB, "/a", FLOOD_A, SEV_LOW, CLOCK_S), FLOOD_TELL);
		assert_int_equal(add(f, WEB, "/a", FLOOD_A, SEV_LOW, CLOCK_S), FLOOD_FOLD);
		assert_int_equal(add(f, WEB, "/b", FLOOD_A, SEV_LOW, CLOCK_S), FLOOD_TELL);
		assert_int_equal(add(f, WEB, "/c", FLOOD_A, SEV_LOW, CLOCK_S), FLOOD_COUNT);
		assert_true(due(f, CLOCK_S, &target, &fl));
		if (round < 2)
			floods_abort(f);
	}
	step = (struct floods_step){.begun = false};
	assert_true(floods_changed(f, &step, &target, &fl, &any));
	assert_int_equal(target, WEB);
	assert_true(any);
	assert_false(floods_changed(f, &step, &target, &fl, &any));
	floods_commit(f);
	for (int round = 0; round < 2; round++) {
		assert_true(due(f, CLOCK_S + 2 * WINDOW, &target, &fl));
		assert_int_equal(fl.state, FLOOD_OVER);
		assert_int_equal(fl.total, 1);
		step = (struct floods_step){.begun = false};
		assert_true(floods_changed(f, &step, &target, &fl, &any));
		assert_false(any);
		floods_abort(f);
	}
	floods_free(f);
}

/* A target that goes takes nothing along. */
static void test_end_of_a_target(void **state UNUSED)
{
	struct floods *f = begin(1, 1, 0);
	struct floods_ask ask = {.now = CLOCK_S, .target = WEB};
	struct flood_path p;
	struct flood fl;
	enum flood_word word;
	uint32_t target;

	for (int i = 0; i < 6; i++)
		add(f, i % 2 ? WEB : DB, "/a", FLOOD_A, SEV_LOW, CLOCK_S);
	assert_true(floods_fold_due(f, &ask, &word, &p));
	assert_int_equal(p.target, WEB);
	assert_int_equal(word, FLOOD_COUNT); /* the one that it may have is spent */
	assert_false(floods_fold_due(f, &ask, &word, &p));
	assert_true(floods_due(f, &ask, &target, &fl));
	assert_int_equal(target, WEB);
	assert_int_equal(fl.state, FLOOD_OVER);
	assert_int_equal(flood_count(fl.n), 2);
	assert_false(floods_due(f, &ask, &target, &fl));
	floods_free(f);
}

static void test_memory_is_bounded(void **state UNUSED)
{
	struct floods *f = begin(1, 100, 0);
	size_t before = mallinfo2().uordblks;
	char path[256];

	for (int i = 0; i < 1000000; i++) {
		snprintf(path, sizeof(path), "/tmp/%0200d", i);
		add(f, WEB + (uint32_t)i % 1000, path, FLOOD_A, SEV_LOW, CLOCK_S);
		if (i % 100 == 0)
			floods_commit(f);
	}
	assert_true(mallinfo2().uordblks - before < (8u << 20));
	floods_free(f);
}

/* It is not pushed out by what comes later. */
static void test_what_folded_stays(void **state UNUSED)
{
	struct floods *f = begin(1, 0, 0);
	struct floods_ask ask = {.now = CLOCK_S + WINDOW};
	struct flood_path p;
	enum flood_word word;
	char path[32];

	for (int i = 0; i < 2; i++)
		add(f, WEB, "/log", FLOOD_C, SEV_LOW, CLOCK_S);
	for (int i = 0; i < 3 * FLOOD_PATHS; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		assert_int_equal(add(f, WEB, path, FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_TELL);
		floods_commit(f);
	}
	assert_int_equal(add(f, WEB, "/log", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_FOLD);
	assert_int_equal(add(f, WEB, "/0", FLOOD_C, SEV_LOW, CLOCK_S), FLOOD_TELL);
	assert_true(floods_fold_due(f, &ask, &word, &p));
	assert_true(span_is(p.path, "/log"));
	assert_int_equal(flood_count(p.fold.n), 2);
	floods_free(f);
}

/* ---- whatever happens ---- */

struct books {
	uint64_t news, told;	  /* those that came, those that entries tell of */
	uint64_t floods[TARGETS]; /* counted and not told yet */
	int worst[TARGETS];	  /* of them; -1: none */
};

static void put_down(struct books *b, uint32_t target, uint64_t n, int severity)
{
	b->floods[target - 1] += n;
	if (severity > b->worst[target - 1])
		b->worst[target - 1] = severity;
}

static void settle(struct books *b, struct floods *f, const struct floods_ask *ask)
{
	struct flood_path p;
	struct flood fl;
	enum flood_word word;
	uint32_t target;

	while (floods_fold_due(f, ask, &word, &p)) {
		if (word == FLOOD_TELL)
			b->told += flood_count(p.fold.n);
		else
			put_down(b, p.target, flood_count(p.fold.n), (int)p.fold.worst);
	}
	while (floods_due(f, ask, &target, &fl)) {
		assert_int_equal(flood_count(fl.n), b->floods[target - 1]);
		if (fl.n_samples)
			assert_int_equal((int)fl.worst, b->worst[target - 1]);
		assert_int_equal(fl.n_samples == 0, b->floods[target - 1] == 0);
		b->told += flood_count(fl.n);
		b->floods[target - 1] = 0;
		b->worst[target - 1] = -1;
	}
}

static void one_batch(struct books *b, struct floods *f, uint64_t *seed, int64_t *now)
{
	uint64_t n = any_below(seed, 40);
	char path[32];

	for (uint64_t i = 0; i < n; i++) {
		struct flood_news it = {.target = 1 + (uint32_t)any_below(seed, TARGETS),
			.path = span_of(path),
			.kind = (enum flood_kind)any_below(seed, FLOOD_KINDS),
			.severity = (enum severity)any_below(seed, SEV_N),
			.aspects = (uint32_t)any_below(seed, 4),
			.origin = (unsigned)any_below(seed, ORIGIN_N),
			.untold = any_below(seed, 8) == 0,
			.wall = *now + 1,
			.now = *now};
		struct fold fold;
		enum flood_word word;

		snprintf(path, sizeof(path), "/%d", (int)any_below(seed, 1 + any_below(seed, 90)));
		it.path = span_of(path);
		*now += (int64_t)any_below(seed, CLOCK_S / 4);
		word = floods_add(f, &it, &fold);
		b->news++;
		if (word == FLOOD_TELL)
			b->told += 1 + flood_count(fold.n);
		else if (word == FLOOD_COUNT)
			put_down(b, it.target, 1, (int)it.severity);
	}
	if (any_below(seed, 3))
		settle(b, f, &(struct floods_ask){.now = *now});
	if (any_below(seed, 30) == 0)
		settle(b, f,
			&(struct floods_ask){
				.now = *now, .target = 1 + (uint32_t)any_below(seed, TARGETS)});
}

/* Each batch may be aborted, once or more, and is then the same again. */
static void test_the_sum_is_whole(void **state UNUSED)
{
	for (uint64_t seed = 1; seed < 40; seed++) {
		struct floods *f = begin(seed % 4, 3 + seed % 20, 0);
		struct books b = {.worst = {-1, -1, -1}};
		uint64_t dice = seed;
		int64_t now = CLOCK_S;

		for (int i = 0; i < BATCHES; i++) {
			struct books was = b, first;
			uint64_t again = dice;
			int64_t then = now;

			one_batch(&b, f, &dice, &now);
			if (any_below(&dice, 4) == 0) {
				floods_abort(f);
				first = b;
				b = was;
				now = then;
				one_batch(&b, f, &again, &now);
				assert_memory_equal(&first, &b, sizeof(b));
			}
			floods_commit(f);
		}
		settle(&b, f, &(struct floods_ask){.now = now, .all = true});
		assert_int_equal(b.told, b.news);
		for (int i = 0; i < TARGETS; i++)
			assert_int_equal(b.floods[i], 0);
		floods_commit(f);
		assert_true(floods_next(f) == INT64_MAX);
		floods_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_a_path_folds),
		cmocka_unit_test(test_news_of_a_path_is_told),
		cmocka_unit_test(test_a_flood),
		cmocka_unit_test(test_all_targets_together),
		cmocka_unit_test(test_untold),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_end_of_a_target),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_what_folded_stays),
		cmocka_unit_test(test_the_sum_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
