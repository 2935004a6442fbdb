/* apk's text: what is there, what is broken, what is passed over. Links: pkg/apk, model/package, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "pkg/apk.h"

#define SUM "AQIDBAUGBwgJCgsMDQ4PEBESExQ="

static void is(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.n, (const char *)got.p, want);
}

static void test_packages(void **state UNUSED)
{
	struct span rest =
		span_of("C:Q1abc\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nT:the c library\n"
			"L:MIT\no:musl-src\nF:\nF:lib\nR:ld-musl.so.1\na:0:0:755\nZ:Q1" SUM "\n"
			"R:libc.so\nZ:Q1" SUM "\n\n\n"
			"V:no name\nF:x\nR:y\n\n"
			"P:wide\nV:2\nF:etc/wide\nM:0:0:700\nR:c\nZ:Q1" SUM "\nf:S\n\nP:last");
	struct apk_package p;
	struct apk_file f;

	assert_true(apk_package(&rest, &p));
	is(p.name, "musl");
	is(p.version, "1.2.5-r0");
	is(p.arch, "x86_64");
	is(p.source, "musl-src");
	is(p.licence, "MIT");
	assert_false(p.wide);
	assert_true(apk_file(&p, &f));
	is(f.dir, "lib");
	is(f.base, "ld-musl.so.1");
	assert_true(f.has_digest);
	assert_int_equal(f.kind, PACKAGE_SHA1);
	assert_int_equal(f.digest[0], 1);
	assert_int_equal(f.digest[19], 20);
	assert_false(f.config);
	assert_true(apk_file(&p, &f));
	is(f.base, "libc.so");
	assert_false(apk_file(&p, &f));
	assert_true(apk_package(&rest, &p));
	is(p.name, "wide");
	assert_true(p.wide);
	assert_true(apk_file(&p, &f));
	is(f.dir, "etc/wide");
	assert_int_equal(f.kind, PACKAGE_SHA256_160);
	assert_true(f.config);
	assert_false(apk_file(&p, &f));
	assert_true(apk_package(&rest, &p));
	is(p.name, "last");
	assert_false(apk_file(&p, &f));
	assert_false(apk_package(&rest, &p));
}

static void test_broken_files(void **state UNUSED)
{
	struct span rest =
		span_of("P:x\nR:orphan\nF:a//\nR:\nR:b/c\nR:short\nZ:Q1AAAA\nR:bad\nZ:Q1!\n"
			"R:old\nZ:0123456789abcdef0123456789abcdef\nZ:Q3" SUM
			"\nR:long\nZ:Q2AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=");
	static const char *const names[] = {"short", "bad", "old", "long"};
	struct apk_package p;
	struct apk_file f;

	assert_true(apk_package(&rest, &p));
	for (size_t i = 0; i < COUNTOF(names); i++) {
		assert_true(apk_file(&p, &f));
		is(f.dir, "a");
		is(f.base, names[i]);
		assert_int_equal(f.has_digest, i == 3);
	}
	assert_int_equal(f.kind, PACKAGE_SHA256);
	assert_false(apk_file(&p, &f));
}

static void test_nothing(void **state UNUSED)
{
	struct span rest = span_of("");
	struct apk_package p;

	assert_false(apk_package(&rest, &p));
	rest = span_of("\n\n\nF:a\nR:b\n");
	assert_false(apk_package(&rest, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packages),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
