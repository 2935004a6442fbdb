/* What a configuration says, and what is refused and where. The gold files hold one case each. */
#include "unit.h"
#include "base/clock.h"
#include "daemon/config.h"
#include "daemon/config_schema.h"
#include "wire/finding.h"
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

static void parse(const char *text, struct config **ret)
{
	ok(config_parse(ret, "t.yaml", span_of(text)));
}

static void refused(struct span text, const char *why)
{
	CONFIG struct config *c = NULL;

	assert_int_equal(config_parse(&c, "t.yaml", text), -EINVAL);
	assert_null(c);
	assert_string_equal(err_why(), why);
}

static void defaults(void **state)
{
	CONFIG struct config *c = NULL;

	(void)state;
	ok(config_load(&c, NULL, false));
	assert_null(c->file);
	assert_string_equal(c->state_dir, "/var/lib/boltseal");
	assert_string_equal(c->socket, "/run/boltseal/boltseal.sock");
	assert_int_equal(c->log_level, CONFIG_LOG_NOTE);
	assert_int_equal(c->level, LEVEL_NONE);
	assert_int_equal(c->debounce, 50 * CLOCK_MS);
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->queue_size, 65536);
	assert_int_equal(c->hash_max_bytes, UINT64_C(4) << 30);
	assert_int_equal(c->map_limit, UINT64_C(1) << 40);
	assert_int_equal(c->keep_journal, 90 * 86400 * CLOCK_S);
	assert_true(c->volumes_watch);
	assert_int_equal(c->n_host, 0);
	assert_int_equal(c->withhold.n, 10);
	assert_null(c->withhold.v[10]);
	assert_int_equal(c->n_roles, 2);
	assert_int_equal(c->roles[0].role, ROLE_ADMIN);
	assert_string_equal(c->roles[0].users.v[0], "0");
	assert_int_equal(c->roles[1].role, ROLE_VIEWER);
	assert_string_equal(c->roles[1].groups.v[0], "boltseal");
}

static void values(void **state)
{
	CONFIG struct config *c = NULL;

	(void)state;
	parse("host:\n- path: /etc\n- {name: b, path: /usr, exclude: [/share/**]}\n"
	      "watch: {level: L2, debounce: 30s, workers: 3, sweep_interval: 0}\n"
	      "volumes: {watch: false, max_bytes: 10MiB}\nlimits:\n"
	      "roles: [{role: operator, users: [a, 7], labels: [env=prod*], in_container: true}]\n",
		&c);
	assert_int_equal(c->n_host, 2);
	assert_string_equal(c->host[0].name, "/etc");
	assert_string_equal(c->host[1].exclude.v[0], "/share/**");
	assert_int_equal(c->level, LEVEL_L2);
	assert_int_equal(c->debounce, 30 * CLOCK_S);
	assert_int_equal(c->sweep_interval, 0);
	assert_int_equal(c->volumes_max_bytes, 10 << 20);
	assert_false(c->volumes_watch);
	assert_int_equal(c->n_roles, 1);
	assert_int_equal(c->roles[0].role, ROLE_OPERATOR);
	assert_string_equal(c->roles[0].users.v[1], "7");
	assert_true(c->roles[0].in_container);
}

static void empty_forms(void **state)
{
	static const char *const forms[] = {"", "\n\n", "# words\n", "---\n", "---\n...\n", "~\n",
		"\xef\xbb\xbf", "\xef\xbb\xbflog:\n"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(forms); i++) {
		CONFIG struct config *c = NULL;

		parse(forms[i], &c);
	}
}

/* Printing and reading again gives the same print, for every value that is hard to write. */
static void round_trip(void **state)
{
	static const char *const texts[] = {"",
		"state_dir: \"/a\\u0085\\u2028\\x7f\\\"\\\\\\n\\U0001F600\\u202e\\ufeff\\uffff\"\n",
		"withhold: []\n", "roles: []\n",
		"watch: {debounce: 1ms, sweep_interval: 8h30m1ms}\nvolumes: {max_bytes: 1025}\n",
		"host: [{path: /a, exclude: ['*', \"\\e(31m\"]}, {path: /b}]\n"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		CONFIG struct config *a = NULL, *b = NULL;
		BUF struct buf first = {0}, second = {0};

		parse(texts[i], &a);
		config_print(a, &first);
		ok(config_parse(&b, "print", buf_span(&first)));
		config_print(b, &second);
		assert_string_equal(buf_text(&first), buf_text(&second));
		for (size_t j = 0; j < first.n; j++)
			assert_true(
				first.p[j] == '\n' || (first.p[j] >= 0x20 && first.p[j] != 0x7f));
	}
}

static void hostile_bytes(void **state)
{
	BUF struct buf big = {0};

	(void)state;
	refused(span_make("log:\n  \0x", 9), "t.yaml:2:3: a NUL byte");
	refused(span_of("log: {}\nh\xc3\xa9\xff"), "t.yaml:2:3: not UTF-8");
	refused(span_of("a\x01"), "t.yaml:1:2: not YAML: control characters are not allowed");
	refused(span_of("state_dir: \"/a\\0b\"\n"),
		"t.yaml:1:12: state_dir: \"/a\\000b\": holds a NUL byte");
	for (int i = 0; i <= 1 << 20; i++)
		buf_u8(&big, '\n');
	refused(buf_span(&big), "t.yaml:1:1: larger than 1 MiB");
}

static void depth(void **state)
{
	BUF struct buf deep = {0};

	(void)state;
	buf_add_text(&deep, "withhold: ");
	for (int i = 0; i < 100000; i++)
		buf_u8(&deep, '[');
	refused(buf_span(&deep), "t.yaml:1:26: nested too deeply, allowed 16 levels");
}

static void loading(void **state)
{
	CONFIG struct config *c = NULL, *d = NULL;
	char path[] = "/tmp/boltseal-config-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	ok(config_load(&c, "/nowhere/boltseal.yaml", false));
	assert_null(c->file);
	assert_int_equal(config_load(&d, "/nowhere/boltseal.yaml", true), -ENOENT);
	assert_string_equal(err_why(),
		"the configuration cannot be read: /nowhere/boltseal.yaml: No such file or directory");
	assert_int_equal(config_load(&d, "/dev/null", true), -EINVAL);
	assert_true(fd >= 0);
	ok(fd_write_all(fd, "group: ops\n", 11));
	ok(config_load(&d, path, true));
	assert_string_equal(d->file, path);
	assert_string_equal(d->group, "ops");
	close(fd);
	unlink(path);
}

/* tests/gold/config/NAME.yaml has NAME.err, the sentence, or NAME.ok, what is printed. UPDATE=1
 * writes what is, to be looked at before it is believed. */
/* A word like watch.queue whose first part is a section of ours is a key of ours, or a mistake. */
static size_t advised_keys(const char *text, const char *of)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_.";
	size_t found = 0;

	for (size_t n; *text; text += n ? n : 1) {
		const char *dot = memchr(text, '.', n = strspn(text, letters));
		size_t len = n;

		while (len && text[len - 1] == '.') /* a sentence's end */
			len--;
		if (!dot || dot >= text + len ||
			!option_is_section(span_make(text, (size_t)(dot - text))))
			continue;
		if (!option_find(span_make(text, len)))
			fail_msg("%s: there is no key %.*s", of, (int)len, text);
		found++;
	}
	return found;
}

static void advice_names_keys(void **state)
{
	size_t n = 0;

	(void)state;
	for (int i = 0; i < CHECK_N; i++)
		n += advised_keys(check_rows[i].costs, check_rows[i].word) +
		     advised_keys(check_rows[i].todo, check_rows[i].word);
	assert_true(n >= 5);
}

static void gold_one(const char *yaml)
{
	CONFIG struct config *c = NULL;
	BUF struct buf text = {0}, got = {0}, want = {0}, name = {0};
	const char *base = strrchr(yaml, '/') + 1;
	int r;

	slurp(yaml, &text);
	r = config_parse(&c, base, buf_span(&text));
	if (r < 0)
		buf_printf(&got, "%s\n", err_why());
	else
		config_print(c, &got);
	buf_printf(&name, "%.*s%s", (int)strlen(yaml) - 4, yaml, r < 0 ? "err" : "ok");
	if (getenv("UPDATE"))
		ok(fd_write_file(buf_text(&name), buf_span(&got), 0644));
	slurp(buf_text(&name), &want);
	if (!span_eq(buf_span(&got), buf_span(&want)))
		fail_msg("%s:\n%s", buf_text(&name), buf_text(&got));
}

static void gold(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob("tests/gold/config/*.yaml", 0, NULL, &g), 0);
	assert_true(g.gl_pathc > 20);
	for (size_t i = 0; i < g.gl_pathc; i++)
		gold_one(g.gl_pathv[i]);
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(empty_forms),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(depth),
		cmocka_unit_test(loading),
		cmocka_unit_test(advice_names_keys),
		cmocka_unit_test(gold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
