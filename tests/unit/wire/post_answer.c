/* What answers mean: a table of them, then everything a stranger may send instead. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/text.h"
#include "wire/post.h"

#define NOW (INT64_C(1700000000) * CLOCK_S) /* Tue, 14 Nov 2023 22:13:20 GMT */
#define ID0 "0000000000000000000000000000000000000000000000000000000000000000"
#define ID1 "0101010101010101010101010101010101010101010101010101010101010101"
#define ID2 "0202020202020202020202020202020202020202020202020202020202020202"

static uint8_t ids[3][32];
static struct post_event events[3];
static int begin(void **state UNUSED)
{
	for (int i = 0; i < 3; i++) {
		memset(ids[i], i, 32);
		events[i] = (struct post_event){.seq = 10 + (uint64_t)i, .id = ids[i]};
	}
	return 0;
}

static void read_it(enum post_profile p, unsigned status, const char *body, const char *after,
	size_t n, struct post_result *r)
{
	struct post_answer a = {status, span_of(body), span_of(after)};

	post_read(p, &a, events, n, NOW, r);
	assert_true(strlen(r->why) > 0);
	assert_true(r->done <= n && r->lost <= n);
}

struct row {
	enum post_profile p;
	unsigned status;
	const char *body;
	size_t n;
	enum post_verdict verdict;
	size_t done;
	const char *says; /* in the sentence */
};

static void holds(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *w = &rows[i];
		struct post_result r;

		read_it(w->p, w->status, w->body, "", w->n, &r);
		if (r.verdict != w->verdict || r.done != w->done || !strstr(r.why, w->says))
			fail_msg("row %zu (%s, %u): verdict %d, done %zu: %s", i,
				post_kinds[w->p].name, w->status, r.verdict, r.done, r.why);
	}
}

static void test_statuses(void **state UNUSED)
{
	static const struct row rows[] = {
		{POST_GENERIC, 200, "", 3, POST_TAKEN, 3, "200"},
		{POST_GENERIC, 202, "<html>", 3, POST_TAKEN, 3, "202"},
		{POST_GENERIC, 301, "", 3, POST_WRONG, 0, "redirect"},
		{POST_GENERIC, 400, "no", 3, POST_TOO_MANY, 0, "400"},
		{POST_GENERIC, 400, "no", 1, POST_REFUSED, 0, ": no"},
		{POST_GENERIC, 422, "no", 1, POST_REFUSED, 0, ": no"},
		{POST_GENERIC, 401, "", 1, POST_DENIED, 0, "token"},
		{POST_GENERIC, 403, "", 1, POST_DENIED, 0, "token"},
		{POST_GENERIC, 404, "", 1, POST_WRONG, 0, "404"},
		{POST_GENERIC, 407, "", 1, POST_WRONG, 0, "proxy"},
		{POST_GENERIC, 408, "", 1, POST_AGAIN, 0, "408"},
		{POST_GENERIC, 413, "", 2, POST_TOO_MANY, 0, "large"},
		{POST_GENERIC, 413, "", 1, POST_REFUSED, 0, "large"},
		{POST_GENERIC, 429, "", 1, POST_AGAIN, 0, "429"},
		{POST_GENERIC, 500, "", 1, POST_AGAIN, 0, "500"},
		{POST_GENERIC, 503, "", 1, POST_AGAIN, 0, "503"},
		{POST_GENERIC, 599, "", 1, POST_AGAIN, 0, "599"},
		{POST_GENERIC, 0, "", 1, POST_WRONG, 0, "0"},
		{POST_GENERIC, 101, "", 1, POST_WRONG, 0, "101"},
		{POST_GENERIC, 999, "", 1, POST_WRONG, 0, "999"},
		{POST_LOKI, 204, "", 3, POST_TAKEN, 3, "204"},
		{POST_LOKI, 200, "", 3, POST_TAKEN, 3, "200"},
		{POST_LOKI, 200, "<html>log in</html>", 3, POST_WRONG, 0, "log in"},
		{POST_LOKI, 400, "entry too far behind", 2, POST_TOO_MANY, 0, "behind"},
		{POST_LOKI, 400, "entry too far behind", 1, POST_REFUSED, 0, "behind"},
		{POST_LOKI, 429, "rate limit", 1, POST_AGAIN, 0, "rate"},
	};

	holds(rows, COUNTOF(rows));
}

static void test_hec(void **state UNUSED)
{
	static const struct row rows[] = {
		{POST_HEC, 200, "{\"text\":\"Success\",\"code\":0}", 3, POST_TAKEN, 3, "Success"},
		{POST_HEC, 200, "{\"text\":\"Success\",\"code\":0,\"ackId\":7}", 3, POST_WAIT, 0,
			"ackId 7"},
		{POST_HEC, 200, "{\"code\":0,\"ackId\":-1}", 3, POST_WRONG, 0, "ackId"},
		{POST_HEC, 200, "{\"code\":0,\"ackId\":\"7\"}", 3, POST_WRONG, 0, "ackId"},
		{POST_HEC, 200, "{\"code\":0,\"ackId\":1e3}", 3, POST_WRONG, 0, "ackId"},
		{POST_HEC, 200, "", 3, POST_WRONG, 0, "not as"},
		{POST_HEC, 200, "ok", 3, POST_WRONG, 0, "ok"},
		{POST_HEC, 200, "{\"text\":\"x\",\"code\":9}", 3, POST_WRONG, 0, "x"},
		{POST_HEC, 400, "{\"text\":\"t\",\"code\":6,\"invalid-event-number\":1}", 3,
			POST_TOO_MANY, 0, "code 6"},
		{POST_HEC, 400, "{\"text\":\"t\",\"code\":6,\"invalid-event-number\":0}", 1,
			POST_REFUSED, 0, "code 6"},
		{POST_HEC, 400, "{\"text\":\"t\",\"code\":7}", 1, POST_WRONG, 0, "index"},
		{POST_HEC, 400, "{\"text\":\"t\",\"code\":10}", 1, POST_WRONG, 0, "channel"},
		{POST_HEC, 400, "nonsense", 1, POST_REFUSED, 0, "nonsense"},
		{POST_HEC, 403, "{\"text\":\"t\",\"code\":4}", 1, POST_DENIED, 0, "token"},
		{POST_HEC, 503, "{\"text\":\"t\",\"code\":9}", 1, POST_AGAIN, 0, "busy"},
	};

	holds(rows, COUNTOF(rows));
}

#define ITEM(id, status) "{\"create\":{\"_id\":\"" id "\",\"status\":" #status "}}"
#define BAD(id, status)                                                                            \
	"{\"create\":{\"_id\":\"" id "\",\"status\":" #status                                      \
	",\"error\":{\"type\":\"x\",\"reason\":\"because\"}}}"
#define ITEMS(e, ...) "{\"errors\":" #e ",\"items\":[" __VA_ARGS__ "]}"
static void test_bulk(void **state UNUSED)
{
	static const struct row rows[] = {
		{POST_BULK, 200, ITEMS(false, ITEM(ID0, 201) "," ITEM(ID1, 201) "," ITEM(ID2, 201)),
			3, POST_TAKEN, 3, "200"},
		{POST_BULK, 200, ITEMS(true, BAD(ID0, 409) "," ITEM(ID1, 201) "," BAD(ID2, 409)), 3,
			POST_TAKEN, 3, "200"},
		{POST_BULK, 200, ITEMS(true, ITEM(ID0, 201) "," BAD(ID1, 429) "," ITEM(ID2, 201)),
			3, POST_AGAIN, 1, "because"},
		{POST_BULK, 200, ITEMS(true, ITEM(ID0, 201) "," BAD(ID1, 400) "," BAD(ID2, 429)), 3,
			POST_REFUSED, 1, "because"},
		{POST_BULK, 200, ITEMS(true, BAD(ID0, 503)), 1, POST_AGAIN, 0, "503"},
		{POST_BULK, 200, ITEMS(true, BAD(ID0, 403)), 1, POST_AGAIN, 0, "403"},
		{POST_BULK, 200, ITEMS(true, BAD(ID0, 404)), 1, POST_AGAIN, 0, "404"},
		{POST_BULK, 200, ITEMS(true, "{}"), 1, POST_WRONG, 0, "status 0"},
		{POST_BULK, 200, ITEMS(true, "7"), 1, POST_WRONG, 0, "status 0"},
		{POST_BULK, 200, ITEMS(true, "{\"create\":{\"status\":\"201\"}}"), 1, POST_WRONG, 0,
			"status 0"},
		{POST_BULK, 200, ITEMS(false, ITEM(ID1, 201)), 1, POST_WRONG, 0, "other events"},
		{POST_BULK, 200, ITEMS(false, ITEM("x", 201)), 1, POST_WRONG, 0, "other events"},
		{POST_BULK, 200, ITEMS(false, ITEM(ID0, 201)), 3, POST_AGAIN, 1, "1 events of 3"},
		{POST_BULK, 200, "{\"errors\":\"no\",\"items\":[]}", 1, POST_WRONG, 0, "not as"},
		{POST_BULK, 200, "{}", 1, POST_WRONG, 0, "not as"},
		{POST_BULK, 400, "{\"error\":{\"reason\":\"no newline\"}}", 2, POST_TOO_MANY, 0,
			"no newline"},
		{POST_BULK, 413, "", 2, POST_TOO_MANY, 0, "large"},
		{POST_BULK, 429, "{\"error\":{\"type\":\"breaker\"}}", 1, POST_AGAIN, 0, "breaker"},
		{POST_BULK, 401, "{\"error\":\"sorry\"}", 1, POST_DENIED, 0, "sorry"},
	};

	holds(rows, COUNTOF(rows));
}

static void test_otlp(void **state UNUSED)
{
	static const struct row rows[] = {
		{POST_OTLP, 200, "{}", 3, POST_TAKEN, 3, "200"},
		{POST_OTLP, 200, "", 3, POST_TAKEN, 3, "200"},
		{POST_OTLP, 200, "{\"partialSuccess\":{}}", 3, POST_TAKEN, 3, "200"},
		{POST_OTLP, 200, "{\"partialSuccess\":{\"errorMessage\":\"mind\"}}", 3, POST_TAKEN,
			3, "mind"},
		{POST_OTLP, 200,
			"{\"partialSuccess\":{\"rejectedLogRecords\":\"2\",\"errorMessage\":\"m\"}}",
			3, POST_PARTLY, 3, "2 of 3"},
		{POST_OTLP, 200, "{\"partialSuccess\":{\"rejectedLogRecords\":99}}", 3, POST_PARTLY,
			3, "3 of 3"},
		{POST_OTLP, 200, "{\"partialSuccess\":{\"rejectedLogRecords\":-1}}", 3, POST_TAKEN,
			3, "200"},
		{POST_OTLP, 200, "<html>", 3, POST_WRONG, 0, "not as"},
		{POST_OTLP, 200, "[]", 3, POST_WRONG, 0, "not as"},
		{POST_OTLP, 400, "{\"code\":3,\"message\":\"bad\"}", 1, POST_REFUSED, 0, "bad"},
		{POST_OTLP, 503, "{\"message\":\"later\"}", 1, POST_AGAIN, 0, "later"},
	};

	holds(rows, COUNTOF(rows));
}

static void test_lost(void **state UNUSED)
{
	struct post_result r;

	read_it(POST_OTLP, 200, "{\"partialSuccess\":{\"rejectedLogRecords\":\"2\"}}", "", 3, &r);
	assert_int_equal(r.lost, 2);
	read_it(POST_OTLP, 200,
		"{\"partialSuccess\":{\"rejectedLogRecords\":\"99999999999999999999\"}}", "", 3,
		&r);
	assert_int_equal(r.lost, 3);
}

static void ack_is(unsigned status, const char *body, enum post_verdict want)
{
	struct post_answer a = {status, span_of(body), span_of("")};
	struct post_result r;

	post_read_ack(&a, 7, NOW, &r);
	assert_true(strlen(r.why) > 0);
	if (r.verdict != want)
		fail_msg("%u %s: verdict %d: %s", status, body, r.verdict, r.why);
}

static void test_acks(void **state UNUSED)
{
	ack_is(200, "{\"acks\":{\"7\":true}}", POST_TAKEN);
	ack_is(200, "{\"acks\":{\"7\":false}}", POST_WAIT);
	ack_is(200, "{\"acks\":{\"8\":true}}", POST_WRONG);
	ack_is(200, "{\"acks\":{\"7\":1}}", POST_WRONG);
	ack_is(200, "{\"acks\":[true]}", POST_WRONG);
	ack_is(200, "", POST_WRONG);
	ack_is(503, "", POST_AGAIN);
	ack_is(400, "{\"text\":\"ACK is disabled\",\"code\":14}", POST_WRONG);
	ack_is(400, "", POST_WRONG);
	ack_is(403, "{\"code\":4}", POST_DENIED);
}

static void test_retry_after(void **state UNUSED)
{
	static const struct {
		const char *value;
		int64_t s;
	} rows[] = {{"0", 0}, {"7", 7}, {" 7\r\n", 7}, {"3600", 3600}, {"3601", 3600},
		{"99999999999999999999999999", 3600}, {"7.5", 0}, {"-7", 0}, {"7 s", 0}, {"", 0},
		{"Tue, 14 Nov 2023 22:13:30 GMT", 10}, {"Tue, 14 Nov 2023 22:13:10 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 3600}, {"Tue, 14 Nov 2023 22:13:30 CET", 0},
		{"soon", 0}};
	struct post_result r;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t got = post_retry_after(span_of(rows[i].value), NOW);

		if (got != rows[i].s * CLOCK_S)
			fail_msg("%s: %lld", rows[i].value, (long long)got);
	}
	read_it(POST_LOKI, 429, "", "12", 1, &r);
	assert_int_equal(r.retry_after, 12 * CLOCK_S);
}

/* Every profile and status, every kind of garbage: a verdict, a sentence of one safe line. */
static void test_hostile(void **state UNUSED)
{
	BUF struct buf deep = {.p = NULL}, wide = {.p = NULL};
	static const unsigned statuses[] = {0, 100, 200, 204, 400, 401, 413, 429, 500, 1000};
	const char *bodies[] = {"\x1b[2J\n\r\xff\xfe\xe2\x80\xae", "{\"items\":", "null", "1e999",
		"{\"code\":1e400}", "{\"code\":99999999999999999999999}", "{\"code\":{}}",
		"{\"errors\":true,\"items\":[null,[],{\"create\":[]}]}",
		"{\"partialSuccess\":[],\"acks\":3,\"error\":{\"reason\":{}}}", NULL, NULL};

	for (int i = 0; i < 100000; i++)
		buf_u8(&deep, i < 50000 ? '[' : ']');
	buf_add_text(&wide, "{\"text\":\"");
	for (int i = 0; i < 100000; i++)
		buf_add_text(&wide, "\xc3\xa4");
	buf_add_text(&wide, "\",\"code\":6}");
	bodies[COUNTOF(bodies) - 2] = buf_text(&deep);
	bodies[COUNTOF(bodies) - 1] = buf_text(&wide);
	for (int p = 0; p < POST_N; p++)
		for (size_t s = 0; s < COUNTOF(statuses); s++)
			for (size_t b = 0; b < COUNTOF(bodies); b++) {
				struct post_result r;

				read_it((enum post_profile)p, statuses[s], bodies[b], bodies[b], 3,
					&r);
				assert_true(text_is_utf8(span_of(r.why)));
				for (const char *c = r.why; *c; c++)
					assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_hec),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_otlp),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_acks),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("post_answer", tests, begin, NULL);
}
