/* Whoever reads it needs no more rights than to read it: what cannot be read is an error that names it. */
#include "golden/tree.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fd.h"
#include "image/tar_pax.h"

enum { DEPTH_MAX = 512, XATTRS_ROOM = 65536 };

struct tree {
	struct layer_build *to;
	struct sha *sha;
	struct buf path, link, xattrs;
	uint8_t *piece;
	unsigned depth;
};
enum { PIECE = 256 << 10 };

static void tree_fini(struct tree *t)
{
	layer_build_free(t->to);
	sha_free(t->sha);
	buf_free(&t->path);
	buf_free(&t->link);
	buf_free(&t->xattrs);
	free(t->piece);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int fail(const struct tree *t, const char *what)
{
	return err_sys("%s: %s", buf_text(&t->path), what);
}

/* `path` names the object itself, whatever it is. */
static int read_xattrs(struct tree *t, const char *path)
{
	FREE char *names = malloc(XATTRS_ROOM), *value = malloc(XATTRS_ROOM);
	ssize_t n, len;

	buf_reset(&t->xattrs);
	if (!names || !value)
		return err_set(-ENOMEM, "no memory");
	n = llistxattr(path, names, XATTRS_ROOM);
	if (n < 0)
		/* cppcheck-suppress memleak ; its cleanup attribute frees it */
		return errno == ENOTSUP ? 0 : fail(t, "its attributes");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		if (tar_xattr_is_hosts(span_of(name)))
			continue;
		len = lgetxattr(path, name, value, XATTRS_ROOM);
		if (len < 0)
			return fail(t, name);
		xattr_add(&t->xattrs, span_of(name), span_make(value, (size_t)len));
	}
	return buf_err(&t->xattrs);
}

static int hash(struct tree *t, int dir, const char *name, uint8_t ret[SHA_LEN])
{
	FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;
	int r = fd < 0 ? fail(t, "cannot be read") : sha_begin(t->sha);

	while (r == 0 && (n = read(fd, t->piece, PIECE)) != 0) {
		if (n < 0 && errno != EINTR)
			return fail(t, "cannot be read");
		if (n > 0)
			r = sha_feed(t->sha, t->piece, (size_t)n);
	}
	return r ? r : sha_end(t->sha, ret);
}

static const struct {
	mode_t is;
	enum file_type type;
} TYPES[] = {
	{S_IFREG, FILE_REG},
	{S_IFDIR, FILE_DIR},
	{S_IFLNK, FILE_LINK},
	{S_IFCHR, FILE_CHR},
	{S_IFBLK, FILE_BLK},
	{S_IFIFO, FILE_FIFO},
};

static bool entry_of(const struct stat *st, struct tar_entry *e)
{
	for (size_t i = 0; i < COUNTOF(TYPES); i++) {
		if ((st->st_mode & S_IFMT) != TYPES[i].is)
			continue;
		*e = (struct tar_entry){.rec = {.type = TYPES[i].type,
						.mode = st->st_mode & 07777,
						.uid = st->st_uid,
						.gid = st->st_gid}};
		e->rec.mtime = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
		if (e->rec.type == FILE_REG)
			e->rec.size = (uint64_t)st->st_size;
		if (e->rec.type == FILE_CHR || e->rec.type == FILE_BLK) {
			e->rec.rdev_major = major(st->st_rdev);
			e->rec.rdev_minor = minor(st->st_rdev);
		}
		return true;
	}
	return false;
}

static int walk(struct tree *t, int fd);

static int take_one(struct tree *t, int dir, const char *name)
{
	char proc[300], link[PATH_MAX];
	uint8_t sha[SHA_LEN];
	struct tar_entry e;
	struct stat st;
	ssize_t n;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(t, "cannot be looked at");
	if (!entry_of(&st, &e))
		return 0;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", dir, name);
	r = read_xattrs(t, proc);
	if (r == 0 && e.rec.type == FILE_REG)
		r = hash(t, dir, name, sha);
	if (r < 0)
		return r;
	if (e.rec.type == FILE_LINK) {
		n = readlinkat(dir, name, link, sizeof(link));
		if (n < 0)
			return fail(t, "cannot be looked at");
		e.rec.link = e.link = span_make(link, (size_t)n);
	}
	e.rec.xattrs = buf_span(&t->xattrs);
	e.path = buf_span(&t->path);
	r = layer_build_add(t->to, &e, sha);
	if (r == 0 && e.rec.type == FILE_DIR) {
		FD int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = sub < 0 ? fail(t, "cannot be read") : walk(t, sub);
	}
	return r;
}

static int walk(struct tree *t, int fd)
{
	CLEANUP(close_dir) DIR *d = NULL;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3), r = 0;
	struct dirent *e;
	size_t n = t->path.n;

	d = own < 0 ? NULL : fdopendir(own);
	if (!d)
		return fail(t, "cannot be read");
	if (++t->depth > DEPTH_MAX)
		return err_set(-EFBIG, "%s: directories too deep", buf_text(&t->path));
	while (r == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n)
			buf_u8(&t->path, '/');
		buf_add_text(&t->path, e->d_name);
		r = t->path.n > TAR_PATH_MAX
			    ? err_set(-EFBIG, "a path of more than %d bytes", TAR_PATH_MAX)
			    : take_one(t, fd, e->d_name);
		t->path.n = n;
	}
	t->depth--;
	return r;
}

int tree_read(int fd, struct buf *records, struct golden_layer *ret)
{
	CLEANUP(tree_fini) struct tree t = {.piece = malloc(PIECE)};
	int r = t.piece ? layer_build_new(&t.to) : err_set(-ENOMEM, "no memory");

	if (r == 0)
		r = sha_new(&t.sha);
	if (r == 0)
		r = walk(&t, fd);
	if (r == 0)
		r = layer_build_end(t.to, records, ret);
	if (r == 0)
		memcpy(ret->diff_id, ret->canon, SHA_LEN);
	return r;
}
