#include "base/arena.h"
#include "tests/unit/base/unit.h"

static void pieces_are_apart_zeroed_and_aligned(void **state UNUSED)
{
	ARENA struct arena a = {0};
	uint8_t *p[300];

	for (size_t i = 0; i < COUNTOF(p); i++) {
		p[i] = arena_alloc(&a, i * 7);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(p[i][k], 0);
		if (i)
			memset(p[i], (int)(i & 0xff), i * 7);
	}
	for (size_t i = 1; i < COUNTOF(p); i++)
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(p[i][k], i & 0xff);
}

static void copies_end_in_an_uncounted_nul(void **state UNUSED)
{
	ARENA struct arena a = {0};
	struct span s = arena_dup(&a, LIT("a\0b"));

	assert_span(s, LIT("a\0b"));
	assert_int_equal(s.p[3], 0);
	s = arena_dup(&a, (struct span){0});
	assert_int_equal(s.n, 0);
	assert_int_equal(s.p[0], 0);
}

static void printf_is_as_long_as_it_takes(void **state UNUSED)
{
	ARENA struct arena a = {0};
	struct span s = arena_printf(&a, "%s-%d", "x", 7);

	assert_span(s, span_of("x-7"));
	s = arena_printf(&a, "%0*d", 100000, 1);
	assert_int_equal(s.n, 100000);
	assert_int_equal(s.p[s.n], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_apart_zeroed_and_aligned),
		cmocka_unit_test(copies_end_in_an_uncounted_nul),
		cmocka_unit_test(printf_is_as_long_as_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
