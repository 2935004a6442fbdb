#include "base/glob.h"
#include "base/clock.h"
#include "tests/unit/base/unit.h"

static const struct {
	const char *pattern, *path;
	bool want;
} table[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "a", true},
	{"a", "ab", false},
	{"ab", "a", false},
	{"?", "a", true},
	{"?", "", false},
	{"?", "/", false},
	{"*", "", true},
	{"*", "abc", true},
	{"*", "a/b", false},
	{"/etc/*", "/etc/passwd", true},
	{"/etc/*", "/etc/ssh/x", false},
	{"/etc/*", "/etc", false},
	{"/*/x", "/a/x", true},
	{"/*/x", "/a/b/x", false},
	{"*.log", ".log", true},
	{"*.log", "a.log.log", true},
	{"*.log", "a.logs", false},
	{"*a*b*c", "xaxbxbxc", true},
	{"*a*b*c", "xaxcxb", false},
	{"**", "", true},
	{"**", "/a/b", true},
	{"a/**", "a/b", true},
	{"a/**", "a/b/c/d", true},
	{"a/**", "a", false},
	{"a/**", "ab/c", false},
	{"/var/log/**", "/var/log/a/b", true},
	{"/var/log/**", "/var/logs/a", false},
	{"**/x", "x", true},
	{"**/x", "/x", true},
	{"**/x", "a/b/x", true},
	{"**/x", "/a/b/x", true},
	{"**/x", "ax", false},
	{"**/x", "a/x/b", false},
	{"**/x*", "a/xy", true},
	{"**/x*", "a/yx", false},
	{"a/**/b", "a/b", true},
	{"a/**/b", "a/x/b", true},
	{"a/**/b", "a/x/y/b", true},
	{"a/**/b", "a/xb", false},
	{"a/**/b", "ab", false},
	{"a**/b", "a/b", true},
	{"a**/b", "axy/z/b", true},
	{"a**/b", "ab", false},
	{"/usr/**.so", "/usr/lib/a.so", true},
	{"/usr/**.so", "/usr/.so", true},
	{"**/*.so.*/**", "/l/a.so.1/x", true},
	{"**/*.so.*/**", "/l/a.so/x", false},
	{"**/a/**/b", "x/a/y/a/z/b", true},
	{"**/a*/b", "a1/c/a2/b", true},
	{"***", "a/b", true},
	{"/**/**/x", "/x", true},
	{"[a-c]x", "bx", true},
	{"[a-c]x", "dx", false},
	{"[!a-c]x", "dx", true},
	{"[!a-c]x", "bx", false},
	{"[^a-c]x", "bx", false},
	{"a[!b]c", "a/c", false},
	{"[/]", "/", false},
	{"[]]", "]", true},
	{"[!]]", "]", false},
	{"[]-a]", "^", true},
	{"[a-]", "-", true},
	{"[a\\]b]", "]", true},
	{"[\\a-\\c]", "b", true},
	{"[z-a]", "m", false},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"a\\?b", "a?b", true},
	{"a\\?b", "axb", false},
	{"\\a", "a", true},
	/* what cannot be used matches nothing, and is not read beyond its end */
	{"[a", "a", false},
	{"[", "[", false},
	{"[!", "a", false},
	{"[a-", "a", false},
	{"[\\", "\\", false},
	{"a\\", "a\\", false},
	{"\\", "", false},
};

static void matching(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(table); i++) {
		struct span pattern = exact_copy(span_of(table[i].pattern));
		struct span path = exact_copy(span_of(table[i].path));

		if (glob_match(pattern, path) != table[i].want)
			fail_msg("%s on %s", table[i].pattern, table[i].path);
		exact_free(pattern);
		exact_free(path);
	}
}

static void bytes_need_not_be_text(void **state UNUSED)
{
	assert_true(glob_match(LIT("/x/?"), LIT("/x/\xff")));
	assert_true(glob_match(LIT("[\x80-\xff]"), LIT("\xc3")));
	assert_false(glob_match(LIT("[!\x80-\xff]"), LIT("\xc3")));
	assert_true(glob_match(LIT("*"), LIT("\n\x1b\xff")));
}

static void checking(void **state UNUSED)
{
	static const char *const good[] = {"", "a", "**/x", "[]]", "[!]]", "\\[", "[a\\]]", "\\\\"};
	static const char *const bad[] = {
		"[", "a[b", "[]", "[!]", "[a\\]", "\\", "a\\", "\\\\\\", "[!", "[a-"};

	for (size_t i = 0; i < COUNTOF(good); i++)
		assert_int_equal(glob_check(span_of(good[i])), 0);
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct span s = exact_copy(span_of(bad[i]));

		assert_int_equal(glob_check(s), -EINVAL);
		exact_free(s);
	}
}

/* The plain definition, tried in every way there is: slow, and surely right. */
static bool slow(struct span pat, struct span path, bool at_start)
{
	struct span more = span_make(pat.p + 1, pat.n ? pat.n - 1 : 0);
	bool deep = more.n && more.p[0] == '*';

	if (pat.n == 0)
		return path.n == 0;
	if (pat.p[0] != '*')
		return path.n && (pat.p[0] == path.p[0] || (pat.p[0] == '?' && path.p[0] != '/')) &&
		       slow(more, span_make(path.p + 1, path.n - 1), pat.p[0] == '/');
	while (deep && more.n && more.p[0] == '*')
		more = span_make(more.p + 1, more.n - 1);
	if (deep && at_start && more.n && more.p[0] == '/') {
		more = span_make(more.p + 1, more.n - 1);
		for (size_t i = 0; i <= path.n; i++)
			if ((i == 0 || path.p[i - 1] == '/') &&
				slow(more, span_make(path.p + i, path.n - i), true))
				return true;
		return false;
	}
	for (size_t i = 0; i <= path.n; i++) {
		if (slow(more, span_make(path.p + i, path.n - i), false))
			return true;
		if (i < path.n && path.p[i] == '/' && !deep)
			return false;
	}
	return false;
}

static void agrees_with_the_slow_way(void **state UNUSED)
{
	static const char in_pattern[] = "*?/ab*?/", in_path[] = "/aab";
	uint64_t seed = 6;
	uint8_t pat[9], path[10];
	int hits = 0;

	for (int i = 0; i < 300000; i++) {
		struct span p = any_bytes(&seed, pat, sizeof(pat));
		struct span s = any_bytes(&seed, path, sizeof(path));

		for (size_t k = 0; k < p.n; k++)
			pat[k] = (uint8_t)in_pattern[pat[k] % 8];
		for (size_t k = 0; k < s.n; k++)
			path[k] = (uint8_t)in_path[path[k] % 4];
		if (glob_match(p, s) != slow(p, s, true))
			fail_msg("%.*s on %.*s", (int)p.n, (char *)pat, (int)s.n, (char *)path);
		hits += glob_match(p, s);
	}
	assert_true(hits > 3000);
}

static void hostile_names_stay_cheap(void **state UNUSED)
{
	int64_t from = clock_mono();
	uint8_t name[4096];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 256 ? 'a' : '/';
	for (int i = 0; i < 20; i++) {
		struct span s = span_make(name, sizeof(name));

		assert_false(glob_match(LIT("**/*a*a*a*a*a*a*b"), s));
		assert_false(glob_match(LIT("**a**a**a**a**a**b"), s));
		assert_false(glob_match(LIT("/**/**/**/**/**/b"), s));
	}
	assert_true(clock_mono() - from < 5 * CLOCK_S);
}

static void any_bytes_are_survived(void **state UNUSED)
{
	uint64_t seed = 7;
	uint8_t a[20], b[20];

	for (int i = 0; i < 50000; i++) {
		struct span p = exact_copy(any_bytes(&seed, a, sizeof(a)));
		struct span s = exact_copy(any_bytes(&seed, b, sizeof(b)));

		for (size_t k = 0; k < p.n; k++)
			if (any_below(&seed, 2))
				((uint8_t *)(uintptr_t)p.p)[k] = (uint8_t) "[]!-\\*?/"[p.p[k] % 8];
		glob_match(p, s);
		glob_check(p);
		exact_free(p);
		exact_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching),
		cmocka_unit_test(bytes_need_not_be_text),
		cmocka_unit_test(checking),
		cmocka_unit_test(agrees_with_the_slow_way),
		cmocka_unit_test(hostile_names_stay_cheap),
		cmocka_unit_test(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
