/* tar-split's lines and packed streams, whole, in pieces and broken. Links: image, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/err.h"
#include "base/text.h"
#include "image/tarsplit.h"
#include "image/unpack.h"

static int tell(struct span in, size_t step, struct buf *out)
{
	TARSPLIT struct tarsplit *t = NULL;
	struct tarsplit_item it;

	must(tarsplit_new(&t) == 0);
	while (in.n) {
		struct span piece = span_make(in.p, in.n < step ? in.n : step);
		int r;

		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = tarsplit_step(t, &piece, &it)) == TARSPLIT_ITEM)
			if (it.file)
				buf_printf(out, "[%.*s %llu %d %llx]", (int)it.name.n,
					(const char *)it.name.p, (unsigned long long)it.size,
					it.has_crc, (unsigned long long)it.crc);
			else
				buf_add_span(out, it.bytes);
		if (r < 0)
			return r;
	}
	return tarsplit_end(t);
}

static const char LINES[] =
	"{\"type\":2,\"payload\":\"aGVhZA==\",\"position\":0}\n"
	"{\"type\":1,\"name\":\"./a\\u003cb\\\"\\u00e9\\ud83d\\ude00\",\"size\":5,\"payload\":\"AAAAAAAAAAE=\",\"position\":1}\n"
	"{ \"position\":2, \"payload\": null, \"type\":1 ,\"name_raw\":\"/2E=\"}\n"
	"{\"type\":2,\"payload\":\"\",\"position\":3}\n";

static void test_lines(void **state UNUSED)
{
	for (size_t step = 1; step < sizeof(LINES); step++) {
		BUF struct buf got = {0};

		assert_int_equal(tell(span_of(LINES), step, &got), 0);
		assert_string_equal(buf_text(&got),
			"head[./a<b\"\xc3\xa9\xf0\x9f\x98\x80 5 1 1][\xff"
			"a 0 0 0]");
	}
}

static void test_bad_lines(void **state UNUSED)
{
	static const char *const BAD[] = {"{\"type\":3}\n", "{\"type\":1}\n", "{}\n", "\n",
		"{\"type\":2", "{\"type\":2,\"payload\":\"a\"}\n",
		"{\"type\":1,\"name\":\"\\x\"}\n", "{\"type\":1,\"name\":\"\\ud800\"}\n",
		"{\"type\":2} x\n", "{\"type\":-2}\n",
		"{\"type\":1,\"name\":\"a\",\"payload\":\"AAAA\"}\n", "{\"type\":{}}\n",
		"{\"type\":1,\"name\":\"\\u0000\"}\n", "{\"type\":2,\"payload\":7}\n"};

	for (size_t i = 0; i < COUNTOF(BAD); i++) {
		BUF struct buf got = {0};

		assert_int_equal(tell(span_of(BAD[i]), 4096, &got), -EBADMSG);
		assert_true(strncmp(err_why(), "tar-split: ", 11) == 0);
	}
}

/* Headers are mostly zeros, and those are read by another way than what stands between them. */
static void test_zeros(void **state UNUSED)
{
	for (size_t n = 0; n < 700; n++) {
		BUF struct buf raw = {0}, line = {0}, got = {0};

		for (size_t i = 0; i < n; i++)
			buf_u8(&raw, n % 7 && i % (n % 7 * 40) == n % 5 ? (uint8_t)(i | 1) : 0);
		buf_add_text(&line, "{\"type\":2,\"payload\":\"");
		text_b64(&line, buf_span(&raw));
		buf_add_text(&line, "\"}\n");
		assert_int_equal(tell(buf_span(&line), 4096, &got), 0);
		assert_true(span_eq(buf_span(&raw), buf_span(&got)));
		line.p[line.n - 5 - n / 3] = '?';
		assert_int_equal(tell(buf_span(&line), 4096, &got), -EBADMSG);
	}
}

static void test_crc(void **state UNUSED)
{
	assert_true(tarsplit_crc(0, "123456789", 9) == UINT64_C(0xb90956c775a41001));
	assert_true(tarsplit_crc(tarsplit_crc(0, "12345678", 8), "9", 1) ==
		    UINT64_C(0xb90956c775a41001));
	assert_true(tarsplit_crc(0, "", 0) == 0);
}

/* "hello\n", by gzip -n and by zstd. */
static const uint8_t GZ[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7,
	2, 0, 0x20, 0x30, 0x3a, 0x36, 6, 0, 0, 0};
static const uint8_t ZS[] = {
	0x28, 0xb5, 0x2f, 0xfd, 0x24, 6, 0x31, 0, 0, 'h', 'e', 'l', 'l', 'o', '\n', 0, 0, 0, 0};
static const uint8_t SKIP[] = {0x5e, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'};

static int unpack(struct span in, size_t step, uint64_t limit, struct buf *out)
{
	UNPACK struct unpack *u = NULL;
	struct span piece, got;

	must(unpack_new(UNPACK_TELL, limit, &u) == 0);
	while (in.n) {
		int r;

		piece = span_make(in.p, in.n < step ? in.n : step);
		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = unpack_step(u, &piece, &got)) == UNPACK_OUT)
			buf_add_span(out, got);
		if (r < 0)
			return r;
		must(piece.n == 0);
	}
	return unpack_end(u);
}

/* What comes out before it fails counts for nothing. */
static int unpack_none(struct span in, size_t step)
{
	BUF struct buf out = {0};

	return unpack(in, step, 100, &out);
}

static int unpack_all_none(struct span in, uint64_t limit)
{
	BUF struct buf out = {0};

	return unpack_all(in, limit, &out);
}

static void test_unpack(void **state UNUSED)
{
	BUF struct buf in = {0};

	buf_add(&in, GZ, sizeof(GZ));
	buf_add(&in, GZ, sizeof(GZ));
	for (size_t step = 1; step <= in.n; step++) {
		BUF struct buf out = {0};

		assert_int_equal(unpack(buf_span(&in), step, 12, &out), 0);
		assert_string_equal(buf_text(&out), "hello\nhello\n");
	}
	for (size_t n = 1; n < in.n; n++) {
		BUF struct buf out = {0};

		assert_int_equal(unpack(span_make(in.p, n), 4096, 12, &out) == 0, n == sizeof(GZ));
	}
	assert_int_equal(unpack_all_none(buf_span(&in), 11), -EFBIG);
	buf_u8(&in, 0);
	assert_int_equal(unpack_all_none(buf_span(&in), 100), -EBADMSG);
	in.p[sizeof(GZ) - 8] ^= 1;
	assert_int_equal(unpack_all_none(buf_span(&in), 100), -EBADMSG);
}

static void test_zstd(void **state UNUSED)
{
	BUF struct buf in = {0}, out = {0};
	size_t whole;

	buf_add(&in, SKIP, sizeof(SKIP));
	/* The frame's checksum is not there: its flag is taken back. */
	buf_add(&in, ZS, sizeof(ZS) - 4);
	in.p[sizeof(SKIP) + 4] = 0x20;
	whole = in.n;
	assert_int_equal(unpack(buf_span(&in), 1, 100, &out), 0);
	assert_string_equal(buf_text(&out), "hello\n");
	for (size_t n = sizeof(SKIP) + 1; n < whole; n++)
		assert_true(unpack_none(span_make(in.p, n), 3) < 0);
	buf_u8(&in, 'x');
	assert_true(unpack_none(buf_span(&in), 100) < 0);
}

static void test_plain(void **state UNUSED)
{
	static const char *const PLAIN[] = {"", "a", "\x1f\x8c", "(not zstd", "{}", "P*"};

	for (size_t i = 0; i < COUNTOF(PLAIN) - 1; i++)
		for (size_t step = 1; step < 5; step++) {
			BUF struct buf out = {0};

			assert_int_equal(unpack(span_of(PLAIN[i]), step, 100, &out), 0);
			assert_string_equal(buf_text(&out), PLAIN[i]);
		}
	assert_int_equal(unpack_none(span_of("P*"), 1), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
