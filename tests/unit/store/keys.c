/* The layout of keys is a promise (lib/store/FORMAT): these bytes never change within a format. */
#include "place.h"
#include "store/keys.h"
#include "base/text.h"
#include "model/kinds.h"

static void is_hex(struct key k, const char *hex)
{
	BUF struct buf text = {0};

	text_hex(&text, key_span(&k));
	assert_string_equal(buf_text(&text), hex);
}

static void test_layouts(void **state)
{
	(void)state;
	is_hex(key_u32(0x01020304), "01020304");
	is_hex(key_u64(0x0102030405060708), "0102030405060708");
	is_hex(key_u32_u32(1, 2), "0000000100000002");
	is_hex(key_u32_u64(1, 2), "000000010000000000000002");
	is_hex(key_record(1, 2, S("ab")), "00000001000000026162");
	is_hex(key_record(1, 0, S("")), "0000000100000000");
	is_hex(key_target_id(S("ab"), 3), "61620000000003");
	is_hex(key_drift(5, S("/a")), "000000052f61");
	is_hex(key_accepted(5, S("/a"), 2), "000000052f610000000002");
	is_hex(key_below(5, S("/a")), "000000052f612f");
}

static void test_long_paths(void **state)
{
	static char text[4096];
	struct key k;
	uint8_t sha[SHA_LEN];

	(void)state;
	memset(text, '/', sizeof(text));
	k = key_drift(1, span_make(text, KEY_PATH_SHORT));
	assert_int_equal(k.n, 4 + 501);
	k = key_accepted(1, span_make(text, KEY_PATH_SHORT), 2);
	assert_int_equal(k.n, 4 + 501 + 5);
	for (size_t n = KEY_PATH_SHORT + 1; n <= sizeof(text); n += 997) {
		k = key_drift(1, span_make(text, n));
		assert_int_equal(k.n, 4 + 502);
		sha_once(span_make(text, n), sha);
		assert_memory_equal(k.b + 4 + 470, sha, SHA_LEN);
		k = key_accepted(1, span_make(text, n), 2);
		assert_int_equal(k.n, KEY_MAX);
	}
}

static void test_path_comes_back(void **state)
{
	static const char text[4096] = "/x";
	static const size_t lengths[] = {1, 469, 470, 471, 501, 502, 503, 4096};

	(void)state;
	for (size_t i = 0; i < COUNTOF(lengths); i++) {
		struct span path = span_make(text, lengths[i]), got;
		struct key k = key_drift(1, path);
		BUF struct buf value = {0};
		struct rd in;

		key_path_keep(path, &value);
		buf_u8(&value, 0x42);
		in = rd_of(buf_span(&value));
		got = key_path_of(span_make(k.b + 4, k.n - 4), &in);
		assert_true(span_eq(got, path));
		assert_int_equal(rd_u8(&in), 0x42);
		assert_false(in.bad);
	}
}

/* What is stored as a row's number in a table must keep its number: rows are added at the end. */
static void test_numbers_of_kinds(void **state)
{
	static const char *const events[] = {"change", "change.cleared", "target.found",
		"target.stopped", "target.started", "target.renamed", "target.removed",
		"baseline.created", "baseline.accepted", "layer.tampered", "mount.covered",
		"exec.drifted", "exec.denied", "gap.opened", "gap.closed", "daemon.started",
		"daemon.stopped", "rules.loaded", "canary", "baseline.expired", "exec.session",
		"package.run", "flood", "hold.opened", "hold.closed", "heartbeat", "rules.failed"};
	static const char *const aspects[] = {"content", "mode", "owner", "caps", "xattr", "type",
		"link", "mtime", "flags", "mount", "layer"};
	static const char *const severities[] = {"info", "low", "medium", "high", "critical"};
	static const char *const files[] = {
		"none", "file", "dir", "link", "chardev", "blockdev", "fifo", "socket"};
	static const char *const states[] = {"running", "stopped", "removed"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(events); i++)
		assert_string_equal(event_kinds[i].name, events[i]);
	for (size_t i = 0; i < COUNTOF(aspects); i++)
		assert_string_equal(aspect_kinds[i].name, aspects[i]);
	for (size_t i = 0; i < COUNTOF(severities); i++)
		assert_string_equal(severity_kinds[i].name, severities[i]);
	for (size_t i = 0; i < COUNTOF(files); i++)
		assert_string_equal(file_kinds[i].name, files[i]);
	for (size_t i = 0; i < COUNTOF(states); i++)
		assert_string_equal(state_kinds[i].name, states[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_path_comes_back),
		cmocka_unit_test(test_numbers_of_kinds),
	};

	return cmocka_run_group_tests_name("store/keys", tests, NULL, NULL);
}
