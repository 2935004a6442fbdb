#include "base/err.h"
#include "base/fd.h"
#include "daemon/sensor/packages_own.h"
#include "base/sys.h"
#include "pkg/apk.h"
#include "pkg/dpkg.h"
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_LIMIT = 128 << 20, DIVERSIONS_LIMIT = 256 << 10, STATUS_D_MOST = 20000 };
#define STATUS "var/lib/dpkg/status"
#define INFO "var/lib/dpkg/info"
#define DIVERSIONS "var/lib/dpkg/diversions"
#define STATUS_D "var/lib/dpkg/status.d"

int packages_open(int root_fd, const char *path, int flags, int *ret_fd)
{
	*ret_fd = sys_openat2(root_fd, path, (uint64_t)(flags | O_CLOEXEC), 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (*ret_fd < 0 && errno == ENOSYS)
		*ret_fd = openat(root_fd, path, flags | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR ? PACKAGES_ABSENT : err_sys("%s", path);
}

static int read_disk(int root_fd, const char *path, size_t limit, struct buf *out)
{
	FD int fd = -1;
	struct stat st;
	int r = packages_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd);

	if (r)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(-EINVAL, "/%s is no regular file: it is not read", path);
	return fd_read_all(fd, limit, out);
}

int packages_text(const struct packages *p, const char *path, size_t limit, struct buf *out)
{
	return p->from ? p->from->text(p->from->ctx, path, limit, out)
		       : read_disk(p->root_fd, path, limit, out);
}

bool packages_has(const struct packages *p, const char *path)
{
	FD int fd = -1;
	struct stat st;

	if (p->from)
		return p->from->is_there(p->from->ctx, path);
	return packages_open(p->root_fd, path, O_PATH, &fd) == 0 && fstat(fd, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

void packages_say(struct packages *p, const char *fmt, ...)
{
	va_list ap;

	buf_add_text(p->words, p->words->n ? "; " : "");
	va_start(ap, fmt);
	buf_vprintf(p->words, fmt, ap);
	va_end(ap);
}

void packages_lose(struct packages *p, const char *manager)
{
	p->lost = true;
	packages_say(p, "%s's database cannot be read: %.300s", manager, err_why());
}

/* ---- where a path leads ---- */

enum { LINK_MOST = 64 };
static void link_text(const struct packages *p, const char *path, struct buf *out)
{
	char to[LINK_MOST];
	ssize_t n;

	if (p->from) {
		p->from->link(p->from->ctx, path, out);
		return;
	}
	n = readlinkat(p->root_fd, path, to, sizeof(to));
	buf_add(out, to, n > 0 ? (size_t)n : 0);
}

/* Packages name /bin/x where /bin has long been a link into /usr: what is walked is what lies there. */
static void read_links(struct packages *p)
{
	static const char *const names[PACKAGES_LINKS] = {
		"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr/sbin"};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		BUF struct buf to = {0};
		struct span s;
		bool below = span_starts(span_of(names[i]), span_of("usr/")), absolute;

		link_text(p, names[i], &to);
		s = buf_span(&to);
		absolute = s.n && s.p[0] == '/';
		while (s.n && s.p[0] == '/')
			s = span_make(s.p + 1, s.n - 1);
		if (!s.n || s.n >= LINK_MOST || memchr(s.p, '.', s.n))
			continue;
		if (below && !absolute)
			s = arena_printf(&p->mem, "usr/%.*s", (int)s.n, (const char *)s.p);
		p->link[p->n_links++] = (struct packages_link){names[i], arena_dup(&p->mem, s)};
	}
}

void packages_file(struct packages *p, struct span dir, struct span rel, enum package_digest kind,
	const uint8_t *digest, bool config)
{
	struct buf *path = &p->path;

	buf_reset(path);
	buf_add_span(path, dir);
	buf_add_span(path, rel);
	for (size_t i = 0; i < p->n_links; i++) {
		struct span from = span_of(p->link[i].from), s = buf_span(path);
		size_t skip = s.n && s.p[0] == '/';
		BUF struct buf rest = {0};

		s = span_make(s.p + skip, s.n - skip);
		if (!span_starts(s, from) || s.n <= from.n || s.p[from.n] != '/')
			continue;
		buf_add(&rest, s.p + from.n, s.n - from.n);
		buf_reset(path);
		buf_add_span(path, p->link[i].to);
		buf_add_span(path, buf_span(&rest));
	}
	if (path->n && path->p[0] != '/') {
		BUF struct buf whole = {0};

		buf_u8(&whole, '/');
		buf_add_span(&whole, buf_span(path));
		buf_reset(path);
		buf_add_span(path, buf_span(&whole));
	}
	if (path->n && !path->err)
		p->hear->file(p->hear->ctx, buf_span(path), kind, digest, config);
}

/* ---- dpkg ---- */

struct dpkg {
	struct packages *p;
	struct buf status, diversions, sums;
	unsigned unlisted; /* packages of which no list of files could be read */
};

static struct span diverted(const struct dpkg *d, struct span path, struct span package)
{
	struct span rest = buf_span(&d->diversions);
	struct dpkg_diversion v;

	while (dpkg_diversion(&rest, &v))
		if (span_eq(v.from, path))
			return span_eq(v.package, package) ? path : v.to;
	return path;
}

/* Into `sums`: what lies beside the database under the package's name. */
static int read_beside(struct dpkg *d, const struct dpkg_package *pkg, const char *suffix)
{
	BUF struct buf path = {0};
	int r;

	buf_printf(&path, INFO "/%.*s.%s", (int)pkg->name.n, (const char *)pkg->name.p, suffix);
	buf_reset(&d->sums);
	r = packages_text(d->p, buf_text(&path), TEXT_LIMIT, &d->sums);
	if (r != PACKAGES_ABSENT || !pkg->arch.n)
		return r;
	buf_reset(&path);
	buf_printf(&path, INFO "/%.*s:%.*s.%s", (int)pkg->name.n, (const char *)pkg->name.p,
		(int)pkg->arch.n, (const char *)pkg->arch.p, suffix);
	return packages_text(d->p, buf_text(&path), TEXT_LIMIT, &d->sums);
}

static void tell_package(struct dpkg *d, const struct dpkg_package *pkg)
{
	struct packages *p = d->p;
	struct packages_one one = {.manager = span_of("dpkg"),
		.name = pkg->name,
		.version = pkg->version,
		.arch = pkg->arch,
		.source = pkg->source};
	struct span rest = pkg->conffiles, none = {0};
	struct dpkg_file f;

	p->hear->package(p->hear->ctx, &one);
	while (dpkg_conffile(&rest, &f))
		packages_file(p, none, diverted(d, f.path, pkg->name), PACKAGE_MD5, f.md5, true);
}

static void tell_sums(struct dpkg *d, const struct dpkg_package *pkg)
{
	struct span rest = buf_span(&d->sums), none = {0};
	struct dpkg_file f;

	while (dpkg_md5sum(&rest, &f))
		packages_file(
			d->p, none, diverted(d, f.path, pkg->name), PACKAGE_MD5, f.md5, false);
}

/* Whose a file is can be known where its digest is not. */
static void tell_list(struct dpkg *d, const struct dpkg_package *pkg)
{
	struct span rest = buf_span(&d->sums), none = {0}, path;

	while (dpkg_listed(&rest, &path))
		packages_file(d->p, none, diverted(d, path, pkg->name), PACKAGE_MD5, NULL, false);
}

static void one_package(struct dpkg *d, const struct dpkg_package *pkg)
{
	int r;

	tell_package(d, pkg);
	if (memchr(pkg->name.p, '/', pkg->name.n))
		return;
	r = read_beside(d, pkg, "md5sums"); /* a package of nothing but links has none */
	if (r == 0)
		tell_sums(d, pkg);
	else if (r < 0)
		packages_say(d->p, "%.200s", err_why());
	if (r == 0 || !d->p->from)
		return;
	if (read_beside(d, pkg, "list") == 0)
		tell_list(d, pkg);
	else
		d->unlisted++;
}

static void say_unlisted(const struct dpkg *d)
{
	if (!d->unlisted)
		return;
	d->p->lost = true;
	packages_say(d->p, "which files %u of dpkg's packages have is not known", d->unlisted);
}

static bool read_dpkg(struct packages *p)
{
	struct dpkg d = {.p = p};
	struct dpkg_package pkg;
	struct span rest;
	int r = packages_text(p, STATUS, TEXT_LIMIT, &d.status);

	if (r < 0)
		packages_lose(p, "dpkg");
	packages_text(p, DIVERSIONS, DIVERSIONS_LIMIT, &d.diversions);
	if (d.diversions.n >= DIVERSIONS_LIMIT) /* looked through for each file */
		buf_reset(&d.diversions);
	rest = buf_span(&d.status);
	while (r == 0 && !packages_stopped(p) && dpkg_package(&rest, &pkg))
		if (pkg.installed)
			one_package(&d, &pkg);
	say_unlisted(&d);
	buf_free(&d.status);
	buf_free(&d.diversions);
	buf_free(&d.sums);
	return r == 0;
}

/* ---- dpkg without a package manager: a file for each package, and one of digests beside it ---- */

static int list_names(struct packages *p, const char *dir, struct names *out)
{
	FD int fd = -1;
	int r;

	if (p->from)
		return p->from->names(p->from->ctx, dir, out);
	r = packages_open(p->root_fd, dir, O_RDONLY | O_DIRECTORY, &fd);
	return r ? r : names_read(fd, STATUS_D_MOST, out);
}

static bool one_of_status_d(struct dpkg *d, struct span name)
{
	BUF struct buf path = {0};
	struct dpkg_package pkg;
	struct span rest;

	buf_printf(&path, STATUS_D "/%.*s", (int)name.n, (const char *)name.p);
	buf_reset(&d->status);
	if (packages_text(d->p, buf_text(&path), TEXT_LIMIT, &d->status) < 0) {
		packages_lose(d->p, "dpkg");
		return false;
	}
	rest = buf_span(&d->status);
	if (!dpkg_package(&rest, &pkg) || (pkg.stated && !pkg.installed))
		return false;
	tell_package(d, &pkg);
	buf_add_text(&path, ".md5sums");
	buf_reset(&d->sums);
	if (packages_text(d->p, buf_text(&path), TEXT_LIMIT, &d->sums) == 0)
		tell_sums(d, &pkg);
	else
		d->unlisted += d->p->from != NULL;
	return true;
}

static bool read_status_d(struct packages *p)
{
	static const char suffix[] = ".md5sums";
	NAMES struct names names = {0};
	struct dpkg d = {.p = p};
	int r = list_names(p, STATUS_D, &names);
	bool any = false;

	if (r < 0)
		packages_lose(p, "dpkg");
	names_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n && !packages_stopped(p); i++) {
		struct span name = names_at(&names, i);

		if (name.n > strlen(suffix) &&
			span_is(span_make(name.p + name.n - strlen(suffix), strlen(suffix)),
				suffix))
			continue;
		any |= one_of_status_d(&d, name);
	}
	say_unlisted(&d);
	buf_free(&d.status);
	buf_free(&d.sums);
	return any;
}

/* ---- apk ---- */

const char *const packages_apk_paths[] = {"lib/apk/db/installed", "usr/lib/apk/db/installed", NULL};

static void one_of_apk(struct packages *p, struct apk_package *pkg)
{
	struct packages_one one = {.manager = span_of("apk"),
		.name = pkg->name,
		.version = pkg->version,
		.arch = pkg->arch,
		.source = pkg->source,
		.licence = pkg->licence};
	BUF struct buf dir = {0};
	struct apk_file f;

	p->hear->package(p->hear->ctx, &one);
	while (apk_file(pkg, &f)) {
		buf_reset(&dir);
		buf_add_span(&dir, f.dir);
		buf_add_text(&dir, f.dir.n ? "/" : "");
		packages_file(p, buf_span(&dir), f.base, f.kind, f.has_digest ? f.digest : NULL,
			f.config);
	}
}

bool packages_read_apk(struct packages *p)
{
	BUF struct buf text = {0};
	struct apk_package pkg;
	struct span rest;
	int r = PACKAGES_ABSENT;

	for (size_t i = 0; packages_apk_paths[i] && r == PACKAGES_ABSENT; i++)
		r = packages_text(p, packages_apk_paths[i], TEXT_LIMIT, &text);
	if (r < 0)
		packages_lose(p, "apk");
	rest = buf_span(&text);
	while (r == 0 && !packages_stopped(p) && apk_package(&rest, &pkg))
		one_of_apk(p, &pkg);
	return r == 0;
}

/* ---- all ---- */

static unsigned read_all(struct packages *p)
{
	unsigned n;

	read_links(p);
	n = read_dpkg(p);
	n += read_status_d(p);
	n += packages_read_apk(p);
	n += packages_read_rpm(p);
	if (p->lost && p->hear->lost)
		p->hear->lost(p->hear->ctx);
	buf_free(&p->path);
	arena_free(&p->mem);
	return n;
}

unsigned packages_read(int root_fd, const struct packages_hear *hear, struct buf *words)
{
	struct packages p = {.root_fd = root_fd, .hear = hear, .words = words};

	return read_all(&p);
}

unsigned packages_read_from(
	const struct packages_from *from, const struct packages_hear *hear, struct buf *words)
{
	struct packages p = {.root_fd = -1, .from = from, .hear = hear, .words = words};

	return read_all(&p);
}

static const struct place {
	const char *path;
	bool below; /* what lies below it too */
	const char *manager;
} places[] = {{"/var/lib/dpkg/status", false, "dpkg"}, {"/var/lib/dpkg/status.d", true, "dpkg"},
	{"/var/lib/dpkg/info", true, "dpkg"}, {"/var/lib/dpkg/diversions", false, "dpkg"},
	{"/var/lib/dpkg/statoverride", false, "dpkg"}, {"/lib/apk/db/installed", false, "apk"},
	{"/usr/lib/apk/db/installed", false, "apk"}, {"/var/lib/rpm/rpmdb.sqlite", false, "rpm"},
	{"/usr/lib/sysimage/rpm/rpmdb.sqlite", false, "rpm"},
	{"/usr/share/rpm/rpmdb.sqlite", false, "rpm"}, {"/var/lib/rpm/Packages", false, "rpm"},
	{"/var/lib/rpm/Packages.db", false, "rpm"},
	{"/usr/lib/sysimage/rpm/Packages.db", false, "rpm"},
	{"/usr/lib/sysimage/rpm/Packages", false, "rpm"}};

const char *packages_database(struct span path)
{
	for (size_t i = 0; i < COUNTOF(places); i++)
		if (places[i].below ? path_within(path, span_of(places[i].path))
				    : span_is(path, places[i].path))
			return places[i].manager;
	return NULL;
}

const char *packages_place_below(struct span path, size_t *i, const char **ret_manager)
{
	while (*i < COUNTOF(places)) {
		const struct place *p = &places[(*i)++];

		*ret_manager = p->manager;
		if (path_within(span_of(p->path), path))
			return p->path;
	}
	return NULL;
}

static bool sign_one(int root_fd, const char *path, struct buf *out)
{
	FD int fd = -1;
	struct stat st;

	if (packages_open(root_fd, path, O_PATH, &fd) != 0 || fstat(fd, &st) < 0)
		return false;
	buf_be64(out, st.st_ino);
	buf_be64(out, (uint64_t)st.st_size);
	buf_be64(out, (uint64_t)st.st_mtim.tv_sec);
	buf_be64(out, (uint64_t)st.st_mtim.tv_nsec);
	return true;
}

bool packages_are_in(int root_fd)
{
	BUF struct buf mem = {0};
	bool any = sign_one(root_fd, STATUS, &mem);

	for (size_t i = 0; packages_rpm_paths[i] && !any; i++)
		any = sign_one(root_fd, packages_rpm_paths[i], &mem);
	for (size_t i = 0; packages_apk_paths[i] && !any; i++)
		any = sign_one(root_fd, packages_apk_paths[i], &mem);
	return any;
}

void packages_sign(int root_fd, struct buf *out)
{
	static const char *const paths[] = {STATUS, INFO, DIVERSIONS, STATUS_D};

	for (size_t i = 0; i < COUNTOF(paths); i++)
		sign_one(root_fd, paths[i], out);
	for (size_t i = 0; packages_apk_paths[i]; i++)
		sign_one(root_fd, packages_apk_paths[i], out);
	for (size_t i = 0; packages_rpm_paths[i]; i++) {
		BUF struct buf wal = {0};

		buf_printf(&wal, "%s-wal", packages_rpm_paths[i]);
		sign_one(root_fd, packages_rpm_paths[i], out);
		sign_one(root_fd, buf_text(&wal), out);
	}
}
