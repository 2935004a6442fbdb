/* Databases on disk: dpkg's with links, diversions and names of two architectures, rpm's by sqlite, and
 * what is broken. Links: daemon/sensor/packages*, pkg, fs/beneath, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fd.h"
#include "daemon/sensor/packages.h"

#define SUM "0123456789abcdef0123456789abcdef"

static char root[64];
static int root_fd;

static void sh(const char *cmd)
{
	BUF struct buf b = {0};

	buf_printf(&b, "cd %s && { %s\n}", root, cmd);
	assert_int_equal(system(buf_text(&b)), 0);
}

static int set_up(void **state UNUSED)
{
	snprintf(root, sizeof(root), "/tmp/packages.XXXXXX");
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	sh("mkdir -p var/lib/dpkg/info usr/bin usr/lib var/lib/rpm; ln -s usr/bin bin; ln -s /usr/lib lib; "
	   "ln -s bin usr/sbin; ln -s usr/sbin sbin");
	return root_fd < 0;
}

static int tear_down(void **state UNUSED)
{
	BUF struct buf b = {0};

	fd_close(&root_fd);
	buf_printf(&b, "rm -rf %s", root);
	return system(buf_text(&b));
}

struct heard {
	struct buf text, words;
	bool lost;
};

static void package(void *ctx, const struct packages_one *p)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "%.*s:%.*s:%.*s:%.*s", (int)p->manager.n, (const char *)p->manager.p,
		(int)p->name.n, (const char *)p->name.p, (int)p->version.n,
		(const char *)p->version.p, (int)p->arch.n, (const char *)p->arch.p);
	if (p->source.n)
		buf_printf(&h->text, " from %.*s", (int)p->source.n, (const char *)p->source.p);
	if (p->licence.n)
		buf_printf(&h->text, " (%.*s)", (int)p->licence.n, (const char *)p->licence.p);
	buf_u8(&h->text, '\n');
}

static void file(
	void *ctx, struct span path, enum package_digest kind, const uint8_t *digest, bool config)
{
	struct heard *h = ctx;

	buf_printf(&h->text, " %.*s %s %02x%s\n", (int)path.n, (const char *)path.p,
		digest ? package_digest_names[kind] : "-", digest ? digest[0] : 0,
		config ? " config" : "");
}

static void lost(void *ctx)
{
	struct heard *h = ctx;

	h->lost = true;
}

static void heard_free(struct heard *h)
{
	buf_free(&h->text);
	buf_free(&h->words);
}
#define HEARD CLEANUP(heard_free)

static unsigned hear(struct heard *h)
{
	struct packages_hear how = {package, file, h, NULL, NULL};

	return packages_read(root_fd, &how, &h->words);
}

static void test_dpkg(void **state UNUSED)
{
	HEARD struct heard h = {0};

	assert_false(packages_are_in(root_fd));
	assert_int_equal(hear(&h), 0);
	sh("printf 'Package: one\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: amd64\\n"
	   "Conffiles:\\n /etc/one " SUM
	   "\\n\\nPackage: gone\\nStatus: deinstall ok config-files\\n\\n"
	   "Package: two\\nStatus: install ok installed\\nVersion: 2\\nArchitecture: i386\\n' >var/lib/dpkg/status\n"
	   "printf '" SUM "  bin/a\\n" SUM "  usr/lib/b\\n" SUM "  sbin/c\\n" SUM "  lib/d\\n" SUM
	   "  binary\\n' >var/lib/dpkg/info/one.md5sums\n"
	   "printf '" SUM "  usr/bin/x\\n" SUM
	   "  usr/bin/y\\n' >var/lib/dpkg/info/two:i386.md5sums\n"
	   "printf '/usr/bin/x\\n/usr/bin/x.distrib\\none\\n/usr/bin/y\\n/usr/bin/y.distrib\\ntwo\\n' "
	   ">var/lib/dpkg/diversions");
	assert_true(packages_are_in(root_fd));
	assert_int_equal(hear(&h), 1);
	assert_string_equal(buf_text(&h.text),
		"dpkg:one:1:amd64\n /etc/one md5 01 config\n /usr/bin/a md5 01\n /usr/lib/b md5 01\n"
		" /usr/bin/c md5 01\n /usr/lib/d md5 01\n /binary md5 01\n"
		"dpkg:two:2:i386\n /usr/bin/x.distrib md5 01\n /usr/bin/y md5 01\n");
	assert_int_equal(h.words.n, 0);
}

static void test_dpkg_is_no_file(void **state UNUSED)
{
	HEARD struct heard h = {0};

	sh("mkfifo var/lib/dpkg/status");
	assert_int_equal(hear(&h), 0);
	sh("rm var/lib/dpkg/status; ln -s /dev/zero var/lib/dpkg/status");
	assert_int_equal(hear(&h), 0);
	sh("rm var/lib/dpkg/status; ln -s ../../../../../../../etc/passwd var/lib/dpkg/status");
	assert_int_equal(hear(&h), 0);
	assert_int_equal(h.text.n, 0);
}

static void test_status_d(void **state UNUSED)
{
	HEARD struct heard h = {0};

	sh("mkdir var/lib/dpkg/status.d; cd var/lib/dpkg/status.d\n"
	   "printf 'Package: base-files\nVersion: 12\nArchitecture: amd64\nSource: base (11)\n' >base\n"
	   "printf '" SUM "  usr/lib/os-release\nrubbish\n' >base.md5sums\n"
	   "printf 'Package: netbase\nVersion: 6\n' >netbase\n"
	   "printf 'Package: no\nStatus: deinstall ok config-files\n' >no; echo >rubbish; mkfifo fifo");
	assert_int_equal(hear(&h), 1);
	assert_string_equal(buf_text(&h.text),
		"dpkg:base-files:12:amd64 from base\n /usr/lib/os-release md5 01\ndpkg:netbase:6:\n");
}

static void test_apk(void **state UNUSED)
{
	HEARD struct heard h = {0};

	sh("mkdir -p usr/lib/apk/db; printf 'C:Q1x\nP:busybox\nV:1.36-r5\nA:x86_64\no:bb\nL:GPL-2.0-only\n"
	   "F:bin\nR:busybox\na:0:0:755\nZ:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nR:nodigest\n"
	   "F:etc\nR:conf\nZ:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\n\n' >usr/lib/apk/db/installed");
	assert_true(packages_are_in(root_fd));
	assert_int_equal(hear(&h), 1);
	assert_string_equal(buf_text(&h.text),
		"apk:busybox:1.36-r5:x86_64 from bb (GPL-2.0-only)\n /usr/bin/busybox sha1 01\n"
		" /usr/bin/nodigest - 00\n /etc/conf sha1 01 config\n");
	sh("rm usr/lib/apk/db/installed; mkfifo usr/lib/apk/db/installed");
	assert_int_equal(hear(&h), 0);
}

static void test_databases(void **state UNUSED)
{
	static const char *const dpkg[] = {
		"/var/lib/dpkg/status", "/var/lib/dpkg/info/a.md5sums", "/var/lib/dpkg/status.d/a"};
	static const char *const none[] = {"/var/lib/dpkg", "/var/lib/dpkg/status-old",
		"/var/lib/dpkg/statusx", "/etc/passwd", "/", ""};
	const char *manager;
	size_t at = 0;

	for (size_t i = 0; i < COUNTOF(dpkg); i++)
		assert_string_equal(packages_database(span_of(dpkg[i])), "dpkg");
	for (size_t i = 0; i < COUNTOF(none); i++)
		assert_null(packages_database(span_of(none[i])));
	assert_string_equal(packages_database(span_of("/lib/apk/db/installed")), "apk");
	assert_string_equal(packages_database(span_of("/var/lib/rpm/Packages.db")), "rpm");
	assert_string_equal(packages_place_below(span_of("/var/lib/dpkg"), &at, &manager),
		"/var/lib/dpkg/status");
	assert_string_equal(manager, "dpkg");
	at = 0;
	assert_string_equal(
		packages_place_below(span_of("/lib"), &at, &manager), "/lib/apk/db/installed");
	assert_string_equal(manager, "apk");
	assert_null(packages_place_below(span_of("/lib"), &at, &manager));
	at = 0;
	assert_null(packages_place_below(span_of("/var/lib/dpk"), &at, &manager));
}

/* The same databases, read through a source that is no root. */
static int from_text(void *ctx UNUSED, const char *path, size_t limit, struct buf *out)
{
	struct stat st;
	int r;

	if (fstatat(root_fd, path, &st, 0) == 0 && !S_ISREG(st.st_mode))
		return err_set(-EINVAL, "%s is no file", path);
	r = fd_read_file(root_fd, path, limit, out);
	return r == -ENOENT || r == -ENOTDIR ? PACKAGES_ABSENT : r;
}

static int from_names(void *ctx UNUSED, const char *path UNUSED, struct names *out UNUSED)
{
	return PACKAGES_ABSENT;
}

static bool from_is_there(void *ctx UNUSED, const char *path)
{
	struct stat st;

	return fstatat(root_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static int from_link(void *ctx UNUSED, const char *path, struct buf *out)
{
	char to[64];
	ssize_t n = readlinkat(root_fd, path, to, sizeof(to));

	buf_add(out, to, n > 0 ? (size_t)n : 0);
	return 0;
}

static unsigned hear_from(struct heard *h)
{
	struct packages_hear how = {package, file, h, NULL, lost};
	struct packages_from from = {from_text, from_names, from_is_there, from_link, NULL};

	return packages_read_from(&from, &how, &h->words);
}

/* Whose a file is does not hang on its digest; what is not known is said. */
static void test_lists(void **state UNUSED)
{
	HEARD struct heard h = {0};

	sh("printf 'Package: one\\nStatus: install ok installed\\nVersion: 1\\n\\nPackage: two\\nStatus: install ok installed\\n' "
	   ">var/lib/dpkg/status; cd var/lib/dpkg/info; rm -f *; mkfifo one.md5sums\n"
	   "printf '/.\\n/bin\\n/bin/a\\n' >one.list; printf '" SUM "  bin/b\\n' >two.md5sums");
	assert_int_equal(hear_from(&h), 1);
	assert_string_equal(buf_text(&h.text),
		"dpkg:one:1:\n /bin - 00\n /usr/bin/a - 00\ndpkg:two::\n /usr/bin/b md5 01\n");
	assert_non_null(strstr(buf_text(&h.words), "one.md5sums is no file"));
	assert_false(h.lost);
	sh("rm var/lib/dpkg/info/two.md5sums");
	buf_reset(&h.words);
	assert_int_equal(hear_from(&h), 1);
	assert_non_null(strstr(buf_text(&h.words), "which files 1 of dpkg's packages have"));
	assert_true(h.lost);
}

static void test_not_read(void **state UNUSED)
{
	static const char *const paths[] = {
		"var/lib/dpkg/status", "usr/lib/apk/db/installed", "var/lib/rpm/rpmdb.sqlite"};

	sh("rm -rf var/lib/dpkg/status* usr/lib/apk/db/installed var/lib/rpm/*; mkdir -p usr/lib/apk/db");
	for (size_t i = 0; i < COUNTOF(paths); i++) {
		HEARD struct heard h = {0};
		BUF struct buf cmd = {0};

		assert_int_equal(hear_from(&h), 0);
		assert_int_equal(h.words.n, 0);
		assert_false(h.lost);
		buf_printf(&cmd, "mkfifo %s", paths[i]);
		sh(buf_text(&cmd));
		assert_int_equal(hear_from(&h), 0);
		assert_non_null(strstr(buf_text(&h.words), "s database cannot be read: "));
		assert_true(h.lost);
		buf_reset(&h.words);
		assert_int_equal(hear(&h), 0); /* on disk, too */
		assert_non_null(strstr(buf_text(&h.words), "no regular file"));
		buf_reset(&cmd);
		buf_printf(&cmd, "rm %s", paths[i]);
		sh(buf_text(&cmd));
	}
}

static void test_signs(void **state UNUSED)
{
	BUF struct buf a = {0}, b = {0}, c = {0};

	sh("echo >var/lib/dpkg/status");
	packages_sign(root_fd, &a);
	packages_sign(root_fd, &b);
	assert_true(span_eq(buf_span(&a), buf_span(&b)));
	sh("echo x >>var/lib/dpkg/status");
	packages_sign(root_fd, &c);
	assert_false(span_eq(buf_span(&a), buf_span(&c)));
}

/* ---- rpm ---- */

static void entry(
	struct buf *index, struct buf *data, uint32_t tag, uint32_t type, const void *p, size_t n)
{
	buf_be32(index, tag);
	buf_be32(index, type);
	buf_be32(index, (uint32_t)data->n);
	buf_be32(index, 1);
	buf_add(data, p, n);
}

static void header(struct buf *out)
{
	BUF struct buf index = {0}, data = {0};

	entry(&index, &data, 1000, 6, "three", 6);
	entry(&index, &data, 1001, 6, "3", 2);
	entry(&index, &data, 1002, 6, "4", 2);
	entry(&index, &data, 1022, 6, "noarch", 7);
	entry(&index, &data, 5011, 4, "\0\0\0\10", 4);
	entry(&index, &data, 1030, 3, "\201\355", 2);
	entry(&index, &data, 1035, 8, SUM SUM, 65);
	entry(&index, &data, 1037, 4, "\0\0\0\1", 4);
	entry(&index, &data, 1116, 4, "\0\0\0\0", 4);
	entry(&index, &data, 1117, 8, "three", 6);
	entry(&index, &data, 1118, 8, "/bin/", 6);
	buf_be32(out, (uint32_t)(index.n / 16));
	buf_be32(out, (uint32_t)data.n);
	buf_add_span(out, buf_span(&index));
	buf_add_span(out, buf_span(&data));
}

static void make_db(const char *sql, bool with_row)
{
	BUF struct buf path = {0}, blob = {0};
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	buf_printf(&path, "%s/var/lib/rpm/rpmdb.sqlite", root);
	unlink(buf_text(&path));
	assert_int_equal(sqlite3_open(buf_text(&path), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	if (with_row) {
		header(&blob);
		assert_int_equal(
			sqlite3_prepare_v2(db, "INSERT INTO Packages VALUES (1, ?)", -1, &s, NULL),
			SQLITE_OK);
		sqlite3_bind_blob(s, 1, blob.p, (int)blob.n, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static void test_rpm(void **state UNUSED)
{
	HEARD struct heard h = {0};

	make_db("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL);"
		"INSERT INTO Packages VALUES (7, x'00000001'), (8, 'text')",
		true);
	assert_true(packages_are_in(root_fd));
	assert_int_equal(hear(&h), 1);
	assert_string_equal(
		buf_text(&h.text), "rpm:three:3-4:noarch\n /usr/bin/three sha256 01 config\n");
}

/* A copy in memory, whose header speaks of a log that is not there. */
static void test_rpm_from(void **state UNUSED)
{
	HEARD struct heard h = {0};

	make_db("PRAGMA journal_mode = WAL; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)",
		true);
	assert_int_equal(hear_from(&h), 1);
	assert_string_equal(
		buf_text(&h.text), "rpm:three:3-4:noarch\n /usr/bin/three sha256 01 config\n");
	assert_int_equal(h.words.n, 0);
	sh("head -c 100000 /dev/urandom >var/lib/rpm/rpmdb.sqlite");
	assert_int_equal(hear_from(&h), 0);
	assert_non_null(strstr(buf_text(&h.words), "rpm's database"));
	sh("echo x >var/lib/rpm/rpmdb.sqlite");
	assert_int_equal(hear_from(&h), 0);
}

static void test_rpm_is_broken(void **state UNUSED)
{
	HEARD struct heard h = {0};

	make_db("CREATE VIEW Packages (blob) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) "
		"SELECT x'00' FROM n",
		false);
	assert_int_equal(hear(&h), 0);
	make_db("CREATE TABLE Other (x)", false);
	assert_int_equal(hear(&h), 0);
	sh("head -c 100000 /dev/zero | tr '\\0' 'S' >var/lib/rpm/rpmdb.sqlite");
	assert_int_equal(hear(&h), 0);
	assert_non_null(strstr(buf_text(&h.words), "rpm's database"));
	sh("rm var/lib/rpm/rpmdb.sqlite; mkfifo var/lib/rpm/rpmdb.sqlite");
	assert_int_equal(hear(&h), 0);
	sh("rm var/lib/rpm/rpmdb.sqlite; echo x >var/lib/rpm/Packages.db");
	buf_reset(&h.words);
	assert_int_equal(hear(&h), 0);
	assert_non_null(strstr(buf_text(&h.words), "a format that is not read"));
	assert_int_equal(h.text.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dpkg, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dpkg_is_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_status_d, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_apk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rpm_from, set_up, tear_down),
		cmocka_unit_test(test_databases),
		cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rpm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rpm_is_broken, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
