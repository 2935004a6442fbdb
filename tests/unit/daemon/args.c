/* The command line, and what it makes of the configuration. */
#include "unit.h"
#include "daemon/daemon.h"
#include <stdio.h>
#include <unistd.h>

static int parse(struct daemon_args *ret, const char *line)
{
	static char copy[256];
	char *argv[16] = {(char *)"boltseald"};
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return args_parse(argc, argv, ret);
}

static void good(void **state)
{
	struct daemon_args a;

	(void)state;
	ok(parse(&a, ""));
	assert_int_equal(a.run, ROLE_RUN_BOTH);
	assert_null(a.config_file);
	ok(parse(&a, "--config c.yaml sensor --state-dir=/s -v --socket /x"));
	assert_int_equal(a.run, ROLE_RUN_SENSOR);
	assert_string_equal(a.config_file, "c.yaml");
	assert_string_equal(a.state_dir, "/s");
	assert_string_equal(a.socket, "/x");
	assert_true(a.verbose);
	ok(parse(&a, "gateway --check-config"));
	assert_int_equal(a.run, ROLE_RUN_GATEWAY);
	assert_true(a.check_config);
	assert_false(a.store_format);
	ok(parse(&a, "--store-format --state-dir /s"));
	assert_true(a.store_format);
	ok(parse(&a, "gateway --check-config"));
	assert_false(a.verbose);
}

static void bad(void **state)
{
	static const char *const rows[][2] = {
		{"--cofig x", "unknown option --cofig, see boltseald --help"},
		{"-x", "unknown option -x, see boltseald --help"},
		{"--config", "--config needs a value, see boltseald --help"},
		{"--config=", "--config needs a path, see boltseald --help"},
		{"--verbose=3", "--verbose=3: it takes no value, see boltseald --help"},
		{"serve", "unknown role serve, allowed sensor or gateway"},
		{"sensor gateway", "unexpected gateway, see boltseald --help"},
	};
	struct daemon_args a;

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		assert_int_equal(parse(&a, rows[i][0]), -EINVAL);
		assert_string_equal(err_why(), rows[i][1]);
	}
}

static void told(void **state)
{
	struct daemon_args a;

	(void)state;
	assert_int_equal(parse(&a, "--help nonsense"), ARGS_DONE);
	assert_int_equal(parse(&a, "--version"), ARGS_DONE);
}

static void over_the_file(void **state)
{
	struct daemon_args a = {.state_dir = "st", .socket = "/tmp/x/s.sock", .verbose = true};
	CONFIG struct config *c = NULL;
	BUF struct buf door = {0};

	(void)state;
	ok(daemon_config(&a, &c));
	assert_int_equal(c->state_dir[0], '/');
	assert_string_equal(strrchr(c->state_dir, '/'), "/st");
	assert_string_equal(c->socket, "/tmp/x/s.sock");
	assert_int_equal(c->log_level, CONFIG_LOG_DEBUG);
	ok(daemon_door_path(c, &door));
	assert_string_equal(buf_text(&door), "/tmp/x/door.sock");
}

static void too_long(void **state)
{
	char path[110];
	struct daemon_args a = {.socket = path};
	CONFIG struct config *c = NULL;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[108] = 0;
	assert_int_equal(daemon_config(&a, &c), -ENAMETOOLONG);
	path[100] = '/'; /* the socket fits, the door would not */
	path[103] = 0;
	assert_int_equal(daemon_config(&a, &c), -ENAMETOOLONG);
	assert_null(c);
}

static void checked(void **state)
{
	struct daemon_args a = {.config_file = "tests/gold/config/full.yaml", .verbose = true};

	(void)state;
	assert_int_equal(daemon_check_config(&a), 0);
	a.config_file = "tests/gold/config/unknown-key.yaml";
	assert_int_equal(daemon_check_config(&a), 2);
	a.config_file = "/nowhere.yaml";
	assert_int_equal(daemon_check_config(&a), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(told),
		cmocka_unit_test(over_the_file),
		cmocka_unit_test(too_long),
		cmocka_unit_test(checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
