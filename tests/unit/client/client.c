/* The client against a scripted server on a real socket: each row is what the server reads until
 * and what it then says, in pieces with a breath between them. */
#include "boltseal.h"
#include "base/buf.h"
#include "base/fd.h"
#include "tests/unit/client/unit.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS = 6, PIECES = 4 };

struct turn {
	bool fresh;		  /* accept another connection first */
	bool hang_up;		  /* close without reading */
	bool wait;		  /* say nothing until the client is gone */
	const char *says[PIECES]; /* after a whole request came */
	bool close;		  /* then close */
};

struct place {
	char dir[64], path[80];
	int listener;
	pthread_t thread;
	struct turn turns[TURNS];
	pthread_mutex_t lock; /* of what was heard */
	struct buf heard;     /* every request, one after the other */
	struct boltseal *h;
	struct boltseal_reply reply;
};

static void breathe(void)
{
	usleep(2000);
}

/* Until the empty line, then as many bytes as it promised. */
static bool hear(struct place *p, int fd)
{
	BUF struct buf in = {0};
	char c;

	while (in.n < 4 || memcmp(in.p + in.n - 4, "\r\n\r\n", 4) != 0) {
		if (read(fd, &c, 1) != 1)
			return false;
		buf_add(&in, &c, 1);
	}
	if (strstr(buf_text(&in), "Content-Length: ")) {
		long n = atol(strstr(buf_text(&in), "Content-Length: ") + 16);

		while (n-- > 0 && read(fd, &c, 1) == 1)
			buf_add(&in, &c, 1);
	}
	pthread_mutex_lock(&p->lock);
	buf_add_span(&p->heard, buf_span(&in));
	pthread_mutex_unlock(&p->lock);
	return true;
}

static void say(int fd, const char *const *says)
{
	for (int i = 0; i < PIECES && says[i]; i++) {
		send(fd, says[i], strlen(says[i]), MSG_NOSIGNAL);
		breathe();
	}
}

static void *serve(void *arg)
{
	struct place *p = arg;
	FD int fd = -1;
	char c;

	for (int i = 0; i < TURNS; i++) {
		const struct turn *t = &p->turns[i];

		if (!t->says[0] && !t->hang_up && !t->wait && !t->close)
			break;
		if (t->fresh || fd < 0) {
			fd_close(&fd);
			fd = accept(p->listener, NULL, NULL);
		}
		if (!t->hang_up && hear(p, fd))
			say(fd, t->says);
		if (t->wait)
			(void)!read(fd, &c, 1);
		if (t->hang_up || t->close)
			fd_close(&fd);
	}
	return NULL;
}

static struct place *begin(const struct turn *turns, size_t n)
{
	struct place *p = calloc(1, sizeof(*p));
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	pthread_mutex_init(&p->lock, NULL);
	strcpy(p->dir, "/tmp/boltseal-client-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/s", p->dir);
	strcpy(a.sun_path, p->path);
	memcpy(p->turns, turns, n * sizeof(*turns));
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 8), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
	assert_int_equal(boltseal_open(&p->h, p->path), 0);
	return p;
}
#define BEGIN(...) begin((struct turn[]){__VA_ARGS__}, COUNTOF(((struct turn[]){__VA_ARGS__})))

static void end(struct place *p)
{
	boltseal_reply_free(&p->reply);
	boltseal_close(p->h);
	pthread_join(p->thread, NULL);
	close(p->listener);
	unlink(p->path);
	rmdir(p->dir);
	buf_free(&p->heard);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* When the last request's answer or end was seen: nothing more is heard meanwhile. */
static const char *heard(struct place *p)
{
	const char *text;

	pthread_mutex_lock(&p->lock);
	text = buf_text(&p->heard);
	pthread_mutex_unlock(&p->lock);
	return text;
}

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void kept_connection(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {OK_5}}, {.says = {"HTTP/1.1 200 OK\r\nETag: \"x\"\r\n",
							   "Content-Le", "ngth: 2\r\n\r\nh", "i"}});

	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	assert_int_equal(p->reply.status, 200);
	assert_string_equal(p->reply.body, "hello");
	assert_string_equal(p->reply.etag, "");
	assert_int_equal(boltseal_doctor(p->h, &p->reply), 0);
	assert_string_equal(p->reply.body, "hi");
	assert_int_equal(p->reply.body_len, 2);
	assert_string_equal(p->reply.etag, "x");
	end(p);
}

/* It was closed while idle: nobody needs to know. */
static void asked_again(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {OK_5}, .close = true}, {.fresh = true, .says = {OK_5}});

	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	breathe();
	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	assert_string_equal(p->reply.body, "hello");
	end(p);
}

/* But what acts is never sent twice. */
static void never_twice(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {OK_5}}, {.fresh = true, .close = true});

	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	assert_int_equal(boltseal_verify(p->h, "web", &p->reply), -EPROTO);
	assert_non_null(strstr(boltseal_why(p->h), "before an answer came"));
	assert_null(strstr(strstr(heard(p), "POST") + 1, "POST"));
	end(p);
}

static void broken(const struct turn *turn, int code, const char *why)
{
	struct place *p = begin(turn, 1);

	assert_int_equal(boltseal_status(p->h, &p->reply), code);
	assert_non_null(strstr(boltseal_why(p->h), why));
	assert_null(p->reply.body);
	end(p);
}

static void broken_answers(void **state UNUSED)
{
	broken(&(struct turn){.hang_up = true}, -EPROTO,
		"before an answer came: `boltseal doctor` tells why");
	broken(&(struct turn){.close = true}, -EPROTO, "before an answer came");
	broken(&(struct turn){.says = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "hel"},
		       .close = true},
		-EPROTO, "broke off");
	broken(&(struct turn){.says = {CHUNKED "5\r\nhello\r\n"}, .close = true}, -EPROTO,
		"broke off");
	broken(&(struct turn){.says = {"220 mail.example ESMTP\r\n"}, .close = true}, -EPROTO,
		"not HTTP");
}

static void silence(void **state UNUSED)
{
	struct place *p = BEGIN({.wait = true});

	boltseal_patience(p->h, 50);
	assert_int_equal(boltseal_status(p->h, &p->reply), -ETIMEDOUT);
	end(p);
}

static void not_modified(void **state UNUSED)
{
	struct place *p = BEGIN(
		{.says = {"HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n"}}, {.says = {OK_5}});
	struct boltseal_drift_ask ask = {.if_none_match = "abc", .limit = 7};

	assert_int_equal(boltseal_drift(p->h, "web", &ask, &p->reply), 0);
	assert_int_equal(p->reply.status, 304);
	assert_string_equal(p->reply.etag, "abc");
	assert_string_equal(p->reply.body, "");
	assert_non_null(strstr(heard(p), "If-None-Match: \"abc\"\r\n"));
	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	end(p);
}

static void unreachable(void **state UNUSED)
{
	static const char *const paths[] = {"/nonexistent/boltseal.sock", "", NULL};
	struct boltseal_reply reply = {0};
	struct boltseal *h;
	char longer[200];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = 0;
	for (size_t i = 0; i < 3; i++) {
		const char *path = paths[i] ? paths[i] : longer;

		assert_int_equal(boltseal_open(&h, path), 0);
		assert_true(boltseal_status(h, &reply) < 0);
		assert_non_null(strstr(boltseal_why(h), "cannot reach boltseald at "));
		boltseal_close(h);
	}
	boltseal_close(NULL);
}

static void nobody_listens(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {NULL}});

	pthread_join(p->thread, NULL);
	close(p->listener);
	assert_int_equal(boltseal_status(p->h, &p->reply), -ECONNREFUSED);
	assert_non_null(
		strstr(boltseal_why(p->h), "is it running? `systemctl start boltseald` starts it"));
	boltseal_close(p->h);
	unlink(p->path);
	rmdir(p->dir);
	free(p);
}

/* The kernel asks for the right to write to the socket's file; root has every right. */
static void not_allowed(void **state UNUSED)
{
	struct place *p;

	if (geteuid() == 0)
		skip();
	p = BEGIN({.says = {NULL}});
	chmod(p->path, 0);
	assert_int_equal(boltseal_status(p->h, &p->reply), -EACCES);
	assert_non_null(strstr(boltseal_why(p->h), "join the group boltseal"));
	end(p);
}

static void what_is_sent(void **state UNUSED)
{
	struct place *p =
		BEGIN({.says = {OK_5}}, {.says = {OK_5}}, {.fresh = true, .says = {OK_5}});
	static const char *const paths[] = {"/etc/a b", "/x\xff"};
	struct boltseal_drift_ask ask = {.paths = paths, .n_paths = 2, .against = "gen:3"};

	assert_int_equal(boltseal_file(p->h, "../a&b", "/a?b=\xff#%", &p->reply), 0);
	assert_int_equal(boltseal_drift(p->h, "web", &ask, &p->reply), 0);
	assert_int_equal(boltseal_accept(p->h, "web", "ab\"c", paths, 2, "why \"so\"\n",
				 "2030-01-01T00:00:00Z", &p->reply),
		0);
	assert_non_null(strstr(heard(p),
		"GET /v1/targets/..%2Fa%26b/file?path=%2Fa%3Fb%3D%FF%23%25 HTTP/1.1\r\n"));
	assert_non_null(strstr(heard(p), "GET /v1/targets/web/drift?path=%2Fetc%2Fa%20b&"
					 "path=%2Fx%FF&against=gen%3A3 HTTP/1.1\r\n"));
	assert_non_null(strstr(heard(p), "If-Match: \"ab%22c\"\r\n"));
	assert_non_null(strstr(heard(p),
		"{\"expires\":\"2030-01-01T00:00:00Z\",\"paths\":[\"/etc/a b\"],\"paths_b64\":["
		"\"L3j/\"],\"reason\":\"why \\\"so\\\"\\n\"}"));
	end(p);
}

static void injection(void **state UNUSED)
{
	struct boltseal_reply reply = {0};
	struct boltseal *h;

	assert_int_equal(boltseal_open(&h, "/nonexistent"), 0);
	assert_int_equal(boltseal_request(h, "GET", "/a\r\nX: y", NULL, NULL, &reply), -EINVAL);
	assert_int_equal(boltseal_request(h, "GET", "/a b", NULL, NULL, &reply), -EINVAL);
	assert_int_equal(boltseal_request(h, "GET", "a", NULL, NULL, &reply), -EINVAL);
	assert_int_equal(boltseal_request(h, "GET", "/", (const char *const[]){"A: b\nC: d", NULL},
				 NULL, &reply),
		-EINVAL);
	assert_null(strchr(boltseal_why(h), '\n'));
	boltseal_close(h);
}

struct lines {
	struct buf text;
	int stop_after;
};

static int on_line(void *arg, const char *line, size_t n)
{
	struct lines *l = arg;

	buf_add(&l->text, line, n);
	buf_add_text(&l->text, "|");
	return l->stop_after && --l->stop_after == 0 ? 42 : 0;
}

static void streams(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {CHUNKED "4\r\none\n\r\n", "3\r\ntwo\r\n",
					 "8\r\n\r\n\nthree\r\n", "0\r\n\r\n"}},
		{.says = {OK_5}});
	struct lines l = {0};

	assert_int_equal(boltseal_events(p->h, &(struct boltseal_event_ask){.follow = 1}, on_line,
				 &l, &p->reply),
		0);
	assert_string_equal(buf_text(&l.text), "one|two|three|");
	assert_string_equal(p->reply.body, "");
	assert_non_null(strstr(heard(p), "Accept: application/x-ndjson\r\n"));
	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	buf_free(&l.text);
	end(p);
}

static void stream_stopped(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {CHUNKED "8\r\none\ntwo\n\r\n"}, .wait = true},
		{.fresh = true, .says = {OK_5}});
	struct lines l = {.stop_after = 1};

	assert_int_equal(
		boltseal_events(p->h, &(struct boltseal_event_ask){0}, on_line, &l, &p->reply), 42);
	assert_string_equal(buf_text(&l.text), "one|");
	assert_int_equal(boltseal_status(p->h, &p->reply), 0);
	buf_free(&l.text);
	end(p);
}

static void stream_broken(void **state UNUSED)
{
	struct place *p = BEGIN({.says = {CHUNKED "4\r\none\n\r\n"}, .close = true});
	struct lines l = {0};

	assert_int_equal(
		boltseal_events(p->h, &(struct boltseal_event_ask){0}, on_line, &l, &p->reply),
		-EPROTO);
	assert_string_equal(buf_text(&l.text), "one|");
	buf_free(&l.text);
	end(p);
}

/* An error is no line of the stream. */
static void stream_refused(void **state UNUSED)
{
	struct place *p =
		BEGIN({.says = {"HTTP/1.1 404 Not Found\r\nContent-Type: "
				"application/problem+json\r\nContent-Length: 2\r\n\r\n{}"}});
	struct lines l = {0};

	assert_int_equal(boltseal_rescan(p->h, "nosuch", "/etc", on_line, &l, &p->reply), 0);
	assert_int_equal(p->reply.status, 404);
	assert_string_equal(p->reply.body, "{}");
	assert_string_equal(p->reply.content_type, "application/problem+json");
	assert_int_equal(l.text.n, 0);
	assert_non_null(strstr(heard(p), "\r\n\r\n{\"path\":\"/etc\"}"));
	end(p);
}

/* From outside, when nobody answers; it asks nobody. */
static void examined(void **state UNUSED)
{
	struct boltseal_reply reply = {.status = 0};
	struct boltseal *h;

	assert_int_equal(boltseal_open(&h, "/nonexistent/s"), 0);
	assert_int_equal(boltseal_examine(h, &reply), 0);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, "application/json");
	assert_non_null(strstr(reply.body, "\"id\":\"socket\",\"scope\":\"gateway\",\"severity\":"
					   "\"problem\""));
	assert_non_null(strstr(reply.body, "there is no such socket"));
	assert_null(strstr(reply.body, "/var/lib/boltseal")); /* of another daemon's */
	assert_int_equal(reply.body_len, strlen(reply.body));
	assert_int_equal(boltseal_examine(h, &reply), 0); /* what was in it is freed */
	boltseal_reply_free(&reply);
	boltseal_close(h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_connection),
		cmocka_unit_test(asked_again),
		cmocka_unit_test(never_twice),
		cmocka_unit_test(broken_answers),
		cmocka_unit_test(silence),
		cmocka_unit_test(not_modified),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(not_allowed),
		cmocka_unit_test(what_is_sent),
		cmocka_unit_test(injection),
		cmocka_unit_test(streams),
		cmocka_unit_test(stream_stopped),
		cmocka_unit_test(stream_broken),
		cmocka_unit_test(stream_refused),
		cmocka_unit_test(examined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
