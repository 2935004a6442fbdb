/*
 * Bodies for HTTP receivers. tests/gold/post/events.jsonl is sent to each profile; PROFILE.body is
 * what comes out (UPDATE=1 writes them; the scenario holds them against the receivers' own rules).
 * Run from the project's root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include "wire/post.h"

#define GOLD "tests/gold/post/"
enum { MAX = 8 };

struct scene {
	struct buf text;
	uint8_t id[MAX][SHA_LEN];
	struct post_event v[MAX];
	size_t n;
	struct post_options o;
};

static void read_event(struct scene *s, struct span line)
{
	DECREF json_t *root = json_loadb((const char *)line.p, line.n, 0, NULL);
	struct post_event *e = &s->v[s->n];
	uint8_t prev[SHA_LEN];

	assert_non_null(root);
	assert_int_equal(event_check(line, &e->seq, s->id[s->n], prev), 0);
	e->id = s->id[s->n++];
	e->json = line;
	e->type = (enum event_type)kind_find(
		event_kinds, EVENT_N, json_span(json_object_get(root, "type")));
	e->severity = (enum severity)kind_find(
		severity_kinds, SEV_N, json_span(json_object_get(root, "severity")));
	assert_int_equal(clock_parse(json_span(json_object_get(root, "time")), 0, &e->time), 0);
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	const uint8_t *at, *end;

	must(s);
	*state = s;
	s->o = (struct post_options){
		.format = FORMAT_JSON, .how = {.version = "0.1.0", .enterprise = 32473}};
	assert_int_equal(fd_read_file(AT_FDCWD, GOLD "events.jsonl", 1 << 20, &s->text), 0);
	at = s->text.p;
	for (size_t left = s->text.n; left > 0; left = s->text.n - (size_t)(at - s->text.p)) {
		end = memchr(at, '\n', left);
		assert_non_null(end);
		assert_true(s->n < MAX);
		read_event(s, span_make(at, (size_t)(end - at)));
		at = end + 1;
	}
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	buf_free(&s->text);
	free(s);
	return 0;
}

static void make(struct scene *s, enum post_profile p, size_t n, struct buf *out)
{
	size_t got;

	buf_reset(out);
	s->o.profile = p;
	assert_int_equal(post_body(&s->o, s->v, n, out, &got), 0);
	assert_int_equal(got, n);
}

static void gold_one(struct scene *s, enum post_profile p)
{
	BUF struct buf body = {.p = NULL}, want = {.p = NULL};
	char path[128];

	snprintf(path, sizeof(path), GOLD "%s.body", post_kinds[p].name);
	make(s, p, s->n, &body);
	if (getenv("UPDATE"))
		assert_int_equal(fd_write_file(path, buf_span(&body), 0644), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &want), 0);
	assert_string_equal(buf_text(&body), buf_text(&want));
}

static void test_gold(void **state)
{
	for (int p = 0; p < POST_N; p++)
		gold_one(*state, (enum post_profile)p);
}

static json_t *loads(const char *text)
{
	json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(v);
	return v;
}

/* A web hook that takes one event at a time gets a JSON object and nothing else. */
static void test_generic_one(void **state)
{
	struct scene *s = *state;
	BUF struct buf body = {.p = NULL};

	make(s, POST_GENERIC, 1, &body);
	assert_int_equal(body.n, s->v[0].json.n + 1);
	assert_memory_equal(body.p, s->v[0].json.p, s->v[0].json.n);
	assert_string_equal(post_content_type(&s->o, 1), "application/json");
	assert_string_equal(post_content_type(&s->o, 2), "application/x-ndjson");
	s->o.format = FORMAT_CEF;
	assert_string_equal(post_content_type(&s->o, 1), "text/plain; charset=utf-8");
}

static size_t lines_of(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

/* Whatever the format and however hostile the names, no profile's framing breaks. */
static void test_every_format(void **state)
{
	struct scene *s = *state;
	BUF struct buf body = {.p = NULL};

	for (int f = 0; f < FORMAT_N; f++) {
		s->o.format = (enum format)f;
		make(s, POST_GENERIC, s->n, &body);
		assert_int_equal(lines_of(&body), s->n);
		make(s, POST_BULK, s->n, &body);
		assert_int_equal(lines_of(&body), 2 * s->n);
		make(s, POST_HEC, s->n, &body);
		assert_int_equal(lines_of(&body), s->n);
		make(s, POST_LOKI, s->n, &body);
		json_decref(loads(buf_text(&body)));
		make(s, POST_OTLP, s->n, &body);
		json_decref(loads(buf_text(&body)));
	}
}

/* Documents of a data stream have one @timestamp, whatever the format. */
static void test_bulk_documents(void **state)
{
	struct scene *s = *state;

	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf body = {.p = NULL};
		char *save = NULL;

		s->o.format = (enum format)f;
		make(s, POST_BULK, s->n, &body);
		for (char *line = strtok_r((char *)body.p, "\n", &save); line;
			line = strtok_r(NULL, "\n", &save)) {
			DECREF json_t *action = loads(line), *doc = NULL;

			assert_non_null(json_object_get(json_object_get(action, "create"), "_id"));
			line = strtok_r(NULL, "\n", &save);
			assert_non_null(line);
			doc = loads(line);
			assert_true(json_is_string(json_object_get(doc, "@timestamp")));
		}
	}
}

static void test_index(void **state)
{
	struct scene *s = *state;
	BUF struct buf body = {.p = NULL};
	DECREF json_t *doc = NULL;

	s->o.index = "audit";
	make(s, POST_HEC, 1, &body);
	doc = loads(buf_text(&body));
	assert_string_equal(json_string_value(json_object_get(doc, "index")), "audit");
}

/* Command lines are where passwords are. */
static void test_redact(void **state)
{
	struct scene *s = *state;
	BUF struct buf body = {.p = NULL};

	s->o.how.redact = true;
	for (int p = 0; p < POST_N; p++) {
		make(s, (enum post_profile)p, s->n, &body);
		assert_null(strstr(buf_text(&body), "process.command_line"));
		assert_null(strstr(buf_text(&body), "\"process\""));
	}
}

/* What is none of our events ends the body before it, with a sentence. */
static void test_not_ours(void **state)
{
	struct scene *s = *state;

	for (int p = 0; p < POST_N; p++) {
		BUF struct buf body = {.p = NULL};
		size_t got = 99;

		s->o.profile = (enum post_profile)p;
		s->v[2].json = span_of("{\"seq\":");
		assert_int_equal(post_body(&s->o, s->v, s->n, &body, &got), 0);
		assert_int_equal(got, 2);
		assert_true(strlen(err_why()) > 0);
		buf_reset(&body);
		assert_int_equal(post_body(&s->o, s->v + 2, 1, &body, &got), 0);
		assert_int_equal(got, 0);
		assert_int_equal(body.n, 0);
	}
}

static void path_is(struct scene *s, enum post_profile p, const char *path, const char *want)
{
	BUF struct buf out = {.p = NULL};

	s->o.profile = p;
	post_path(&s->o, span_of(path), &out);
	assert_string_equal(buf_text(&out), want);
}

static void test_paths(void **state)
{
	struct scene *s = *state;

	path_is(s, POST_GENERIC, "", "/");
	path_is(s, POST_GENERIC, "/hook/", "/hook/");
	path_is(s, POST_HEC, "/", "/services/collector/event");
	path_is(s, POST_HEC, "/splunk/", "/splunk/services/collector/event");
	path_is(s, POST_HEC, "/services/collector/event", "/services/collector/event");
	path_is(s, POST_BULK, "/", "/logs-boltseal.drift-default/_bulk");
	path_is(s, POST_BULK, "/my-stream/_bulk", "/my-stream/_bulk");
	path_is(s, POST_LOKI, "/gw", "/gw/loki/api/v1/push");
	path_is(s, POST_OTLP, "/", "/v1/logs");
	s->o.index = "a/b";
	path_is(s, POST_BULK, "/es", "/es/a%2Fb/_bulk");
}

static void test_ack(void **state UNUSED)
{
	BUF struct buf body = {.p = NULL}, path = {.p = NULL};

	post_ack_body(UINT64_MAX, &body);
	assert_string_equal(buf_text(&body), "{\"acks\":[18446744073709551615]}");
	post_ack_path(span_of("/x/services/collector/event"), "G", &path);
	assert_string_equal(buf_text(&path), "/x/services/collector/ack?channel=G");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gold),
		TEST(test_generic_one),
		TEST(test_every_format),
		TEST(test_bulk_documents),
		TEST(test_index),
		TEST(test_redact),
		TEST(test_not_ours),
		TEST(test_paths),
		TEST(test_ack),
	};

	return cmocka_run_group_tests_name("post", tests, NULL, NULL);
}
