/* The table: found by path, several owners, what agrees. Links: pkg/digests, model/package, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include "pkg/digests.h"

static const uint8_t one[32] = {1}, two[32] = {2};

static void test_finds(void **state UNUSED)
{
	DIGESTS struct digests *d;
	const uint8_t *digest[PACKAGE_DIGESTS] = {one, NULL};
	struct digests_hit h;
	struct package_note n;

	digests_new(&d);
	digests_package(d, span_of("dpkg"), span_of("a"), span_of("1"), span_of("amd64"));
	digests_add(d, span_of("/bin/x"), PACKAGE_MD5, one, false);
	digests_add(d, span_of("/etc/x"), PACKAGE_MD5, one, true);
	digests_package(d, span_of("dpkg"), span_of("b"), span_of("2"), span_of("amd64"));
	digests_add(d, span_of("/bin/x"), PACKAGE_MD5, two, false); /* replaces a's */
	digests_seal(d);
	assert_int_equal(digests_files(d), 3);
	assert_int_equal(digests_packages(d), 2);
	assert_false(digests_met(d, span_of("/bin/x")));
	assert_true(digests_find(d, span_of("/bin/x"), &h));
	assert_int_equal(h.n, 2);
	assert_true(digests_met(d, span_of("/bin/x")));
	assert_true(digests_wants(&h, PACKAGE_MD5));
	assert_false(digests_wants(&h, PACKAGE_SHA256));
	assert_true(digests_agrees(&h, digest));
	digest[PACKAGE_MD5] = two;
	assert_true(digests_agrees(&h, digest));
	digest[PACKAGE_MD5] = (const uint8_t[32]){3};
	assert_false(digests_agrees(&h, digest));
	digests_note(d, &h, digest, &n);
	assert_true(span_is(n.name, "b") && span_is(n.version, "2") && !n.config);
	assert_true(n.expected.n == 16 && n.expected.p[0] == 2 && n.found.p[0] == 3);
	digest[PACKAGE_MD5] = NULL;
	assert_false(digests_agrees(&h, digest));
	assert_true(digests_find(d, span_of("/etc/x"), &h));
	digest[PACKAGE_MD5] = two;
	digests_note(d, &h, digest, &n);
	assert_true(n.config);
	assert_false(digests_find(d, span_of("/bin/y"), &h));
}

static void test_many(void **state UNUSED)
{
	DIGESTS struct digests *d;
	struct digests_hit h;
	char path[64];

	digests_new(&d);
	digests_package(d, span_of("rpm"), span_of("a"), span_of("1"), span_of(""));
	for (int i = 0; i < 50000; i++) {
		uint8_t sha[32] = {(uint8_t)i, (uint8_t)(i >> 8)};

		snprintf(path, sizeof(path), "/usr/share/%d/%d", i % 100, i);
		digests_add(d, span_of(path), PACKAGE_SHA256, sha, false);
	}
	digests_seal(d);
	for (int i = 0; i < 50000; i += 7) {
		uint8_t sha[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
		const uint8_t *const digest[PACKAGE_DIGESTS] = {NULL, sha};

		snprintf(path, sizeof(path), "/usr/share/%d/%d", i % 100, i);
		assert_true(digests_find(d, span_of(path), &h));
		assert_int_equal(h.n, 1);
		assert_true(digests_agrees(&h, digest));
	}
}

static void test_note(void **state UNUSED)
{
	BUF struct buf b = {0}, again = {0};
	struct package_note n = {span_of("rpm"), span_of("x"), span_of("1-2"), span_of("noarch"),
		true, PACKAGE_SHA256, span_make(one, 32), span_make(two, 32), PACKAGE_MISMATCH};
	struct package_note back;

	package_encode(&n, &b);
	assert_int_equal(package_decode(buf_span(&b), &back), 0);
	package_encode(&back, &again);
	assert_true(span_eq(buf_span(&b), buf_span(&again)));
	for (size_t i = 0; i < b.n; i++)
		assert_true(package_decode(span_make(b.p, i), &back) < 0);
	n.found.n = 16;
	buf_reset(&b);
	package_encode(&n, &b);
	assert_true(package_decode(buf_span(&b), &back) < 0);
}

/* What is said later has a state, and need not have digests. */
static void test_stated_note(void **state UNUSED)
{
	struct package_note n = {.manager = span_of("apk"),
		.name = span_of("x"),
		.digest = PACKAGE_SHA256_160,
		.expected = span_make(one, 20),
		.state = PACKAGE_MODIFIED};
	struct package_note back;
	BUF struct buf b = {0};

	package_encode(&n, &b);
	assert_int_equal(package_decode(buf_span(&b), &back), 0);
	assert_int_equal(back.state, PACKAGE_MODIFIED);
	assert_int_equal(back.found.n, 0);
	assert_int_equal(back.expected.n, 20);
	assert_false(package_is_mismatch(buf_span(&b)));
	buf_reset(&b);
	n = (struct package_note){.state = PACKAGE_UNOWNED};
	package_encode(&n, &b);
	assert_int_equal(package_decode(buf_span(&b), &back), 0);
	buf_reset(&b);
	n.name = span_of("x"); /* somebody's, and nobody's */
	package_encode(&n, &b);
	assert_true(package_decode(buf_span(&b), &back) < 0);
	buf_reset(&b);
	n = (struct package_note){.state = PACKAGE_MODIFIED};
	package_encode(&n, &b);
	assert_true(package_decode(buf_span(&b), &back) < 0);
	assert_false(package_is_mismatch(span_of("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_stated_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
