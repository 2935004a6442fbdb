/* An event's text is canonical, its id is its digest, and no change to it goes unseen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "full.h"
#include "base/err.h"
#include "wire/caps.h"
#include "wire/jansson.h"
#include "wire/map.h"

static void make(struct buf *out, uint8_t id[SHA_LEN])
{
	struct full f;

	full_make(&f);
	assert_int_equal(event_format(&f.event, f.prev, out, id), 0);
	full_free(&f);
}

static void reads_as(const struct buf *text, const uint8_t *id)
{
	uint8_t got[SHA_LEN], prev[SHA_LEN], zeros[SHA_LEN] = {0};
	uint64_t seq;

	assert_int_equal(event_check(buf_span(text), &seq, got, prev), 0);
	assert_int_equal(seq, 5);
	assert_memory_equal(got, id, SHA_LEN);
	assert_memory_equal(prev, zeros, SHA_LEN);
}

static void test_canonical(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint8_t id[SHA_LEN];
	DECREF json_t *root = NULL;
	FREE char *sorted = NULL;

	make(&text, id);
	root = json_loadb(buf_text(&text), text.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	sorted = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(buf_text(&text), sorted);
	reads_as(&text, id);
}

static void test_any_order(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL}, moved = {.p = NULL};
	uint8_t id[SHA_LEN];
	DECREF json_t *root = NULL, *again = json_object();
	FREE char *dump = NULL;

	make(&text, id);
	root = json_loadb(buf_text(&text), text.n, 0, NULL);
	json_object_set(again, "type", json_object_get(root, "type"));
	json_object_set(again, "seq", json_object_get(root, "seq"));
	json_object_update(again, root);
	dump = json_dumps(again, JSON_INDENT(3) | JSON_ENSURE_ASCII);
	buf_add_text(&moved, dump);
	assert_string_not_equal(dump, buf_text(&text));
	reads_as(&moved, id);
}

/* Whatever byte is turned, the event is no longer one or its id no longer fits. */
static void test_tampering(void **state UNUSED)
{
	BUF struct buf text = {.p = NULL};
	uint8_t id[SHA_LEN], got[SHA_LEN], prev[SHA_LEN];
	uint64_t seq;

	make(&text, id);
	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 1;
		assert_int_equal(event_check(buf_span(&text), &seq, got, prev), -EBADMSG);
		text.p[i] ^= 1;
	}
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(event_check(span_make(text.p, n), &seq, got, prev), -EBADMSG);
}

static void test_not_events(void **state UNUSED)
{
	static const char *const no[] = {"", "{}", "[]", "null", "7", "{\"schema\":1}",
		"{\"seq\":1.5}", "{\"schema\":\"boltseal.event/1\"}",
		"{\"schema\":\"boltseal.event/1\",\"seq\":1}",
		"{\"schema\":\"boltseal.event/2\",\"seq\":1}",
		"{\"schema\":\"boltseal.event/1\",\"seq\":0}",
		"{\"schema\":\"boltseal.event/1\",\"seq\":1,\"id\":\"x\",\"prev\":\"y\"}"};
	uint8_t id[SHA_LEN], prev[SHA_LEN];
	uint64_t seq;

	for (size_t i = 0; i < COUNTOF(no); i++) {
		assert_int_equal(event_check(span_of(no[i]), &seq, id, prev), -EBADMSG);
		assert_non_null(strstr(err_why(), "event"));
	}
}

static void test_chain(void **state UNUSED)
{
	uint8_t prev[SHA_LEN] = {0}, id[SHA_LEN], got[SHA_LEN], before[SHA_LEN];
	uint64_t seq;

	for (uint64_t i = 1; i < 5; i++) {
		BUF struct buf text = {.p = NULL};
		struct event e = {.seq = i, .time = 1, .type = EVENT_CANARY, .host = span_of("h")};

		assert_int_equal(event_format(&e, prev, &text, id), 0);
		assert_int_equal(event_check(buf_span(&text), &seq, got, before), 0);
		assert_int_equal(seq, i);
		assert_memory_equal(before, prev, SHA_LEN);
		assert_memory_equal(got, id, SHA_LEN);
		memcpy(prev, id, SHA_LEN);
	}
}

static void test_hostile_names(void **state UNUSED)
{
	BUF struct buf labels = {.p = NULL}, text = {.p = NULL};
	static const char *const keys[] = {
		"\xef\xbf\xbd", "\xf0\x9f\x94\x92", "\xff", "a\"b", "a", "a"};
	struct target t = {
		.id = span_of("x"), .name = span_of("\x01\x7f\xc3"), .runtime = span_of("r")};
	struct event e = {.seq = 5, .target = &t};
	uint8_t prev[SHA_LEN] = {0}, id[SHA_LEN];

	for (size_t i = 0; i < COUNTOF(keys); i++) {
		buf_bytes(&labels, span_of(keys[i]));
		buf_bytes(&labels, span_of("v"));
	}
	t.labels = buf_span(&labels);
	assert_int_equal(event_format(&e, prev, &text, id), 0);
	reads_as(&text, id);
}

static void test_order_is_utf16(void **state UNUSED)
{
	assert_true(map_order(span_of("\xf0\x9f\x94\x92"), span_of("\xef\xbf\xbd")) < 0);
	assert_true(map_order(span_of("\xed\x9f\xbf"), span_of("\xf0\x9f\x94\x92")) < 0);
	assert_true(map_order(span_of("a"), span_of("ab")) < 0);
	assert_int_equal(map_order(span_of("a"), span_of("a")), 0);
}

static void test_caps(void **state UNUSED)
{
	static const uint8_t v3[24] = {
		0, 0, 0, 3, 0, 4, 0, 0, 1, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0};
	BUF struct buf out = {.p = NULL};

	assert_true(caps_text(span_make(v3, sizeof(v3)), &out));
	assert_string_equal(
		buf_text(&out), "cap_net_bind_service,cap_bpf=p cap_chown=i [rootid=1000]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_any_order), cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_not_events), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_order_is_utf16),
		cmocka_unit_test(test_caps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
