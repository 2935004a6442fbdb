/* The gateway over a real socket: codes, headers, paging, hostile requests, waiting and streams. */
#include "rig.h"

static struct rig rig;

static int setup(void **state UNUSED)
{
	rig_start(&rig, true, NULL);
	return rig_has_door(&rig) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	rig_stop(&rig);
	return 0;
}

/* One row per request: what comes back. */
static const struct {
	const char *line, *head, *body;
	int status;
	const char *has;
} asks[] = {
	{"GET /healthz", NULL, NULL, 200, "\"status\":\"ok\""},
	{"HEAD /v1/events", NULL, NULL, 200, "x-ndjson"},
	{"HEAD /v1/events?follow=1", NULL, NULL, 200, "x-ndjson"},
	{"HEAD /healthz", NULL, NULL, 200, "application/json"},
	{"GET /metrics", NULL, NULL, 200, "boltseal_targets{state=\"running\"} 2"},
	{"GET /v1/status", NULL, NULL, 200, "\"counters\":{\"a\":2,\"b\":1}"},
	{"GET /v1/doctor", NULL, NULL, 200,
		"\"id\":\"sensor\",\"scope\":\"sensor\",\"severity\":\"ok\""},
	{"GET /v1/sinks", NULL, NULL, 200, "{\"items\":[]}"},
	{"POST /v1/sinks/x/test", NULL, "", 404, "there is no sink x"},
	{"GET /v1/openapi.yaml", NULL, NULL, 200, "openapi: 3.1.0"},
	{"GET /v1/targets", NULL, NULL, 200, "\"name\":\"db\""},
	{"GET /v1/targets?label=team=w*", NULL, NULL, 200, "\"name\":\"web\""},
	{"GET /v1/targets?state=stopped", NULL, NULL, 200, "\"items\":[]"},
	{"GET /v1/targets?state=gone", NULL, NULL, 400, "running, stopped or removed"},
	{"GET /v1/targets/web", NULL, NULL, 200, "\"coverage\":{"},
	{"GET /v1/targets/" ID_WEB, NULL, NULL, 200, "\"name\":\"web\""},
	{"GET /v1/targets/aaaa", NULL, NULL, 409, "\"candidates\":[\"web (aaaa00000000)\""},
	{"GET /v1/targets/nope", NULL, NULL, 404, "application/problem+json"},
	{"GET /v1/targets/%ff%0a", NULL, NULL, 404, "\\\\377\\\\n"},
	{"GET /v1/targets/web/drift", NULL, NULL, 200, "\"counts\":{\"A\":16,\"C\":0,\"D\":9}"},
	{"GET /v1/targets/web/drift?kind=D&limit=1", NULL, NULL, 200, "\"cursor\":\""},
	{"GET /v1/targets/web/drift?severity=high", NULL, NULL, 200,
		"\"counts\":{\"A\":3,\"C\":0,\"D\":2}"},
	{"GET /v1/targets/web/drift?path=/etc/x01&path=/etc/x02", NULL, NULL, 200,
		"\"A\":2,\"C\":0,\"D\":0"},
	{"GET /v1/targets/web/drift?path=etc", NULL, NULL, 400, "begins with"},
	{"GET /v1/targets/web/drift?cursor=%21", NULL, NULL, 400, "cursor"},
	{"GET /v1/targets/web/drift?cursor=AAAA", NULL, NULL, 400, "cursor"},
	{"GET /v1/targets/web/drift?limit=0", NULL, NULL, 400, "detail"},
	{"GET /v1/targets/web/drift?limit=1&limit=2", NULL, NULL, 400, "twice"},
	{"GET /v1/targets/web/drift?lmit=1", NULL, NULL, 400, "lmit"},
	{"GET /v1/targets/web/drift?at=now", NULL, NULL, 501, "later"},
	{"GET /v1/targets/web/drift?against=image", NULL, NULL, 200,
		"\"counts\":{\"A\":16,\"C\":0,\"D\":9}"},
	{"GET /v1/targets/web/drift?against=gen:9", NULL, NULL, 404, "no generation 9"},
	{"GET /v1/targets/web/drift?against=gen:x", NULL, NULL, 400, "gen:N"},
	{"GET /v1/targets/web/drift?against=db", NULL, NULL, 200,
		"\"counts\":{\"A\":16,\"C\":0,\"D\":9}"},
	{"GET /v1/targets/db/drift?against=web", NULL, NULL, 200,
		"\"counts\":{\"A\":9,\"C\":0,\"D\":16}"},
	{"GET /v1/targets/db/drift", NULL, NULL, 200, "\"items\":[]"},
	{"GET /v1/targets/web/file", NULL, NULL, 400, "?path="},
	{"GET /v1/targets/web/file?path=/etc/shadow", NULL, NULL, 200,
		"\"number\":0,\"path\":\"/l/one\""},
	{"GET /v1/targets/web/file?path=/etc/x01", NULL, NULL, 200, "\"events\":[{"},
	{"GET /v1/targets/web/file?path=/etc/../../../etc/shadow", NULL, NULL, 400,
		"a path is without"},
	{"GET /v1/targets/web/drift?path=//etc", NULL, NULL, 400, "a path is without"},
	{"GET /v1/targets/web/drift?path=/etc/.", NULL, NULL, 400, "a path is without"},
	{"GET /v1/targets/web/patch?path=/etc/x01", NULL, NULL, 200, "-two\n+2\n"},
	{"POST /v1/targets/web/rescan", NULL, "", 200, "\"result\":\"ok\""},
	{"POST /v1/targets/web/rescan", "Accept: application/x-ndjson\r\n", "{}", 200,
		"{\"done\":1,\"total\":2}"},
	{"POST /v1/targets/web/rescan", NULL, "{\"pth\":1}", 400, "pth"},
	{"POST /v1/targets/web/rescan", NULL, "[", 400, "not JSON"},
	{"POST /v1/targets/web/accept", NULL, "{\"reason\":\"x\"}", 428, "If-Match"},
	{"POST /v1/targets/web/accept", "If-Match: \"12\"\r\n", "{\"reason\":\"x\"}", 400,
		"64 hex"},
	{"POST /v1/targets/web/verify", NULL, "", 200, "\"clean\":true"},
	{"POST /v1/verify", NULL, "{\"what\":\"journal\"}", 200,
		"\"subject\":\"journal\"}],\"clean\":true"},
	{"POST /v1/verify", NULL, "{\"what\":\"x\"}", 400, "layers"},
	{"GET /v1/baselines", NULL, NULL, 200, "\"generations\":"},
	{"GET /v1/baselines?target=web", NULL, NULL, 200, "\"generations\":"},
	{"GET /v1/baselines/web/7", NULL, NULL, 404, "no generation 7"},
	{"GET /v1/baselines/web/x", NULL, NULL, 400, "detail"},
	{"GET /v1/layers", NULL, NULL, 200, "\"targets\":[\"web\",\"db\"]"},
	{"GET /v1/events?limit=2", NULL, NULL, 200, "\"seq\":2,"},
	{"GET /v1/events?type=change&path=/etc/x1*", NULL, NULL, 200, "/etc/x10"},
	{"GET /v1/events?type=what", NULL, NULL, 400, "type"},
	{"GET /v1/events?path=[", NULL, NULL, 400, "detail"},
	{"GET /v1/events?since=24", NULL, NULL, 200, "\"seq\":25,"},
	{"GET /v1/events?since=25", NULL, NULL, 200, "x-ndjson"},
	{"GET /v1/events?since=26", NULL, NULL, 416,
		"the journal ends at seq 25: 26 is of another"},
	{"GET /v1/events?since=2099-01-01T00:00:00Z", NULL, NULL, 200, "x-ndjson"},
	{"GET /v1/events", "Accept: text/event-stream\r\nLast-Event-ID: 999\r\n", NULL, 416,
		"begin with since=0 or since=25"},
	{"GET /v1/events?since=1970-01-01T00:00:20Z", NULL, NULL, 200, "\"seq\":20,"},
	{"GET /_ping", NULL, NULL, 200, "Api-Version: 1.44"},
	{"HEAD /_ping", NULL, NULL, 200, "Docker-Experimental: false"},
	{"GET /version", NULL, NULL, 200, "\"ApiVersion\":\"1.44\""},
	{"GET /v1.41/version", NULL, NULL, 200, "\"MinAPIVersion\""},
	{"GET /v1.99/version", NULL, NULL, 400, "client version 1.99 is too new"},
	{"GET /v1.44/containers/json?all=1&limit=3", NULL, NULL, 200, "\"Names\":[\"/web\"]"},
	{"GET /v1.44/containers/json?filters=%7B%22name%22:%7B%22we%22:true%7D%7D", NULL, NULL, 200,
		"web"},
	{"GET /v1.44/containers/json?filters=%7B%22volume%22:%7B%22we%22:true%7D%7D", NULL, NULL,
		400, "{\"message\":"},
	{"GET /v1.44/containers/web/changes", NULL, NULL, 200, "[{\"Kind\":0,\"Path\":\"/etc\"},"},
	{"GET /containers/db/changes", NULL, NULL, 200, "\r\n\r\nnull"},
	{"GET /v1.44/containers/nope/changes", NULL, NULL, 404,
		"{\"message\":\"No such container: nope\"}"},
	{"GET /v1.44/info", NULL, NULL, 501, "{\"message\":"},
	{"GET /nothing", NULL, NULL, 404, "urn:boltseal:problem:not-found"},
	{"DELETE /v1/targets/web", NULL, NULL, 405, "Allow: GET, HEAD"},
	{"GET /v1/targets/web%00x", NULL, NULL, 400, "problem+json"},
	{"GET /v1/targets/web%zz", NULL, NULL, 400, "problem+json"},
	{"GET /v1/targets/web?x=%00", NULL, NULL, 400, "problem+json"},
	{"GET /../../etc/passwd", NULL, NULL, 404, "problem+json"},
	{"GET /v1/targets/..%2f..%2fetc", NULL, NULL, 404, "no target"},
	{"POST /v1/verify", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", NULL, 400,
		"both Content-Length"},
	{"POST /v1/verify", "Content-Length: 99999999\r\n", NULL, 413, "problem+json"},
};

static void test_table(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL};
	int failed = 0;

	for (size_t i = 0; i < COUNTOF(asks); i++) {
		int status = rig_ask(&rig, &out, asks[i].line, asks[i].head, asks[i].body);

		if (status == asks[i].status && rig_has(&out, asks[i].has))
			continue;
		print_error("%s: wanted %d with %s, got %.1500s\n", asks[i].line, asks[i].status,
			asks[i].has, buf_text(&out));
		failed++;
	}
	assert_int_equal(failed, 0);
}

static void test_etag(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL}, head = {.p = NULL};
	const char *tag;
	char line[128];

	assert_int_equal(rig_ask(&rig, &out, "GET /v1/targets/web/drift?limit=1", NULL, NULL), 200);
	tag = strstr(buf_text(&out), "ETag: ");
	assert_non_null(tag);
	snprintf(line, sizeof(line), "%.66s", tag + 6);
	buf_printf(&head, "If-None-Match: %s\r\n", line);
	assert_int_equal(
		rig_ask(&rig, &out, "GET /v1/targets/web/drift", buf_text(&head), NULL), 304);
	buf_reset(&head);
	buf_printf(&head, "If-Match: %s\r\n", line);
	assert_int_equal(rig_ask(&rig, &out, "POST /v1/targets/web/accept", buf_text(&head),
				 "{\"reason\":\"r\",\"paths\":[\"/etc/x01\"]}"),
		200);
	assert_int_equal(rig_ask(&rig, &out, "POST /v1/targets/web/accept", buf_text(&head),
				 "{\"reason\":\"r\"}"),
		404);
	assert_int_equal(rig_ask(&rig, &out, "POST /v1/targets/web/accept", buf_text(&head),
				 "{\"reason\":\" \"}"),
		400);
	assert_int_equal(rig_ask(&rig, &out, "POST /v1/targets/db/accept", buf_text(&head),
				 "{\"reason\":\"r\"}"),
		412);
}

/* Pages of seven, put together, are the whole, each path once and in order. */
static void test_pages(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL}, line = {.p = NULL};
	char cursor[128] = "";
	int items = 0, pages = 0;

	for (; pages < 10; pages++) {
		const char *at;

		buf_reset(&line);
		buf_printf(&line, "GET /v1/targets/web/drift?limit=7%s%s",
			*cursor ? "&cursor=" : "", cursor);
		assert_int_equal(rig_ask(&rig, &out, buf_text(&line), NULL, NULL), 200);
		for (at = buf_text(&out); (at = strstr(at, "\"aspects\":")); at++)
			items++;
		at = strstr(buf_text(&out), "\"cursor\":\"");
		if (!at)
			break;
		snprintf(cursor, sizeof(cursor), "%.*s", (int)strcspn(at + 10, "\""), at + 10);
		for (char *c = cursor; (c = strchr(c, '+')); c++)
			*c = ' '; /* '+' in a query is a space; these names have none */
	}
	assert_int_equal(items, N_DRIFT);
	assert_int_equal(pages, 3);
}

static void commit_event(void)
{
	struct change c = {.kind = 'A', .path = span_of("/new")};
	struct target tg;
	struct txn *t;

	assert_int_equal(txn_begin(rig.writer, true, &t), 0);
	assert_int_equal(targets_get(t, rig.web, &tg), 0);
	rig_event(&rig, t, &tg, &c);
	assert_int_equal(txn_commit(t), 0);
	assert_int_equal(door_send(atomic_load(&rig.tick_fd),
				 &(struct door_msg){.op = DOOR_TICK, .value = rig.seq}, NULL, 0),
		0);
}

static void test_follow(void **state UNUSED)
{
	static const char req[] = "GET /v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n"
				  "Accept: text/event-stream\r\nLast-Event-ID: 24\r\n\r\n";
	BUF struct buf out = {.p = NULL}, want = {.p = NULL};
	int fd = rig_connect(&rig);

	assert_int_equal(write(fd, req, sizeof(req) - 1), sizeof(req) - 1);
	rig_read(fd, &out, "id: 25\n", 3000);
	assert_true(rig_has(&out, "text/event-stream"));
	assert_true(rig_has(&out, "id: 25\ndata: {"));
	assert_false(rig_has(&out, "id: 24\n"));
	commit_event();
	buf_printf(&want, "id: %llu\n", (unsigned long long)rig.seq);
	rig_read(fd, &out, buf_text(&want), 3000);
	assert_true(rig_has(&out, buf_text(&want)));
	close(fd);
}

static void test_keep_alive(void **state UNUSED)
{
	static const char req[] =
		"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\nHost: x\r\n\r\n";
	BUF struct buf out = {.p = NULL};
	int fd = rig_connect(&rig);

	assert_int_equal(write(fd, req, sizeof(req) - 1), sizeof(req) - 1);
	rig_read(fd, &out, "not-found", 3000);
	assert_true(rig_has(&out, "200 OK") && rig_has(&out, "404 Not Found"));
	close(fd);
}

static void test_big_chunked_body(void **state UNUSED)
{
	static const char req[] =
		"POST /v1/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	static char chunk[65536 + 16];
	BUF struct buf out = {.p = NULL};
	int fd = rig_connect(&rig);

	assert_int_equal(write(fd, req, sizeof(req) - 1), sizeof(req) - 1);
	memset(chunk, 'x', sizeof(chunk));
	memcpy(chunk, "10000\r\n", 7);
	memcpy(chunk + 7 + 65536, "\r\n", 2);
	for (int i = 0; i < 20; i++)
		(void)!send(fd, chunk, 65536 + 9, MSG_NOSIGNAL);
	(void)!send(fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
	rig_read(fd, &out, "too-large", 3000);
	assert_true(rig_has(&out, "413"));
	close(fd);
}

static void test_many_at_once(void **state UNUSED)
{
	BUF struct buf out = {.p = NULL};
	int fd[70];

	for (size_t i = 0; i < COUNTOF(fd); i++)
		fd[i] = rig_connect(&rig);
	rig_read(fd[69], &out, "too-many", 3000);
	assert_true(rig_has(&out, "HTTP/1.1 429"));
	for (size_t i = 0; i < COUNTOF(fd); i++)
		close(fd[i]);
	/* When it has seen that they are closed. */
	assert_true(rig_until(5000, rig_ask(&rig, &out, "GET /healthz", NULL, NULL) == 200));
	assert_true(rig_has(&out, "HTTP/1.1 200"));
}

static void test_docker_client(void **state UNUSED)
{
	char cmd[1024];

	if (system("command -v docker >/dev/null 2>&1") != 0) {
		print_message("SKIP: no docker client here\n");
		skip();
	}
	snprintf(cmd, sizeof(cmd),
		"docker -H unix://%s diff web | grep -q '^C /etc$' && "
		"docker -H unix://%s diff web | grep -q '^D /etc/x00$' && "
		"docker -H unix://%s ps --format '{{.Names}}' | grep -q '^web$' && "
		"docker -H unix://%s version | grep -q boltseal",
		rig.sock, rig.sock, rig.sock, rig.sock);
	assert_int_equal(system(cmd), 0);
}

static void test_slow_client(void **state UNUSED)
{
	struct gw_limits limits = gw_limits_default;
	struct rig slow;
	BUF struct buf out = {.p = NULL};
	int64_t from = clock_mono();
	int fd;

	limits.request = CLOCK_S;
	rig_start(&slow, false, &limits);
	fd = rig_connect(&slow);
	for (const char *c = "GET /healthz HTTP/1.1\r\nX: yyyyyyyyyyyyyyyyyyyy"; *c; c++) {
		if (send(fd, c, 1, MSG_NOSIGNAL) != 1)
			break;
		usleep(100000);
	}
	rig_read(fd, &out, NULL, 2000);
	assert_true(rig_has(&out, "408"));
	assert_true(clock_mono() - from < 10 * CLOCK_S);
	close(fd);
	/* The sensor is down here: the answers come all the same, and say so. */
	assert_int_equal(rig_ask(&slow, &out, "GET /healthz", NULL, NULL), 503);
	assert_int_equal(rig_ask(&slow, &out, "GET /v1/targets/web/drift", NULL, NULL), 200);
	assert_true(rig_has(&out, "\"sensor\":\"down\""));
	assert_int_equal(rig_ask(&slow, &out, "POST /v1/targets/web/rescan", NULL, ""), 503);
	assert_int_equal(rig_ask(&slow, &out, "GET /v1/status", NULL, NULL), 200);
	rig_stop(&slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
		cmocka_unit_test(test_etag), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_follow), cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_big_chunked_body), cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_docker_client), cmocka_unit_test(test_slow_client)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
