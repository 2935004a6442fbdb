#include "base/sha.h"
#include "base/text.h"
#include "tests/unit/base/unit.h"

/* FIPS 180-4's examples, and those of `sha256sum` and `openssl dgst -shake256`. */
static const struct {
	const char *data, *sha256, *shake256;
} table[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		"4d8c2dd2435a0128eefbb8c36f6f87133a7911e18d979ee1ae6be5d4fd2e3329"},
};

static void known_answers(void **state UNUSED)
{
	BUF struct buf hex = {0};
	struct sha *s;
	uint8_t a[SHA_LEN], b[SHA_LEN];

	assert_int_equal(sha_new(&s), 0);
	for (size_t i = 0; i < COUNTOF(table); i++) {
		sha_once(span_of(table[i].data), a);
		text_hex(&hex, span_make(a, SHA_LEN));
		assert_text(&hex, table[i].sha256);
		assert_int_equal(sha_begin(s), 0);
		for (const char *c = table[i].data; *c; c++)
			assert_int_equal(sha_feed(s, c, 1), 0);
		assert_int_equal(sha_end(s, b), 0);
		assert_true(sha_same(a, b));
		sha_shake(span_of(table[i].data), a, 32);
		text_hex(&hex, span_make(a, 32));
		assert_text(&hex, table[i].shake256);
	}
	sha_free(s);
	sha_free(NULL);
}

static void beginning_again_forgets(void **state UNUSED)
{
	struct sha *s;
	uint8_t a[SHA_LEN], b[SHA_LEN];

	assert_int_equal(sha_new(&s), 0);
	assert_int_equal(sha_begin(s), 0);
	assert_int_equal(sha_feed(s, "junk", 4), 0);
	assert_int_equal(sha_begin(s), 0);
	assert_int_equal(sha_feed(s, "abc", 3), 0);
	assert_int_equal(sha_end(s, a), 0);
	sha_once(span_of("abc"), b);
	assert_true(sha_same(a, b));
	a[31] ^= 1;
	assert_false(sha_same(a, b));
	sha_free(s);
}

/* One reading, two digests; only where it was asked for. */
static void md5_goes_along(void **state UNUSED)
{
	static const uint8_t abc[] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96,
		0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
	uint8_t a[SHA_LEN], b[SHA_LEN];
	struct sha *s;

	assert_int_equal(sha_new(&s), 0);
	if (sha_also_md5(s, true) < 0) {
		sha_free(s);
		skip();
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sha_begin(s), 0);
		assert_null(sha_md5(s));
		assert_int_equal(sha_feed(s, "abc", 3), 0);
		assert_int_equal(sha_end(s, a), 0);
		assert_memory_equal(sha_md5(s), abc, sizeof(abc));
	}
	sha_once(span_of("abc"), b);
	assert_true(sha_same(a, b));
	sha_also_md5(s, false);
	assert_memory_equal(sha_md5(s), abc, sizeof(abc));
	assert_int_equal(sha_begin(s), 0);
	assert_int_equal(sha_end(s, a), 0);
	assert_null(sha_md5(s));
	sha_free(s);
}

static void shake_is_as_long_as_asked(void **state UNUSED)
{
	uint8_t few[16], many[2048];

	sha_shake(span_of("abc"), few, sizeof(few));
	sha_shake(span_of("abc"), many, sizeof(many));
	assert_memory_equal(few, many, sizeof(few));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(beginning_again_forgets),
		cmocka_unit_test(md5_goes_along),
		cmocka_unit_test(shake_is_as_long_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
