#include "base/text.h"
#include "tests/unit/base/unit.h"

// clang-format off
static const struct {
	struct span raw;
	const char *ascii, *utf8; /* without and with utf8_ok */
} quotes[] = {
	{ROW(""), "", ""},
	{ROW("/etc/passwd"), "/etc/passwd", "/etc/passwd"},
	{ROW("/a b"), "/a b", "/a b"},
	{ROW("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
	{ROW("back\\slash"), "\"back\\\\slash\"", "\"back\\\\slash\""},
	{ROW("\a\b\t\n\v\f\r"), "\"\\a\\b\\t\\n\\v\\f\\r\"", "\"\\a\\b\\t\\n\\v\\f\\r\""},
	{ROW("\x1b[31m"), "\"\\033[31m\"", "\"\\033[31m\""},
	{ROW("\x7f"), "\"\\177\"", "\"\\177\""},
	{ROW("a\0b"), "\"a\\000b\"", "\"a\\000b\""},
	{ROW("gr\xc3\xbc\xc3\x9f"), "\"gr\\303\\274\\303\\237\"", "gr\xc3\xbc\xc3\x9f"},
	{ROW("\xc3\xbc\n"), "\"\\303\\274\\n\"", "\"\xc3\xbc\\n\""},
	{ROW("\xff"), "\"\\377\"", "\"\\377\""},
	{ROW("\xc3"), "\"\\303\"", "\"\\303\""},
	{ROW("\xc2\x9b"), "\"\\302\\233\"", "\"\\302\\233\""},		       /* C1: CSI */
	{ROW("\xe2\x80\xae"), "\"\\342\\200\\256\"", "\"\\342\\200\\256\""},   /* U+202E */
	{ROW("\xe2\x80\xa9"), "\"\\342\\200\\251\"", "\"\\342\\200\\251\""},   /* U+2029 */
	{ROW("\xe2\x81\xa6"), "\"\\342\\201\\246\"", "\"\\342\\201\\246\""},   /* U+2066 */
	{ROW("\xe2\x81\xaa"), "\"\\342\\201\\252\"", "\"\\342\\201\\252\""},   /* U+206A */
	{ROW("\xef\xbb\xbf"), "\"\\357\\273\\277\"", "\"\\357\\273\\277\""},   /* U+FEFF */
	{ROW("\xe2\x80\x8b"), "\"\\342\\200\\213\"", "\"\\342\\200\\213\""},   /* U+200B */
	{ROW("\xd8\x9c"), "\"\\330\\234\"", "\"\\330\\234\""},		       /* U+061C */
	{ROW("\xe2\x82\xac"), "\"\\342\\202\\254\"", "\xe2\x82\xac"},	       /* U+20AC */
	{ROW("\xf3\xa0\x80\x81"), "\"\\363\\240\\200\\201\"", "\"\\363\\240\\200\\201\""}, /* U+E0001 */
	{ROW("\xf0\x9f\x94\x92"), "\"\\360\\237\\224\\222\"", "\xf0\x9f\x94\x92"},
	{ROW("\xc0\xaf"), "\"\\300\\257\"", "\"\\300\\257\""}, /* overlong slash */
};
// clang-format on

static void quoting(void **state UNUSED)
{
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(quotes); i++) {
		text_quote(&b, quotes[i].raw, false);
		assert_text(&b, quotes[i].ascii);
		text_quote(&b, quotes[i].raw, true);
		assert_text(&b, quotes[i].utf8);
	}
}

static void quoted_bytes_are_always_printable(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 2;
	uint8_t room[40];

	for (int i = 0; i < 20000; i++) {
		struct span raw = any_bytes(&seed, room, sizeof(room));

		text_quote(&b, raw, false);
		for (size_t k = 0; k < b.n; k++)
			assert_in_range(b.p[k], 0x20, 0x7e);
		buf_reset(&b);
		text_quote(&b, raw, true);
		assert_true(text_is_utf8(buf_span(&b)));
		for (size_t k = 0; k < b.n; k++)
			assert_true(b.p[k] >= 0x20 && b.p[k] != 0x7f);
		buf_reset(&b);
	}
}

#define FFFD "\xef\xbf\xbd"
/* What Python's bytes.decode('utf-8', 'replace') gives. */
// clang-format off
static const struct {
	const char *raw, *text;
} repairs[] = {
	{"", ""},
	{"plain", "plain"},
	{"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x92", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x92"},
	{"a\xff" "b", "a" FFFD "b"},
	{"\xff\xfe", FFFD FFFD},
	{"\xe2\x82", FFFD},	       /* cut short: one part */
	{"\xe2\x82x", FFFD "x"},
	{"\xe2(\xa1", FFFD "(" FFFD},
	{"\xf0\x9f\x94", FFFD},
	{"\xf0\x9f\x94\xc3\xbc", FFFD "\xc3\xbc"},
	{"\xc0\x80", FFFD FFFD},       /* overlong */
	{"\xe0\x80\x80", FFFD FFFD FFFD},
	{"\xed\xa0\x80", FFFD FFFD FFFD}, /* surrogate */
	{"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* beyond U+10FFFF */
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"\xf5\x80", FFFD FFFD},
	{"\x80", FFFD},
};
// clang-format on

static void repairing_utf8(void **state UNUSED)
{
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(repairs); i++) {
		struct span raw = span_of(repairs[i].raw);

		assert_int_equal(text_is_utf8(raw), strcmp(repairs[i].raw, repairs[i].text) == 0);
		text_to_utf8(&b, raw);
		assert_text(&b, repairs[i].text);
	}
	assert_int_equal(text_utf8_len(LIT("\xc3\xbcx")), 2);
	assert_int_equal(text_utf8_len(LIT("\xc3")), 0);
	assert_int_equal(text_utf8_len(LIT("\0")), 1);
	assert_int_equal(text_utf8_len(LIT("")), 0);
}

static size_t encode_point(uint32_t c, uint8_t o[4])
{
	if (c < 0x80)
		return o[0] = (uint8_t)c, 1;
	if (c < 0x800)
		return o[0] = (uint8_t)(0xc0 | c >> 6), o[1] = (uint8_t)(0x80 | (c & 63)), 2;
	o[0] = (uint8_t)(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
	o[1] = (uint8_t)(0x80 | (c >> (c < 0x10000 ? 6 : 12) & 63));
	o[2] = (uint8_t)(0x80 | (c >> (c < 0x10000 ? 0 : 6) & 63));
	o[3] = (uint8_t)(0x80 | (c & 63));
	return c < 0x10000 ? 3 : 4;
}

static void every_code_point(void **state UNUSED)
{
	uint8_t o[4];

	for (uint32_t c = 0; c < 0x120000; c++) {
		size_t n = encode_point(c, o);
		bool is_char = c < 0x110000 && (c < 0xd800 || c > 0xdfff);

		assert_int_equal(text_utf8_len(span_make(o, n)), is_char ? n : 0);
	}
}

static void repaired_is_valid(void **state UNUSED)
{
	BUF struct buf b = {0}, again = {0};
	uint64_t seed = 3;
	uint8_t room[24];

	for (int i = 0; i < 50000; i++) {
		text_to_utf8(&b, any_bytes(&seed, room, sizeof(room)));
		assert_true(text_is_utf8(buf_span(&b)));
		text_to_utf8(&again, buf_span(&b));
		assert_span(buf_span(&again), buf_span(&b));
		buf_reset(&b);
		buf_reset(&again);
	}
}

static void hex(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint8_t out[3];

	text_hex(&b, LIT("\x00\xab\xff"));
	assert_text(&b, "00abff");
	assert_int_equal(text_unhex(LIT("00aBFf"), out, 3), 0);
	assert_memory_equal(out, "\x00\xab\xff", 3);
	assert_int_equal(text_unhex(LIT("00aBF"), out, 3), -EINVAL);
	assert_int_equal(text_unhex(LIT("00aBFf0"), out, 3), -EINVAL);
	assert_int_equal(text_unhex(LIT("00aBFg"), out, 3), -EINVAL);
	assert_int_equal(text_unhex(LIT("00aB \n"), out, 3), -EINVAL);
	assert_string_equal(err_why(), "\"00aB \\n\": not a hex number");
	assert_int_equal(text_unhex(LIT(""), out, 0), 0);
}

static void base64(void **state UNUSED)
{
	static const char *const table[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfb", "//77"},
		{"\xfb\xef", "++8="}};
	static const char *const bad[] = {"Z", "Zg",
		"Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Z===", "====", "Zg= =", "Zm9v\n", "Zm-_",
		"=g=="};
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		text_b64(&b, span_of(table[i][0]));
		assert_text(&b, table[i][1]);
		assert_int_equal(text_unb64(span_of(table[i][1]), &b), 0);
		assert_text(&b, table[i][0]);
	}
	for (size_t i = 0; i < COUNTOF(bad); i++)
		assert_int_equal(text_unb64(span_of(bad[i]), &b), -EINVAL);
	assert_int_equal(text_unb64(LIT("Zm\0v"), &b), -EINVAL);
}

static void url(void **state UNUSED)
{
	static const char *const bad[] = {"%", "%4", "%4g", "%00", "a%0", "%%41"};
	BUF struct buf b = {0};

	text_url_encode(&b, LIT("/a b&c=d+e%~\xff"));
	assert_text(&b, "%2Fa%20b%26c%3Dd%2Be%25~%FF");
	assert_int_equal(text_url_decode(LIT("%2Fa+b%2b%ff"), true, &b), 0);
	assert_text(&b, "/a b+\xff");
	assert_int_equal(text_url_decode(LIT("a+b"), false, &b), 0);
	assert_text(&b, "a+b");
	for (size_t i = 0; i < COUNTOF(bad); i++)
		assert_int_equal(text_url_decode(span_of(bad[i]), false, &b), -EINVAL);
	assert_int_equal(text_url_decode(LIT("a\0b"), false, &b), -EINVAL);
}

static void round_trips(void **state UNUSED)
{
	BUF struct buf enc = {0}, dec = {0};
	uint64_t seed = 4;
	uint8_t room[50], raw[50];

	for (int i = 0; i < 5000; i++) {
		struct span s = any_bytes(&seed, room, sizeof(room));

		text_b64(&enc, s);
		assert_int_equal(text_unb64(buf_span(&enc), &dec), 0);
		assert_span(buf_span(&dec), s);
		buf_reset(&enc);
		buf_reset(&dec);
		text_hex(&enc, s);
		assert_int_equal(text_unhex(buf_span(&enc), raw, s.n), 0);
		assert_memory_equal(raw, s.p, s.n);
		buf_reset(&enc);
		for (size_t k = 0; k < s.n; k++)
			room[k] |= room[k] == 0;
		text_url_encode(&enc, s);
		assert_int_equal(text_url_decode(buf_span(&enc), true, &dec), 0);
		assert_span(buf_span(&dec), s);
		buf_reset(&enc);
		buf_reset(&dec);
	}
}

static void numbers(void **state UNUSED)
{
	static const struct {
		const char *s;
		uint64_t min, max;
		int r;
		uint64_t v;
	} table[] = {
		{"0", 0, 9, 0, 0},
		{"007", 0, 9, 0, 7},
		{"10", 0, 9, -ERANGE, 0},
		{"1", 2, 9, -ERANGE, 0},
		{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0},
		{"", 0, 9, -EINVAL, 0},
		{"-1", 0, 9, -EINVAL, 0},
		{"+1", 0, 9, -EINVAL, 0},
		{" 1", 0, 9, -EINVAL, 0},
		{"1 ", 0, 9, -EINVAL, 0},
		{"0x1", 0, 9, -EINVAL, 0},
		{"99999999999999999999999z", 0, 9, -EINVAL, 0},
	};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		uint64_t v = 0;

		assert_int_equal(
			text_u64(span_of(table[i].s), table[i].min, table[i].max, &v), table[i].r);
		assert_true(v == table[i].v);
	}
}

static void sizes(void **state UNUSED)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} table[] = {
		{"512", 0, 512},
		{"64k", 0, 65536},
		{"64K", 0, 65536},
		{"64KiB", 0, 65536},
		{"10M", 0, 10485760},
		{"2GiB", 0, UINT64_C(2) << 30},
		{"1T", 0, UINT64_C(1) << 40},
		{"16777215T", 0, UINT64_C(16777215) << 40},
		{"16777216T", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"k", -EINVAL, 0},
		{"iB", -EINVAL, 0},
		{"kiB", -EINVAL, 0},
		{"5iB", -EINVAL, 0},
		{"5B", -EINVAL, 0},
		{"5kk", -EINVAL, 0},
		{"5 k", -EINVAL, 0},
		{"1.5k", -EINVAL, 0},
		{"-5", -EINVAL, 0},
	};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		struct span s = exact_copy(span_of(table[i].s));
		uint64_t v = 0;

		assert_int_equal(text_size(s, &v), table[i].r);
		assert_true(v == table[i].v);
		exact_free(s);
	}
}

static void refusals_are_quoted_and_cut(void **state UNUSED)
{
	char nines[200];

	memset(nines, '9', sizeof(nines));
	assert_int_equal(text_refuse(-EINVAL, LIT("\x1b[2J"), "no"), -EINVAL);
	assert_string_equal(err_why(), "\"\\033[2J\": no");
	text_refuse(-EINVAL, (struct span){0}, "empty");
	assert_string_equal(err_why(), "\"\": empty");
	text_refuse(-EINVAL, span_make(nines, sizeof(nines)), "long");
	assert_int_equal(strlen(err_why()), 80 + strlen("...: long"));
}

static void bare_urls(void **state UNUSED)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"/var/log/x", "/var/log/x"},
		{"tls://siem.example:6514", "tls://siem.example:6514"},
		{"https://h", "https://h"},
		{"https://h:8088/", "https://h:8088"},
		{"https://h:8088/x", "https://h:8088/(left out)"},
		{"https://h?token=x", "https://h/(left out)"},
		{"https://h#x", "https://h/(left out)"},
		{"http://u:p@h/x?y@z", "http://(left out)@h/(left out)"},
		{"http://u@p@[::1]:80", "http://(left out)@[::1]:80"},
		{"https://", "https://"},
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf out = {.p = NULL};

		text_bare_url(&out, span_of(rows[i][0]));
		assert_string_equal(buf_text(&out), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_urls),
		cmocka_unit_test(quoting),
		cmocka_unit_test(quoted_bytes_are_always_printable),
		cmocka_unit_test(repairing_utf8),
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(repaired_is_valid),
		cmocka_unit_test(hex),
		cmocka_unit_test(base64),
		cmocka_unit_test(url),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(refusals_are_quoted_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
