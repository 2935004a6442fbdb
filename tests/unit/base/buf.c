#include "tests/unit/base/unit.h"

static void text_is_always_there(void **state UNUSED)
{
	BUF struct buf b = {0};

	assert_string_equal(buf_text(&b), "");
	buf_add_text(&b, "seal");
	buf_printf(&b, " %d", 42);
	assert_text(&b, "seal 42");
	assert_string_equal(buf_text(&b), "");
}

static void long_printf_grows(void **state UNUSED)
{
	BUF struct buf b = {0};

	buf_printf(&b, "%0*d", 5000, 7);
	assert_int_equal(b.n, 5000);
	assert_int_equal(b.p[4999], '7');
	assert_int_equal(b.p[5000], 0);
}

static void take_moves(void **state UNUSED)
{
	struct buf a = {0};
	BUF struct buf b = {0};

	buf_add_text(&a, "x");
	b = buf_take(&a);
	assert_null(a.p);
	assert_text(&b, "x");
}

static void failure_sticks(void **state UNUSED)
{
	BUF struct buf b = {0};

	buf_add_text(&b, "x");
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -ENOMEM);
	buf_add_text(&b, "y");
	assert_int_equal(b.n, 1);
	assert_int_equal(buf_err(&b), -ENOMEM);
	buf_reset(&b);
	assert_int_equal(buf_err(&b), 0);
}

static void fixed_width_sorts(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct rd r;

	buf_u8(&b, 0xfe);
	buf_be32(&b, 0x01020304);
	buf_be64(&b, UINT64_C(0x0102030405060708));
	assert_span(buf_span(&b), LIT("\xfe\1\2\3\4\1\2\3\4\5\6\7\10"));
	r = rd_of(buf_span(&b));
	assert_int_equal(rd_u8(&r), 0xfe);
	assert_int_equal(rd_be32(&r), 0x01020304);
	assert_true(rd_be64(&r) == UINT64_C(0x0102030405060708));
	assert_int_equal(rd_finish(&r, "it"), 0);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
	assert_int_equal(rd_finish(&r, "it"), -EBADMSG);
	assert_string_equal(err_why(), "it: malformed");
}

static void varints_round_trip(void **state UNUSED)
{
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		BUF struct buf b = {0};
		uint64_t v = i < 3 ? (uint64_t)i - 1 : any_size(&seed);
		struct rd r;

		buf_varint(&b, v);
		buf_zigzag(&b, (int64_t)v);
		buf_zigzag(&b, -(int64_t)(v >> 1));
		r = rd_of(buf_span(&b));
		assert_true(rd_varint(&r) == v);
		assert_true(rd_zigzag(&r) == (int64_t)v);
		assert_true(rd_zigzag(&r) == -(int64_t)(v >> 1));
		assert_int_equal(rd_finish(&r, "varints"), 0);
	}
}

static void broken_varints_are_refused(void **state UNUSED)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool ok;
		uint64_t v;
	} table[] = {
		{"\x00", 1, true, 0},
		{"\x7f", 1, true, 127},
		{"\x80\x01", 2, true, 128},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0}, /* 65 bits */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, false, 0},
		{"\x80\x00", 2, false, 0}, /* longer than need be */
		{"\xff\x80\x00", 3, false, 0},
		{"\x80", 1, false, 0},
		{"", 0, false, 0},
	};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		struct span s = exact_copy(span_make(table[i].bytes, table[i].n));
		struct rd r = rd_of(s);
		uint64_t v = rd_varint(&r);

		assert_int_equal(!r.bad, table[i].ok);
		assert_true(v == table[i].v);
		exact_free(s);
	}
}

static void limits_hold(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct rd r;

	buf_varint(&b, 5);
	r = rd_of(buf_span(&b));
	assert_int_equal(rd_upto(&r, 5), 5);
	assert_false(r.bad);
	r = rd_of(buf_span(&b));
	assert_int_equal(rd_upto(&r, 4), 0);
	assert_true(r.bad);
}

static void byte_strings(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct rd r;

	buf_bytes(&b, LIT("a\0b"));
	buf_bytes(&b, (struct span){0});
	r = rd_of(buf_span(&b));
	assert_span(rd_bytes(&r), LIT("a\0b"));
	assert_int_equal(rd_bytes(&r).n, 0);
	assert_true(rd_end(&r) && !r.bad);

	buf_reset(&b);
	buf_varint(&b, UINT64_MAX);
	r = rd_of(buf_span(&b));
	assert_int_equal(rd_bytes(&r).n, 0);
	assert_true(r.bad);
	r = rd_of((struct span){0});
	assert_true(rd_end(&r) && !r.bad);
	assert_int_equal(rd_take(&r, 0).n, 0);
	assert_false(r.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_always_there),
		cmocka_unit_test(long_printf_grows),
		cmocka_unit_test(take_moves),
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(fixed_width_sorts),
		cmocka_unit_test(varints_round_trip),
		cmocka_unit_test(broken_varints_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(byte_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
