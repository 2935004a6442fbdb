/* The reader of answers, from memory: whole, and a byte at a time, must give the same. */
#include "client/http.h"
#include "tests/unit/client/unit.h"
#include <stdio.h>

enum end { WHOLE, AT_EOF, BROKEN, HUGE_ };

static const struct {
	const char *name;
	struct span in;
	enum end end;
	int status;
	const char *body, *etag, *type;
	bool keep;
	size_t left; /* bytes that are not this answer's */
} rows[] = {
	{"length", ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), WHOLE, 200, "hello",
		"", "", true, 0},
	{"length nought", ROW("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"), WHOLE, 200, "", "",
		"", true, 0},
	{"more than its own", ROW("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP"), WHOLE, 200,
		"hi", "", "", true, 4},
	{"no reason phrase", ROW("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"), WHOLE, 200, "x", "",
		"", true, 0},
	{"bare line feeds", ROW("HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), WHOLE, 200, "x", "", "",
		true, 0},
	{"close", ROW("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx"), WHOLE,
		200, "x", "", "", false, 0},
	{"1.0", ROW("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"), WHOLE, 200, "x", "", "",
		false, 0},
	{"to the end", ROW("HTTP/1.1 200 OK\r\n\r\nall of it"), AT_EOF, 200, "all of it", "", "",
		false, 0},
	{"chunks",
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\n\r\n"),
		WHOLE, 200, "hello, world!!!", "", "", true, 0},
	{"chunks, trailer",
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
		    "1\r\nx\r\n0\r\nX: y\r\n\r\n"),
		WHOLE, 200, "x", "", "", true, 0},
	{"304", ROW("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\nContent-Length: 99\r\n\r\n"),
		WHOLE, 304, "", "abc", "", true, 0},
	{"204", ROW("HTTP/1.1 204 No Content\r\n\r\n"), WHOLE, 204, "", "", "", true, 0},
	{"100 first",
		ROW("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
		WHOLE, 200, "x", "", "", true, 0},
	{"headers",
		ROW("HTTP/1.1 200 OK\r\nETAG:  W/\"a b\" \r\ncontent-type: application/json ; "
		    "charset=utf-8\r\nX-Other: \x01\r\nContent-Length: 0\r\n\r\n"),
		WHOLE, 200, "", "a b", "application/json", true, 0},
	{"weak, bare", ROW("HTTP/1.1 200 OK\r\nETag: abc\r\nContent-Length: 0\r\n\r\n"), WHOLE, 200,
		"", "abc", "", true, 0},

	{"nothing", ROW(""), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"cut head", ROW("HTTP/1.1 200 OK\r\nContent-"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"cut body", ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), BROKEN, 0, NULL, NULL,
		NULL, false, 0},
	{"cut chunk", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), BROKEN,
		0, NULL, NULL, NULL, false, 0},
	{"no last chunk", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
		BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"garbage", ROW("SSH-2.0-OpenSSH_9.2p1\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"garbage status", ROW("HTTP/1.1 2000 OK\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"status 099", ROW("HTTP/1.1 099 OK\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"signed status", ROW("HTTP/1.1 +20 OK\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"HTTP/2", ROW("HTTP/2.0 200 OK\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"NUL", ROW("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"folded", ROW("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false,
		0},
	{"no colon", ROW("HTTP/1.1 200 OK\r\nwhat\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"space, colon", ROW("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx"), BROKEN, 0, NULL,
		NULL, NULL, false, 0},
	{"no name", ROW("HTTP/1.1 200 OK\r\n: x\r\n\r\n"), BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"two lengths", ROW("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
		BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"two framings",
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n"),
		BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"negative length", ROW("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), BROKEN, 0, NULL,
		NULL, NULL, false, 0},
	{"gzip", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), BROKEN, 0,
		NULL, NULL, NULL, false, 0},
	{"chunk's size", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), BROKEN,
		0, NULL, NULL, NULL, false, 0},
	{"negative chunk", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
		BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"chunk too long", ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"),
		BROKEN, 0, NULL, NULL, NULL, false, 0},
	{"tag with ESC", ROW("HTTP/1.1 200 OK\r\nETag: \"\x1b[2J\"\r\n\r\n"), BROKEN, 0, NULL, NULL,
		NULL, false, 0},
	{"length over all bounds", ROW("HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n"),
		HUGE_, 0, NULL, NULL, NULL, false, 0},
	{"chunk over all bounds",
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "ffffffffffffffffff\r\n"),
		HUGE_, 0, NULL, NULL, NULL, false, 0},
	{"chunk over the limit",
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "fffffffffffffff\r\n"),
		HUGE_, 0, NULL, NULL, NULL, false, 0},
};

static int feed(struct http *h, struct span in, size_t piece, struct buf *body, size_t *left)
{
	int r = 0;

	for (size_t i = 0; i < in.n && r == 0; i += piece) {
		struct span part = span_make(in.p + i, in.n - i < piece ? in.n - i : piece);

		r = http_feed(h, &part, body);
		*left = part.n + (in.n - i < piece ? 0 : in.n - i - piece);
	}
	return r;
}

static bool is_as_told(size_t i, int r, struct http *h, const struct buf *body, size_t left)
{
	if (rows[i].end == HUGE_)
		return r == -EFBIG;
	if (rows[i].end == BROKEN)
		return (r < 0 ? r : http_eof(h)) == -EPROTO;
	if (r != (rows[i].end == WHOLE ? HTTP_DONE : 0) || (r == 0 && http_eof(h)))
		return false;
	return h->status == rows[i].status && strcmp(buf_text(body), rows[i].body) == 0 &&
	       strcmp(buf_text(&h->etag), rows[i].etag) == 0 &&
	       strcmp(buf_text(&h->type), rows[i].type) == 0 && h->keep == rows[i].keep &&
	       left == rows[i].left;
}

static void answers(void **state UNUSED)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, 4096};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t k = 0; k < COUNTOF(pieces); k++) {
			HTTP struct http h = {.max = HTTP_BODY_MAX};
			BUF struct buf body = {0};
			size_t left = 0;
			int r = feed(&h, rows[i].in, pieces[k], &body, &left);

			if (!is_as_told(i, r, &h, &body, left))
				fail_msg("%s, in pieces of %zu: %d, status %d, body \"%s\"",
					rows[i].name, pieces[k], r, h.status, buf_text(&body));
		}
	}
}

static void huge_head(void **state UNUSED)
{
	HTTP struct http h = {0};
	BUF struct buf in = {0}, body = {0};
	struct span s;

	buf_add_text(&in, "HTTP/1.1 200 OK\r\n");
	while (in.n < 2 * HTTP_HEAD_MAX)
		buf_add_text(&in, "X-Filler: is it ever going to end?\r\n");
	s = buf_span(&in);
	assert_int_equal(http_feed(&h, &s, &body), -EFBIG);
	assert_non_null(strstr(err_why(), "64 KiB"));
}

static void endless_line(void **state UNUSED)
{
	HTTP struct http h = {0};
	BUF struct buf body = {0};
	int r = 0;

	for (size_t n = 0; r == 0 && n <= HTTP_HEAD_MAX; n++) {
		struct span s = span_of("x");

		r = http_feed(&h, &s, &body);
	}
	assert_int_equal(r, -EFBIG);
}

/* A stream of many small chunks is no long head. */
static void many_chunks(void **state UNUSED)
{
	HTTP struct http h = {0};
	BUF struct buf body = {0};
	struct span s = span_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

	assert_int_equal(http_feed(&h, &s, &body), 0);
	for (int i = 0; i < 100000; i++) {
		s = span_of("1\r\nx\r\n");
		assert_int_equal(http_feed(&h, &s, &body), 0);
	}
	assert_int_equal(body.n, 100000);
}

static void head_has_no_body(void **state UNUSED)
{
	HTTP struct http h = {.headless = true};
	BUF struct buf body = {0};
	struct span s = span_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");

	assert_int_equal(http_feed(&h, &s, &body), HTTP_DONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(huge_head),
		cmocka_unit_test(endless_line),
		cmocka_unit_test(many_chunks),
		cmocka_unit_test(head_has_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
