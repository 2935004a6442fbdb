/*
 * The https sink against a receiver of one thread that says what it is told to, over plain HTTP: what
 * each answer means for the engine, what goes along in a request, and what never does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/gateway/sink.h"
#include "wire/event.h"

enum { EVENTS = 3, SAYS = 8 };
struct scene {
	int listen_fd;
	pthread_t thread;
	const char *says[SAYS]; /* answers, one a request; NULL: hang up */
	size_t n_says;
	char got[SAYS][16384]; /* requests */
	size_t n_got;
	struct config_sink conf;
	struct sink_env env;
	atomic_bool stop;
	struct sink_event v[EVENTS];
	struct buf json[EVENTS];
	char address[64], token[64];
	struct sink_result r;
};

static const char *header_end(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	return end ? end + 4 : NULL;
}

static void read_request(int fd, char *to, size_t room)
{
	size_t n = 0, want = room;

	while (n + 1 < room && n < want) {
		ssize_t r = recv(fd, to + n, room - 1 - n, 0);
		const char *body, *length;

		if (r <= 0)
			break;
		n += (size_t)r;
		to[n] = 0;
		body = header_end(to);
		length = strcasestr(to, "Content-Length: ");
		if (body && length)
			want = (size_t)(body - to) + strtoul(length + 16, NULL, 10);
	}
}

static void *receiver(void *arg)
{
	struct scene *s = arg;

	while (s->n_got < s->n_says) {
		FD int fd = accept(s->listen_fd, NULL, NULL);
		const char *say = s->says[s->n_got];

		if (fd < 0)
			break;
		read_request(fd, s->got[s->n_got++], sizeof(s->got[0]));
		if (say)
			(void)!send(fd, say, strlen(say), MSG_NOSIGNAL);
	}
	return NULL;
}

static void make_events(struct scene *s)
{
	for (size_t i = 0; i < EVENTS; i++) {
		struct event e = {.seq = i + 1,
			.time = INT64_C(1700000000) * CLOCK_S,
			.type = EVENT_CANARY,
			.severity = SEV_LOW,
			.host = span_of("h")};
		uint8_t prev[32] = {0};

		assert_int_equal(event_format(&e, prev, &s->json[i], s->v[i].id), 0);
		s->v[i].seq = e.seq;
		s->v[i].time = e.time;
		s->v[i].type = e.type;
		s->v[i].severity = e.severity;
		s->v[i].json = buf_span(&s->json[i]);
	}
}

static void start(struct scene *s, void *(*fn)(void *))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(s->listen_fd, 4), 0);
	assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&a, &n), 0);
	snprintf(s->address, sizeof(s->address), "http://127.0.0.1:%u/in", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, fn, s), 0);
}

static void finish(struct scene *s)
{
	shutdown(s->listen_fd, SHUT_RDWR); /* wakes it where fewer came than it waits for */
	pthread_join(s->thread, NULL);
	close(s->listen_fd);
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	must(s);
	*state = s;
	snprintf(s->token, sizeof(s->token), "/tmp/boltseal-token.%d", getpid());
	s->conf = (struct config_sink){.name = "s",
		.type = CONFIG_SINK_HTTPS,
		.address = s->address,
		.tls = {"", "", "", "", "", ""},
		.token_file = "",
		.index = "",
		.tenant = "",
		.proxy = ""};
	s->env = (struct sink_env){.conf = &s->conf,
		.format = {.version = "9"},
		.stop = &s->stop,
		.stop_fd = -1,
		.timeout = 5 * CLOCK_S};
	make_events(s);
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	unlink(s->token);
	for (size_t i = 0; i < EVENTS; i++)
		buf_free(&s->json[i]);
	free(s);
	return 0;
}

static void says(struct scene *s, const char *answer)
{
	assert_true(s->n_says < SAYS);
	s->says[s->n_says++] = answer;
}

/* Sends `n` events, in batches as the engine would, `times` times over one link. */
static int sends(struct scene *s, size_t from, size_t n, int times)
{
	struct sink_link *l = NULL;
	int r;

	start(s, receiver);
	r = sink_https.open(&l, &s->env);
	for (int i = 0; r == 0 && i < times; i++)
		r = sink_https.send(l, s->v + from, n, &s->r);
	sink_https.close(l);
	finish(s);
	return r;
}

#define ANSWER(status, body) "HTTP/1.1 " status " x\r\nConnection: close\r\n\r\n" body
#define CODE "\"text\":\"t\",\"code\":"

static void test_taken(void **state)
{
	struct scene *s = *state;

	says(s, ANSWER("200", "ok"));
	assert_int_equal(sends(s, 0, EVENTS, 1), 0);
	assert_int_equal(s->r.done, EVENTS);
	assert_string_equal(s->r.reply, "HTTP 200");
	assert_non_null(strstr(s->got[0], "POST /in HTTP/1.1\r\n"));
	assert_non_null(strstr(s->got[0], "\r\nUser-Agent: boltseal/"));
	assert_non_null(strstr(s->got[0], "\r\nContent-Type: application/x-ndjson\r\n"));
	assert_null(strstr(s->got[0], "Authorization"));
	assert_null(strstr(s->got[0], "Expect"));
	assert_non_null(strstr(header_end(s->got[0]), buf_text(&s->json[2])));
}

static void gives(struct scene *s, const char *answer, size_t n, int want, const char *reply)
{
	int r;

	s->n_says = s->n_got = 0;
	says(s, answer);
	r = sends(s, 0, n, 1);
	if (r != want || !strstr(r < 0 ? err_why() : s->r.reply, reply))
		fail_msg("%.40s: %d, %s", answer ? answer : "nothing", r,
			r < 0 ? err_why() : s->r.reply);
}

static void test_verdicts(void **state)
{
	struct scene *s = *state;

	gives(s, ANSWER("429", "slow"), 3, SINK_AGAIN, "HTTP 429");
	gives(s, "HTTP/1.1 503 x\r\nRetry-After: 7\r\nConnection: close\r\n\r\n", 3, SINK_AGAIN,
		"HTTP 503");
	assert_int_equal(s->r.retry_after, 7 * CLOCK_S);
	gives(s, ANSWER("400", "no"), 3, SINK_TOO_MANY, "HTTP 400");
	gives(s, ANSWER("400", "no"), 1, SINK_REFUSED, ": no");
	assert_int_equal(s->r.done, 0);
	gives(s, ANSWER("404", ""), 1, -EPROTO, "HTTP 404");
	gives(s, ANSWER("302", ""), 1, -EPROTO, "redirects");
	gives(s, NULL, 1, -EPROTO, "hung up");
	gives(s, "HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\nhalf", 1, -EIO, "127.0.0.1");
	gives(s, "nonsense\r\n\r\n", 1, -EIO, "127.0.0.1");
}

/* An event that is none of ours is refused alone, when those before it are taken. */
static void test_not_ours(void **state)
{
	struct scene *s = *state;

	s->v[2].json = span_of("{}");
	says(s, ANSWER("200", ""));
	assert_int_equal(sends(s, 0, EVENTS, 1), SINK_REFUSED);
	assert_int_equal(s->r.done, 2);
	assert_true(strlen(s->r.reply) > 0);
}

static void test_not_ours_first(void **state)
{
	struct scene *s = *state;

	s->v[0].json = span_of("[]");
	assert_int_equal(sends(s, 0, EVENTS, 1), SINK_REFUSED);
	assert_int_equal(s->r.done, 0);
	assert_int_equal(s->n_got, 0);
}

static void put_token(struct scene *s, const char *text)
{
	assert_int_equal(fd_write_file(s->token, span_of(text), 0600), 0);
	s->conf.token_file = s->token;
}

/* What the receiver echoes of the token does not come out. */
static void test_token(void **state)
{
	struct scene *s = *state;

	put_token(s, "s3cr3t-token\n");
	says(s, ANSWER("401", "who is s3cr3t-token?"));
	assert_int_equal(sends(s, 0, 1, 1), -EPROTO);
	assert_non_null(strstr(s->got[0], "\r\nAuthorization: Bearer s3cr3t-token\r\n"));
	assert_non_null(strstr(err_why(), "who is ************?"));
}

/* Refused, the file is read once more: another token is tried at once, the same is not. */
static void *receiver_mends(void *arg)
{
	struct scene *s = arg;

	for (int i = 0; i < 2; i++) {
		FD int fd = accept(s->listen_fd, NULL, NULL);
		const char *say = i ? ANSWER("200", "") : ANSWER("401", "");

		if (fd < 0)
			break;
		read_request(fd, s->got[s->n_got++], sizeof(s->got[0]));
		if (i == 0)
			put_token(s, "second-token");
		(void)!send(fd, say, strlen(say), MSG_NOSIGNAL);
	}
	return NULL;
}

static void test_token_mended(void **state)
{
	struct scene *s = *state;
	struct sink_link *l = NULL;

	put_token(s, "first-token");
	start(s, receiver_mends);
	assert_int_equal(sink_https.open(&l, &s->env), 0);
	assert_int_equal(sink_https.send(l, s->v, 1, &s->r), 0);
	sink_https.close(l);
	finish(s);
	assert_non_null(strstr(s->got[0], "Bearer first-token\r\n"));
	assert_non_null(strstr(s->got[1], "Bearer second-token\r\n"));
}

static void test_hec(void **state)
{
	struct scene *s = *state;

	s->conf.profile = CONFIG_SINK_SPLUNK;
	s->conf.ack = true;
	put_token(s, "t0ken");
	says(s, ANSWER("200", "{" CODE "0,\"ackId\":5}"));
	says(s, ANSWER("200", "{\"acks\":{\"5\":false}}"));
	says(s, ANSWER("503", "{" CODE "9}"));
	says(s, ANSWER("200", "{\"acks\":{\"5\":true}}"));
	assert_int_equal(sends(s, 0, EVENTS, 1), 0);
	assert_int_equal(s->r.done, EVENTS);
	assert_int_equal(s->n_got, 4);
	assert_non_null(strstr(s->got[0], "POST /in/services/collector/event HTTP/1.1\r\n"));
	assert_non_null(strstr(s->got[0], "\r\nAuthorization: Splunk t0ken\r\n"));
	assert_non_null(strstr(s->got[0], "\r\nX-Splunk-Request-Channel: "));
	assert_non_null(strstr(s->got[1], "POST /in/services/collector/ack?channel="));
	assert_string_equal(header_end(s->got[3]), "{\"acks\":[5]}");
}

static void test_hec_never(void **state)
{
	struct scene *s = *state;

	s->conf.profile = CONFIG_SINK_SPLUNK;
	s->conf.ack = true;
	s->env.timeout = 100 * CLOCK_MS; /* ten of them for the acknowledgement */
	says(s, ANSWER("200", "{" CODE "0,\"ackId\":5}"));
	for (int i = 0; i < 6; i++)
		says(s, ANSWER("200", "{\"acks\":{\"5\":false}}"));
	assert_true(sends(s, 0, 1, 1) < 0);
}

static void test_hec_no_ack(void **state)
{
	struct scene *s = *state;

	s->conf.profile = CONFIG_SINK_SPLUNK;
	s->conf.ack = true;
	says(s, ANSWER("200", "{" CODE "0}"));
	assert_int_equal(sends(s, 0, 1, 1), -EPROTO);
	assert_non_null(strstr(err_why(), "does not acknowledge"));
}

/* Nothing that was rejected is sent again, not even to be refused one by one. */
static void test_otlp_all_lost(void **state)
{
	struct scene *s = *state;

	s->conf.profile = CONFIG_SINK_OTLP;
	says(s, ANSWER("200", "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\"}}"));
	assert_int_equal(sends(s, 0, EVENTS, 3), SINK_REFUSED);
	assert_int_equal(s->n_got, 1);
	assert_non_null(strstr(s->r.reply, "3 of 3"));
}

static void test_bulk(void **state)
{
	struct scene *s = *state;

	s->conf.profile = CONFIG_SINK_ELASTIC;
	s->conf.gzip = true;
	says(s, ANSWER("200", "{\"errors\":true,\"items\":[{\"create\":{\"status\":201}},"
			      "{\"create\":{\"status\":429}},{\"create\":{\"status\":201}}]}"));
	assert_int_equal(sends(s, 0, EVENTS, 1), SINK_AGAIN);
	assert_int_equal(s->r.done, 1);
	assert_non_null(
		strstr(s->got[0], "POST /in/logs-boltseal.drift-default/_bulk?filter_path="));
	assert_non_null(strstr(s->got[0], "\r\nContent-Encoding: gzip\r\n"));
	assert_memory_equal(header_end(s->got[0]), "\x1f\x8b", 2);
}

static void test_headers(void **state)
{
	struct scene *s = *state;
	const char *more[] = {"X-One: 1", NULL}, *bad[] = {"X-Two: 2\r\nEvil: 1", NULL};

	s->conf.headers = (struct config_list){more, 1};
	s->conf.tenant = "t7";
	says(s, ANSWER("200", ""));
	assert_int_equal(sends(s, 0, 1, 1), 0);
	assert_non_null(strstr(s->got[0], "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(s->got[0], "\r\nX-Scope-OrgID: t7\r\n"));
	s->conf.headers = (struct config_list){bad, 1};
	s->n_says = s->n_got = 0;
	assert_int_equal(sends(s, 0, 1, 1), -EINVAL);
}

static void test_stop(void **state)
{
	struct scene *s = *state;

	atomic_store(&s->stop, true);
	assert_int_equal(sends(s, 0, 1, 1), -ECANCELED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken),
		TEST(test_verdicts),
		TEST(test_not_ours),
		TEST(test_not_ours_first),
		TEST(test_token),
		TEST(test_token_mended),
		TEST(test_hec),
		TEST(test_hec_never),
		TEST(test_hec_no_ack),
		TEST(test_otlp_all_lost),
		TEST(test_bulk),
		TEST(test_headers),
		TEST(test_stop),
	};

	return cmocka_run_group_tests_name("sink_https", tests, NULL, NULL);
}
