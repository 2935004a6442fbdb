/*
 * rpm's database by sqlite, opened so that nothing is written and no lock is taken. The file is the host's,
 * and read with distrust all the same: what its schema would run is not run, and a query has an end.
 */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/sensor/packages_own.h"
#include "fs/beneath.h"
#include "pkg/rpm.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOB_LIMIT = 64 << 20, COPY_LIMIT = 512 << 20, STEPS_LOOK = 100000, STEPS_MOST = 100000 };

const char *const packages_rpm_paths[] = {"usr/lib/sysimage/rpm/rpmdb.sqlite",
	"var/lib/rpm/rpmdb.sqlite", "usr/share/rpm/rpmdb.sqlite", NULL};

static void db_close(sqlite3 **db)
{
	sqlite3_close(*db);
}

static void stmt_free(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

struct running {
	struct packages *p;
	unsigned looks;
};

static int is_over(void *ctx)
{
	struct running *r = ctx;

	return packages_stopped(r->p) || ++r->looks > STEPS_MOST;
}

/* What was written and not moved into the file yet is in a file beside it. */
static bool has_rest(const struct packages *p, const char *path)
{
	BUF struct buf wal = {0};
	FD int fd = -1;
	struct stat st;

	buf_printf(&wal, "%s-wal", path);
	return packages_open(p->root_fd, buf_text(&wal), O_PATH, &fd) == 0 && fstat(fd, &st) == 0 &&
	       st.st_size > 0;
}

/* sqlite wants a name: that of the very file that was found below the root. */
static int name_of(int fd, bool alone, struct buf *out)
{
	char link[BENEATH_PROC_PATH], path[4096];
	ssize_t n;

	beneath_proc_path(fd, link);
	n = readlink(link, path, sizeof(path));
	if (n <= 0 || (size_t)n == sizeof(path))
		return err_sys("readlink");
	buf_add_text(out, "file:");
	for (ssize_t i = 0; i < n; i++) {
		if (strchr("?#%", path[i]))
			buf_printf(out, "%%%02x", (unsigned char)path[i]);
		else
			buf_u8(out, (uint8_t)path[i]);
	}
	buf_add_text(out, alone ? "?immutable=1" : "?mode=ro");
	return buf_err(out);
}

static enum package_digest kind_of(uint32_t algorithm)
{
	return algorithm == RPM_SHA256 ? PACKAGE_SHA256
	       : algorithm == RPM_MD5  ? PACKAGE_MD5
				       : PACKAGE_DIGESTS;
}

static void one_package(struct packages *p, struct span blob)
{
	BUF struct buf version = {0};
	uint8_t digest[PACKAGE_DIGEST_MAX];
	struct rpm_header h;
	struct rpm_file f;
	enum package_digest kind;

	if (rpm_header(blob, &h) < 0)
		return;
	kind = kind_of(h.algorithm);
	if (h.has_epoch)
		buf_printf(&version, "%u:", h.epoch);
	buf_add_span(&version, h.version);
	buf_u8(&version, '-');
	buf_add_span(&version, h.release);
	p->hear->package(
		p->hear->ctx, &(struct packages_one){span_of("rpm"), h.name, buf_span(&version),
				      h.arch, h.source, h.licence, h.vendor});
	while (kind != PACKAGE_DIGESTS && rpm_file(&h, &f))
		if (S_ISREG(f.mode) && !(f.flags & RPM_GHOST) &&
			text_unhex(f.digest, digest, package_digest_len(kind)) == 0)
			packages_file(p, f.dir, f.base, kind, digest, f.flags & RPM_CONFIG);
}

static int read_rows(struct packages *p, sqlite3 *db)
{
	CLEANUP(stmt_free) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &s, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_BLOB)
			one_package(p, span_make(sqlite3_column_blob(s, 0),
					       (size_t)sqlite3_column_bytes(s, 0)));
	}
	return rc == SQLITE_DONE
		       ? 0
		       : err_set(-EIO, "rpm's database cannot be read: %s", sqlite3_errmsg(db));
}

static int read_open(struct running *running, sqlite3 *db)
{
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, BLOB_LIMIT);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_progress_handler(db, STEPS_LOOK, is_over, running);
	return read_rows(running->p, db);
}

static int read_file(struct packages *p, int fd, bool alone)
{
	CLEANUP(db_close) sqlite3 *db = NULL;
	struct running running = {p, 0};
	BUF struct buf name = {0};
	int rc, r = name_of(fd, alone, &name);

	if (r < 0)
		return r;
	rc = sqlite3_open_v2(buf_text(&name), &db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return err_set(-EIO, "rpm's database cannot be opened: %s", sqlite3_errstr(rc));
	return read_open(&running, db);
}

/* One that is not on disk, or that somebody hostile may write: a copy of it in memory. What its header says
 * of a log beside it is taken back, as there is none. */
static int read_copy(struct packages *p, const char *path)
{
	enum { FORMAT_WRITE = 18, FORMAT_READ = 19, HEADER = 100 };
	CLEANUP(db_close) sqlite3 *db = NULL;
	struct running running = {p, 0};
	BUF struct buf mem = {0};
	int rc, r = packages_text(p, path, COPY_LIMIT, &mem);

	if (r < 0 || mem.n < HEADER)
		return r < 0 ? r : err_set(-EBADMSG, "rpm's database is too short to be one");
	mem.p[FORMAT_WRITE] = mem.p[FORMAT_READ] = 1;
	rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_deserialize(db, "main", mem.p, (sqlite3_int64)mem.n,
			(sqlite3_int64)mem.n, SQLITE_DESERIALIZE_READONLY);
	if (rc != SQLITE_OK)
		return err_set(-EIO, "rpm's database cannot be opened: %s", sqlite3_errstr(rc));
	r = read_open(&running, db);
	db_close(&db); /* it borrows the copy */
	db = NULL;
	return r;
}

/* Older releases have it in Berkeley's format, SUSE in one of its own. */
static void tell_others(struct packages *p)
{
	static const char *const others[] = {"var/lib/rpm/Packages", "var/lib/rpm/Packages.db",
		"usr/lib/sysimage/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db"};

	for (size_t i = 0; i < COUNTOF(others); i++) {
		if (!packages_has(p, others[i]))
			continue;
		p->lost = true;
		packages_say(p, "rpm's database /%s has a format that is not read", others[i]);
		return;
	}
}

static int read_one(struct packages *p, const char *path)
{
	BUF struct buf wal = {0}, rest = {0};
	FD int fd = -1;
	int r;

	if (!p->from) {
		r = packages_open(p->root_fd, path, O_PATH, &fd);
		return r ? r : read_file(p, fd, !has_rest(p, path));
	}
	r = read_copy(p, path);
	buf_printf(&wal, "%s-wal", path);
	if (r == 0 && packages_text(p, buf_text(&wal), COPY_LIMIT, &rest) != PACKAGES_ABSENT &&
		rest.n) {
		p->lost = true;
		packages_say(
			p, "what /%s may still hold of rpm's database is not read", buf_text(&wal));
	}
	return r;
}

bool packages_read_rpm(struct packages *p)
{
	BUF struct buf none = {0};

	for (size_t i = 0; packages_rpm_paths[i]; i++) {
		const char *path = packages_rpm_paths[i];
		int r;

		if (!packages_has(p, path)) {
			if (packages_text(p, path, 1, &none) < 0)
				packages_lose(p, "rpm");
			continue;
		}
		r = read_one(p, path);
		if (r < 0) {
			p->lost = true;
			packages_say(p, "%.300s", err_why());
		}
		return r == 0;
	}
	tell_others(p);
	return false;
}
