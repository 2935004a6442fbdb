/* dpkg's texts: what is there, what is broken, what is passed over. Links: pkg/dpkg, base/text. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "pkg/dpkg.h"

static void is(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.n, (const char *)got.p, want);
}

static void test_status(void **state UNUSED)
{
	struct span rest = span_of(
		"Package: one\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\n"
		"Conffiles:\n /etc/a 0123456789abcdef0123456789abcdef\n"
		" /etc/b c 0123456789abcdef0123456789abcdef\n"
		" /etc/new newconffile\n"
		" /etc/old ffffffffffffffffffffffffffffffff obsolete\n"
		" /etc/z ffffffffffffffffffffffffffffffff\n"
		"Description: one\n of them\n\n\n"
		"Status: install ok installed\n\n" /* no name */
		"Package: two\nStatus: deinstall ok config-files\n\n"
		"Package: three\nStatus: install ok half-configured\nVersion: 9");
	struct dpkg_package p;
	struct dpkg_file f;

	assert_true(dpkg_package(&rest, &p));
	is(p.name, "one");
	is(p.arch, "amd64");
	is(p.version, "1:2-3");
	assert_true(p.installed);
	assert_true(dpkg_conffile(&p.conffiles, &f));
	is(f.path, "etc/a");
	assert_int_equal(f.md5[0], 0x01);
	assert_int_equal(f.md5[15], 0xef);
	assert_true(dpkg_conffile(&p.conffiles, &f));
	is(f.path, "etc/z");
	assert_false(dpkg_conffile(&p.conffiles, &f));
	assert_true(dpkg_package(&rest, &p));
	is(p.name, "two");
	assert_false(p.installed);
	assert_int_equal(p.conffiles.n, 0);
	assert_true(dpkg_package(&rest, &p));
	is(p.name, "three");
	assert_true(p.installed);
	assert_false(dpkg_package(&rest, &p));
}

static void test_md5sums(void **state UNUSED)
{
	struct span rest = span_of("0123456789abcdef0123456789abcdef  usr/bin/a b\n"
				   "0123456789abcdef0123456789abcdef *./usr/c\n"
				   "0123456789abcdef0123456789abcde  short\n"
				   "0123456789abcdef0123456789abcdez  no hex\n"
				   "0123456789abcdef0123456789abcdef  \n"
				   "0123456789abcdef0123456789abcdef\tusr/tab\n"
				   "\n"
				   "ffffffffffffffffffffffffffffffff  /usr/last");
	struct dpkg_file f;

	assert_true(dpkg_md5sum(&rest, &f));
	is(f.path, "usr/bin/a b");
	assert_true(dpkg_md5sum(&rest, &f));
	is(f.path, "usr/c");
	assert_true(dpkg_md5sum(&rest, &f));
	is(f.path, "usr/last");
	assert_int_equal(f.md5[15], 0xff);
	assert_false(dpkg_md5sum(&rest, &f));
}

static void test_lists(void **state UNUSED)
{
	struct span rest = span_of("/.\n/usr\n\n/usr/a b\n/usr/last"), path;

	assert_true(dpkg_listed(&rest, &path));
	is(path, "usr");
	assert_true(dpkg_listed(&rest, &path));
	is(path, "usr/a b");
	assert_true(dpkg_listed(&rest, &path));
	is(path, "usr/last");
	assert_false(dpkg_listed(&rest, &path));
}

static void test_diversions(void **state UNUSED)
{
	struct span rest = span_of("/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n/half\n");
	struct dpkg_diversion d;

	assert_true(dpkg_diversion(&rest, &d));
	is(d.from, "bin/sh");
	is(d.to, "bin/sh.distrib");
	is(d.package, "dash");
	assert_true(dpkg_diversion(&rest, &d));
	is(d.package, ":");
	assert_false(dpkg_diversion(&rest, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_md5sums),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_diversions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
