/* The log into a pipe: prefixes, tame bytes, and lines that are dropped when nobody reads. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/log.h"
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Standard error is the pipe while a test runs. */
struct capture {
	int saved, out;
};

static void capture_on(struct capture *c, int p[2])
{
	c->saved = dup(STDERR_FILENO);
	c->out = p[0];
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
}

static void capture_off(struct capture *c, char *text, size_t room)
{
	size_t n = 0;
	ssize_t r;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	log_init("", LOG_LEVEL_NOTE);
	while (n < room - 1 && (r = read(c->out, text + n, room - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = 0;
	close(c->out);
}

static void lines(void **state)
{
	struct capture c;
	char text[8192], big[5000];
	int p[2];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(pipe(p), 0);
	capture_on(&c, p);
	log_init("sensor", LOG_LEVEL_INFO);
	errno = 77;
	log_err("a %d", 1);
	assert_int_equal(errno, 77);
	log_debug("not this");
	log_info("b\nc\x1b[0m");
	log_warn("%s", big);
	capture_off(&c, text, sizeof(text));
	assert_memory_equal(text, "<3>sensor: a 1\n<6>sensor: b?c?[0m\n<4>sensor: xxx", 48);
	assert_in_range(strlen(text), 2000, 2200);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void nobody_reads(void **state)
{
	static char text[1 << 20];
	struct capture c;
	int64_t begin = clock_mono();
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	capture_on(&c, p);
	log_init("s", LOG_LEVEL_NOTE);
	for (int i = 0; i < 10000; i++)
		log_err("line %d of many, many, many, many, many, many, many, many, many", i);
	assert_true(clock_mono() - begin < 5 * CLOCK_S);
	assert_true(read(c.out, text, 16384) == 16384);
	log_err("the last");
	capture_off(&c, text, sizeof(text));
	assert_non_null(strstr(text, "lines of this log were dropped\n<3>s: the last\n"));
}

static void into_a_socket(void **state)
{
	struct capture c;
	char text[256];
	int p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	capture_on(&c, p);
	log_init(NULL, LOG_LEVEL_NOTE);
	log_note("hello");
	capture_off(&c, text, sizeof(text));
	assert_string_equal(text, "<5>hello\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(nobody_reads),
		cmocka_unit_test(into_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
