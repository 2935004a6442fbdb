/* Expected texts are what Python prints:
 * json.dumps(x, sort_keys=True, separators=(',', ':'), ensure_ascii=False). */
#include "base/json.h"
#include "base/text.h"
#include "tests/unit/base/unit.h"

static const struct {
	const char *raw, *json;
} strings[] = {
	{"", "\"\""},
	{"plain", "\"plain\""},
	{"say \"hi\" \\ / \177", "\"say \\\"hi\\\" \\\\ / \177\""},
	{"\010\011\012\014\015\001\037\013", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u000b\""},
	{"gr\303\274\303\237 \342\202\254 \360\237\224\222",
		"\"gr\303\274\303\237 \342\202\254 \360\237\224\222\""},
	{"\342\200\250\342\200\256", "\"\342\200\250\342\200\256\""},
};

static void string_values(void **state UNUSED)
{
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(strings); i++) {
		struct json j = json_on(&b);

		json_text(&j, strings[i].raw);
		assert_text(&b, strings[i].json);
	}
}

static void hostile_strings(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct json j = json_on(&b);

	json_str(&j, LIT("a\0b\xff\"\xc3"));
	assert_text(&b, "\"a\\u0000b\357\277\275\\\"\357\277\275\"");
}

static void canonical_object(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct json j = json_on(&b);

	json_open(&j, '{');
	json_key(&j, "a");
	json_open(&j, '[');
	json_int(&j, 1);
	json_int(&j, -2);
	json_open(&j, '{');
	json_m_bool(&j, "b", true);
	json_close(&j, '}');
	json_open(&j, '[');
	json_close(&j, ']');
	json_open(&j, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_m_hex(&j, "hex", LIT("\x00\xff"));
	json_key(&j, "n");
	json_nil(&j);
	json_m_path(&j, "path", LIT("/x\xff"));
	json_m_str(&j, "s", LIT("\xc3\xbc\n"));
	json_m_time(&j, "t", INT64_C(1795472045123456789));
	json_m_uint(&j, "u", UINT64_MAX);
	json_m_int(&j, "z", INT64_MIN);
	json_close(&j, '}');
	assert_text(&b,
		"{\"a\":[1,-2,{\"b\":true},[],{}],\"hex\":\"00ff\",\"n\":null,\"path\":\"/x\357\277\275\",\"path_b64\":\"L3j/\",\"s\":\"\303\274\\n\",\"t\":\"2026-11-23T22:14:05.123456789Z\",\"u\":18446744073709551615,\"z\":-9223372036854775808}");
}

static void plain_path_has_no_b64(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct json j = json_on(&b);

	json_open(&j, '{');
	json_m_path(&j, "path", LIT("/\xc3\xbc"));
	json_m_text(&j, "q", "");
	json_m_bool(&j, "r", false);
	json_close(&j, '}');
	assert_text(&b, "{\"path\":\"/\303\274\",\"q\":\"\",\"r\":false}");
}

static void ready_made(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct json j = json_on(&b);

	json_open(&j, '[');
	json_raw(&j, LIT("{\"x\":1}"));
	json_raw(&j, LIT("2"));
	json_bool(&j, true);
	json_uint(&j, 0);
	json_hex(&j, LIT(""));
	json_time(&j, 0);
	json_close(&j, ']');
	assert_text(&b, "[{\"x\":1},2,true,0,\"\",\"1970-01-01T00:00:00.000000000Z\"]");
}

/* Whatever the bytes: the text is UTF-8, has no raw control, and its quotes are balanced. */
static void any_string_is_sound(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 5;
	uint8_t room[40];

	for (int i = 0; i < 20000; i++) {
		struct json j = json_on(&b);
		size_t k = 1;

		json_str(&j, any_bytes(&seed, room, sizeof(room)));
		assert_true(text_is_utf8(buf_span(&b)));
		while (b.p[k] != '"') {
			assert_true(b.p[k] >= 0x20);
			k += b.p[k] == '\\' ? 2 : 1;
		}
		assert_int_equal(k, b.n - 1);
		buf_reset(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(string_values),
		cmocka_unit_test(hostile_strings),
		cmocka_unit_test(canonical_object),
		cmocka_unit_test(plain_path_has_no_b64),
		cmocka_unit_test(ready_made),
		cmocka_unit_test(any_string_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
