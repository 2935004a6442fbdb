#include "base/err.h"
#include "base/fd.h"
#include "daemon/sensor/packages_own.h"
#include "base/sys.h"
#include "pkg/dpkg.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_LIMIT = 128 << 20, DIVERSIONS_LIMIT = 256 << 10 };
#define STATUS "var/lib/dpkg/status"
#define INFO "var/lib/dpkg/info"
#define DIVERSIONS "var/lib/dpkg/diversions"

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

static int read_text(int root_fd, const char *path, struct buf *out)
{
	FD int fd = -1;
	struct stat st;
	int r = packages_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd);

	if (r)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return PACKAGES_ABSENT;
	return fd_read_all(fd, TEXT_LIMIT, out);
}

/* ---- where a path leads ---- */

/* Packages name /bin/x where /bin has long been a link into /usr: what is walked is what lies there. */
static void read_links(struct packages *p)
{
	static const char *const names[PACKAGES_LINKS] = {
		"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr/sbin"};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		char to[64];
		ssize_t n = readlinkat(p->root_fd, names[i], to, sizeof(to));
		struct span s = span_make(to, n > 0 ? (size_t)n : 0);
		bool below = span_starts(span_of(names[i]), span_of("usr/"));

		while (s.n && s.p[0] == '/')
			s = span_make(s.p + 1, s.n - 1);
		if (!s.n || s.n == sizeof(to) || memchr(s.p, '.', s.n))
			continue;
		if (below && n > 0 && to[0] != '/')
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

static int read_sums(struct dpkg *d, const struct dpkg_package *pkg)
{
	BUF struct buf path = {0};
	int r;

	buf_printf(&path, INFO "/%.*s.md5sums", (int)pkg->name.n, (const char *)pkg->name.p);
	buf_reset(&d->sums);
	r = read_text(d->p->root_fd, buf_text(&path), &d->sums);
	if (r != PACKAGES_ABSENT || !pkg->arch.n)
		return r;
	buf_reset(&path);
	buf_printf(&path, INFO "/%.*s:%.*s.md5sums", (int)pkg->name.n, (const char *)pkg->name.p,
		(int)pkg->arch.n, (const char *)pkg->arch.p);
	return read_text(d->p->root_fd, buf_text(&path), &d->sums);
}

static void one_package(struct dpkg *d, const struct dpkg_package *pkg)
{
	struct packages *p = d->p;
	struct span rest = pkg->conffiles, none = {0};
	struct dpkg_file f;

	p->hear->package(p->hear->ctx, span_of("dpkg"), pkg->name, pkg->version, pkg->arch);
	while (dpkg_conffile(&rest, &f))
		packages_file(p, none, diverted(d, f.path, pkg->name), PACKAGE_MD5, f.md5, true);
	if (memchr(pkg->name.p, '/', pkg->name.n) || read_sums(d, pkg) != 0)
		return; /* a package of nothing but links has none */
	rest = buf_span(&d->sums);
	while (dpkg_md5sum(&rest, &f))
		packages_file(p, none, diverted(d, f.path, pkg->name), PACKAGE_MD5, f.md5, false);
}

static bool read_dpkg(struct packages *p)
{
	struct dpkg d = {.p = p};
	struct dpkg_package pkg;
	struct span rest;
	int r = read_text(p->root_fd, STATUS, &d.status);

	if (r < 0)
		buf_printf(p->words, "dpkg's database cannot be read: %s", err_why());
	read_text(p->root_fd, DIVERSIONS, &d.diversions);
	if (d.diversions.n > DIVERSIONS_LIMIT) /* looked through for each file */
		buf_reset(&d.diversions);
	rest = buf_span(&d.status);
	while (r == 0 && !packages_stopped(p) && dpkg_package(&rest, &pkg))
		if (pkg.installed)
			one_package(&d, &pkg);
	buf_free(&d.status);
	buf_free(&d.diversions);
	buf_free(&d.sums);
	return r == 0;
}

/* ---- all ---- */

unsigned packages_read(int root_fd, const struct packages_hear *hear, struct buf *words)
{
	struct packages p = {.root_fd = root_fd, .hear = hear, .words = words};
	unsigned n;

	read_links(&p);
	n = read_dpkg(&p);
	n += packages_read_rpm(&p);
	buf_free(&p.path);
	arena_free(&p.mem);
	return n;
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
	return any;
}

void packages_sign(int root_fd, struct buf *out)
{
	static const char *const paths[] = {STATUS, INFO, DIVERSIONS};

	for (size_t i = 0; i < COUNTOF(paths); i++)
		sign_one(root_fd, paths[i], out);
	for (size_t i = 0; packages_rpm_paths[i]; i++) {
		BUF struct buf wal = {0};

		buf_printf(&wal, "%s-wal", packages_rpm_paths[i]);
		sign_one(root_fd, packages_rpm_paths[i], out);
		sign_one(root_fd, buf_text(&wal), out);
	}
}
