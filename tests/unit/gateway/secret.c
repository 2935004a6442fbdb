/* Tokens: what is read, what is refused, what is hidden, and that their memory stays out of dumps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fd.h"
#include "daemon/gateway/secret.h"

static char path[] = "/tmp/boltseal-secret.XXXXXX";

static int begin(void **state UNUSED)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}
static int end(void **state UNUSED)
{
	return unlink(path);
}

static void put(const char *text, mode_t mode)
{
	assert_int_equal(fd_write_file(path, span_of(text), 0600), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void reads(const char *text, enum secret_auth auth, const char *want)
{
	SECRET struct secret s = {.line = NULL};

	put(text, 0600);
	assert_int_equal(secret_read(&s, path, auth), 0);
	assert_string_equal(s.line, want);
	assert_false(s.world_readable);
}

static void test_schemes(void **state UNUSED)
{
	reads("abc\n", SECRET_BEARER, "Authorization: Bearer abc");
	reads("abc", SECRET_SPLUNK, "Authorization: Splunk abc");
	reads("abc \t\r\nsecond line\n", SECRET_APIKEY, "Authorization: ApiKey abc");
	reads("bob:pass word\n", SECRET_BASIC, "Authorization: Basic Ym9iOnBhc3Mgd29yZA==");
}

/* The sentence names the file, never what is in it; what was there before stays. */
static void refuses(struct secret *s, const char *text, enum secret_auth auth, const char *says)
{
	put(text, 0600);
	assert_true(secret_read(s, path, auth) < 0);
	assert_non_null(strstr(err_why(), path));
	if (!strstr(err_why(), says) || strstr(err_why(), "hush"))
		fail_msg("%s", err_why());
	assert_string_equal(s->line, "Authorization: Bearer before");
}

static void test_refused(void **state UNUSED)
{
	SECRET struct secret s = {.line = NULL};
	static char large[6000];

	put("before", 0600);
	assert_int_equal(secret_read(&s, path, SECRET_BEARER), 0);
	memset(large, 'a', sizeof(large) - 1);
	refuses(&s, "", SECRET_BEARER, "no first line");
	refuses(&s, "\n\nhush\n", SECRET_BEARER, "no first line");
	refuses(&s, "hu\x01sh", SECRET_BEARER, "not plain ASCII");
	refuses(&s, "hush\xc3\xa4", SECRET_BEARER, "not plain ASCII");
	refuses(&s, "hush", SECRET_BASIC, "USER:PASSWORD");
	refuses(&s, large, SECRET_BEARER, "more than");
	unlink(path);
	assert_int_equal(secret_read(&s, path, SECRET_BEARER), -ENOENT);
	assert_int_equal(secret_read(&s, "/dev/null", SECRET_BEARER), -EINVAL);
	put("x", 0600);
}

static void test_world(void **state UNUSED)
{
	SECRET struct secret s = {.line = NULL};

	put("abc", 0644);
	assert_int_equal(secret_read(&s, path, SECRET_BEARER), 0);
	assert_true(s.world_readable);
	put("abc", 0640);
	assert_int_equal(secret_read(&s, path, SECRET_BEARER), 0);
	assert_false(s.world_readable);
}

static void test_same(void **state UNUSED)
{
	SECRET struct secret a = {.line = NULL}, b = {.line = NULL};

	put("abc", 0600);
	assert_int_equal(secret_read(&a, path, SECRET_BEARER), 0);
	assert_false(secret_same(&a, &b));
	put("abc\n", 0600);
	assert_int_equal(secret_read(&b, path, SECRET_BEARER), 0);
	assert_true(secret_same(&a, &b));
	put("abd\n", 0600);
	assert_int_equal(secret_read(&b, path, SECRET_BEARER), 0);
	assert_false(secret_same(&a, &b));
}

static void hides(enum secret_auth auth, const char *token, const char *text, const char *want)
{
	SECRET struct secret s = {.line = NULL};
	char room[256];

	put(token, 0600);
	assert_int_equal(secret_read(&s, path, auth), 0);
	snprintf(room, sizeof(room), "%s", text);
	secret_hide(&s, room, strlen(room));
	assert_string_equal(room, want);
}

static void test_hide(void **state UNUSED)
{
	hides(SECRET_BEARER, "tok3n", "tok3n, Bearer tok3n!", "*****, Bearer *****!");
	hides(SECRET_BASIC, "bob:passw", "Ym9iOnBhc3N3 bob:passw passw",
		"************ ********* *****");
	hides(SECRET_BEARER, "abc", "abc is too short to be one", "abc is too short to be one");
	hides(SECRET_BEARER, "tok3n", "", "");
}

static bool is_undumped(const char *address)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, found = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (unsigned long)address >= from && (unsigned long)address < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd ") && strstr(line, " wf ");
	}
	fclose(f);
	return found;
}

static void test_memory(void **state UNUSED)
{
	SECRET struct secret s = {.line = NULL};

	prctl(PR_SET_DUMPABLE, 1);
	put("abc", 0600);
	assert_int_equal(secret_read(&s, path, SECRET_BEARER), 0);
	assert_true(is_undumped(s.line));
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_world),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_hide),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("secret", tests, begin, end);
}
