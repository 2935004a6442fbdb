/* Bills of materials, byte for byte as tests/gold/sbom has them; UPDATE=1 writes them anew. Links: pkg/sbom,
 * base, model. */
#include "tests/unit/base/unit.h"
#include "base/fd.h"
#include "pkg/sbom.h"
#include <fcntl.h>

static const struct sbom_package dpkg = {ROW("dpkg"), ROW("libstdc++6"),
					 ROW("1:12.2.0-14+deb12u1~x"), ROW("amd64"), ROW("gcc-12"),
					 {0}, {0}},
				 apk = {ROW("apk"), ROW("musl"), ROW("1.2.5-r0"), ROW("x86_64"),
					 ROW("musl"), ROW("MIT \"quoted\""), {0}},
				 rpm = {ROW("rpm"), ROW("bash"), ROW("2:5.1-3.el9"), ROW("x86_64"),
					 ROW("bash-5.1-3.src.rpm"), ROW("GPLv3+"),
					 ROW("Vendor, Inc.")},
				 odd = {ROW("opkg"), ROW("a b/c?\xff"), {0}, {0}, {0}, {0}, {0}};
static const uint8_t one[SHA_LEN] = {1, 2, 3}, two[SHA_LEN] = {0xff};

static struct sbom_subject subject(void)
{
	return (struct sbom_subject){.name = LIT("web"),
		.image = LIT("nginx:1.25"),
		.digest = LIT("sha256:00ff"),
		.live = true,
		.os_id = LIT("debian"),
		.os_version = LIT("12"),
		.os_name = LIT("Debian \"12\""),
		.note = LIT("rpm's database is not read"),
		.time = 1700000000123456789,
		.tool_version = "1.2"};
}

static void write_one(enum sbom_format format, struct buf *out)
{
	struct sbom_subject s = subject();
	struct sbom b;

	for (size_t i = 0; i < sizeof(s.uuid); i++)
		s.uuid[i] = (uint8_t)(i * 17);
	sbom_begin(&b, format, &s, out);
	sbom_package(&b, &dpkg);
	sbom_file_of(&b, &(struct sbom_file){LIT("/usr/lib/libstdc++.so.6.0.30"), one,
				 SBOM_AS_SHIPPED, false, {0}});
	sbom_file_of(
		&b, &(struct sbom_file){LIT("/etc/\"quoted\"\n"), two, SBOM_MODIFIED, true, {0}});
	sbom_file_of(
		&b, &(struct sbom_file){LIT("/usr/share/gone"), NULL, SBOM_DELETED, false, {0}});
	sbom_package(&b, &apk);
	sbom_package(&b, &rpm);
	sbom_file_of(
		&b, &(struct sbom_file){LIT("/usr/bin/bash"), two, SBOM_UNCHECKED, false, {0}});
	sbom_package(&b, &odd);
	sbom_drift(&b, &(struct sbom_file){LIT("/usr/bin/\xff\xfe"), one, SBOM_ADDED, false, {0}});
	sbom_drift(&b, &(struct sbom_file){LIT("/usr/bin/bash"), two, SBOM_MODIFIED, false,
			       LIT("bash 2:5.1-3.el9")});
	sbom_drift(&b, &(struct sbom_file){LIT("/etc/motd"), NULL, SBOM_DELETED, false, {0}});
	assert_int_equal(sbom_end(&b), 0);
}

static void check(enum sbom_format format, const char *file)
{
	BUF struct buf got = {0}, again = {0}, want = {0};

	write_one(format, &got);
	write_one(format, &again);
	assert_true(span_eq(buf_span(&got), buf_span(&again)));
	if (getenv("UPDATE"))
		assert_int_equal(fd_write_file(file, buf_span(&got), 0644), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, file, 1 << 20, &want), 0);
	assert_string_equal(buf_text(&got), buf_text(&want));
}

static void cyclonedx(void **state UNUSED)
{
	check(SBOM_CYCLONEDX, "tests/gold/sbom/cyclonedx");
}

static void spdx(void **state UNUSED)
{
	check(SBOM_SPDX, "tests/gold/sbom/spdx");
}

static void purls(void **state UNUSED)
{
	const struct {
		const struct sbom_package *p;
		const char *id, *version, *want;
	} rows[] = {
		{&dpkg, "debian", "12",
			"pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1~x?arch=amd64&distro=debian-12&upstream=gcc-12"},
		{&dpkg, "", "",
			"pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1~x?arch=amd64&upstream=gcc-12"},
		{&apk, "alpine", "3.20",
			"pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20"},
		{&rpm, "rocky", "",
			"pkg:rpm/rocky/bash@5.1-3.el9?arch=x86_64&distro=rocky&epoch=2&upstream=bash-5.1-3.src.rpm"},
		{&rpm, "", "9",
			"pkg:rpm/bash@5.1-3.el9?arch=x86_64&epoch=2&upstream=bash-5.1-3.src.rpm"},
		{&odd, "x/y", "", "pkg:generic/x%2Fy/a%20b%2Fc%3F%FF?distro=x%2Fy"},
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct sbom_subject s = {
			.os_id = span_of(rows[i].id), .os_version = span_of(rows[i].version)};
		BUF struct buf out = {0};

		sbom_purl(&s, rows[i].p, &out);
		assert_string_equal(buf_text(&out), rows[i].want);
	}
}

/* An image of which nothing is known. */
static void nothing(void **state UNUSED)
{
	struct sbom_subject s = {.tool_version = "1"};

	for (int i = 0; i < SBOM_FORMATS; i++) {
		BUF struct buf out = {0};
		struct sbom b;

		sbom_begin(&b, (enum sbom_format)i, &s, &out);
		assert_int_equal(sbom_end(&b), 0);
		assert_int_equal(out.p[0], '{');
		assert_true(span_eq(span_make(out.p + out.n - 2, 2), LIT("}\n")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cyclonedx),
		cmocka_unit_test(spdx),
		cmocka_unit_test(purls),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
