/* The reader of JSON and the trees it makes; tests/fuzz/jnode.c holds it against another reader. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/err.h"
#include "wire/jnode.h"

static void again(const char *text, const char *want)
{
	ARENA struct arena mem = {.top = NULL};
	BUF struct buf out = {.p = NULL};
	struct jnode *v;

	if (jnode_read(span_of(text), &mem, &v) < 0)
		fail_msg("%s: %s", text, err_why());
	jnode_write(v, &out);
	assert_string_equal(buf_text(&out), want);
	buf_reset(&out);
	jnode_write(jnode_copy(&mem, v), &out);
	assert_string_equal(buf_text(&out), want);
}

static void test_read(void **state UNUSED)
{
	again("{}", "{}");
	again(" [ ] ", "[]");
	again("-0", "0");
	again("-9223372036854775808", "-9223372036854775808");
	again("9223372036854775807", "9223372036854775807");
	again("[1.50,1e+2,-0.0E-1]", "[1.50,1e+2,-0.0E-1]");
	again("{\"b\":null , \"a\":[true,\tfalse]}\r\n", "{\"b\":null,\"a\":[true,false]}");
	again("\"\\u00e9\\ud83d\\ude00\\/\\b\\t\\n\\f\\r\\\"\\\\\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80/\\b\\t\\n\\f\\r\\\"\\\\\"");
	again("\"\\u0000\\u001B\\u007f\x7f\"", "\"\\u0000\\u001b\\u007f\\u007f\"");
	again("\"a\\u0061a\\u007A\"", "\"aaaz\"");
	again("\"\xf4\x8f\xbf\xbf\"", "\"\xf4\x8f\xbf\xbf\"");
}

static void test_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *why;
	} bad[] = {{"", "ends too soon"}, {"{", "without a name"}, {"[1", "without an end"},
		{"[1,]", "no JSON"}, {"{\"a\":1,}", "without a name"},
		{"{\"a\" 1}", "without a value"}, {"{1:1}", "without a name"}, {"{} {}", "follows"},
		{"nul", "no JSON"}, {"01", "follows"}, {"-", "no JSON"}, {"+1", "no JSON"},
		{"1.", "number without an end"}, {"1e", "number without an end"}, {".5", "no JSON"},
		{"9223372036854775808", "too large"}, {"-9223372036854775809", "too large"},
		{"\"a", "without an end"}, {"\"a\\\"", "without an end"}, {"\"\\", "escape"},
		{"\"\\x41\"", "escape"}, {"\"\\u12\"", "escape"}, {"\"\\ud800\"", "escape"},
		{"\"\\udc00\"", "escape"}, {"\"\\ud800\\u0041\"", "escape"}, {"\"\\'\"", "escape"},
		{"\"\n\"", "control"}, {"\"\xff\"", "UTF-8"}, {"\"\xc0\xaf\"", "UTF-8"},
		{"\"\xed\xa0\x80\"", "UTF-8"}, {"\"\xc3\"", "UTF-8"},
		{"{\"a\":1,\"a\":2}", "twice"}, {"{\"b\":1,\"a\":2,\"b\":3}", "twice"},
		{"{\"a\":1,\"\\u0061\":2}", "twice"}, {"{\"a\\u0000\":1}", "NUL"}};

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		ARENA struct arena mem = {.top = NULL};
		struct jnode *v;

		if (jnode_read(span_of(bad[i].text), &mem, &v) != -EBADMSG)
			fail_msg("taken: %s", bad[i].text);
		if (!strstr(err_why(), bad[i].why))
			fail_msg("%s: %s", bad[i].text, err_why());
	}
}

static int nested(size_t depth)
{
	ARENA struct arena mem = {.top = NULL};
	BUF struct buf text = {.p = NULL};
	struct jnode *v;

	for (size_t i = 0; i < depth; i++)
		buf_u8(&text, '[');
	for (size_t i = 0; i < depth; i++)
		buf_u8(&text, ']');
	return jnode_read(buf_span(&text), &mem, &v);
}

static void test_depth(void **state UNUSED)
{
	assert_int_equal(nested(JNODE_DEPTH), 0);
	assert_int_equal(nested(JNODE_DEPTH + 1), -EBADMSG);
	assert_int_equal(nested(1000000), -EBADMSG);
}

/* Texts without escapes are not copied. */
static void test_borrowed(void **state UNUSED)
{
	static const char text[] = "{\"a\":\"plain\",\"b\":\"es\\u0063aped\"}";
	ARENA struct arena mem = {.top = NULL};
	struct span a, b;
	struct jnode *v;

	assert_int_equal(jnode_read(span_of(text), &mem, &v), 0);
	a = jnode_text(jnode_at(v, "a"));
	b = jnode_text(jnode_at(v, "b"));
	assert_ptr_equal(a.p, (const uint8_t *)text + 6);
	assert_true(span_is(a, "plain") && span_is(b, "escaped"));
}

static void test_changed(void **state UNUSED)
{
	ARENA struct arena mem = {.top = NULL};
	BUF struct buf out = {.p = NULL};
	struct jnode *v;

	assert_int_equal(jnode_read(span_of("{\"a\":1,\"b\":{\"c\":2},\"d\":3}"), &mem, &v), 0);
	assert_int_equal(jnode_number(jnode_at(v, "b.c")), 2);
	assert_null(jnode_at(v, "b.c.d"));
	assert_null(jnode_at(v, "b."));
	jnode_set(v, "a", jnode_string(&mem, span_of("\xff")));
	jnode_drop(v, "d");
	jnode_drop(v, "d");
	jnode_set(v, "e", jnode_list(&mem));
	jnode_append(jnode_at(v, "e"), jnode_int(&mem, INT64_MIN));
	jnode_append(jnode_at(v, "e"), jnode_true(&mem));
	jnode_write(v, &out);
	assert_string_equal(buf_text(&out),
		"{\"a\":\"\xef\xbf\xbd\",\"b\":{\"c\":2},\"e\":[-9223372036854775808,true]}");
	assert_int_equal(jnode_size(v), 3);
	jnode_drop(v, "b");
	jnode_drop(v, "a");
	jnode_drop(v, "e");
	jnode_set(v, "f", jnode_true(&mem));
	buf_reset(&out);
	jnode_write(v, &out);
	assert_string_equal(buf_text(&out), "{\"f\":true}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_borrowed),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
