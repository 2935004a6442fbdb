/* A layer that is a directory tree: every call starts at its root and stays beneath it. */
#include "base/err.h"
#include "fs/beneath.h"
#include "fs/view.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 8 << 20 };
static const char hidden[] = ".wh.";

static void join(struct buf *out, struct span dir, struct span name)
{
	buf_add_span(out, dir);
	if (dir.n && name.n)
		buf_u8(out, '/');
	buf_add_span(out, name);
}

/* BENEATH_REFUSED by a link is a race, for it was a directory before: nothing is there now. */
static int plain_verdict(int r)
{
	if (r == BENEATH_REFUSED && errno == EXDEV)
		return err_set(-EXDEV, "another file system is mounted inside the layer");
	return r > 0 ? LOOK_ABSENT : r;
}

void layer_at_free(struct layer_at *at)
{
	buf_free(&at->rel);
	fd_close(&at->fd);
}

/* The directory itself, for as long as nothing else is looked at in the layer. As beneath_open(). */
static int go_to(const struct layer *l, struct span dir, int *ret_fd)
{
	struct layer_at *at = l->at;
	struct span was = buf_span(&at->rel), rest = dir;
	bool below = at->fd >= 0 && path_within(dir, was);
	FD int fd = -1;
	int r;

	if (below && was.n == dir.n)
		rest.n = 0;
	else if (below)
		rest = span_make(dir.p + was.n + 1, dir.n - was.n - 1);
	if (!below || rest.n) {
		r = beneath_open(below ? at->fd : l->root_fd, rest, O_PATH | O_DIRECTORY, &fd);
		if (r)
			return r;
		fd_close(&at->fd);
		at->fd = take_fd(&fd);
		if (below)
			buf_u8(&at->rel, '/');
		else
			buf_reset(&at->rel);
		buf_add_span(&at->rel, rest);
		if (buf_err(&at->rel))
			return buf_err(&at->rel);
	}
	*ret_fd = at->fd;
	return 0;
}

/* Where a mount covers the name, at least that is told. */
static int look_covered(const struct layer *l, struct span dir, struct span name, struct look *ret)
{
	FD int fd = -1;
	int r = plain_verdict(beneath_open(l->root_fd, dir, O_PATH | O_DIRECTORY, &fd));

	return r ? r : look_at(fd, name, l->marks, ret);
}

static int look_below(const struct layer *l, struct span dir, struct span name, struct look *ret)
{
	BUF struct buf path = {0};
	FD int fd = -1;
	int from = -1, r;

	if (l->at && dir.n && name.n) {
		r = go_to(l, dir, &from);
		if (r == 0)
			r = beneath_open(from, name, O_PATH | O_NOFOLLOW, &fd);
		if (r == BENEATH_REFUSED && errno == EXDEV)
			return look_covered(l, dir, name, ret);
		return r ? plain_verdict(r) : look_at(fd, (struct span){0}, l->marks, ret);
	}
	join(&path, dir, name);
	if (buf_err(&path))
		return buf_err(&path);
	r = beneath_open(l->root_fd, buf_span(&path), O_PATH | O_NOFOLLOW, &fd);
	if (r == BENEATH_REFUSED && errno == EXDEV)
		return look_covered(l, dir, name, ret);
	if (r)
		return plain_verdict(r);
	return look_at(fd, (struct span){0}, l->marks, ret);
}

/* Is `prefix`+`name` there? 1 yes, 0 no. `device`: only as a character device 0:0. */
static int marker_there(
	const struct layer *l, struct span dir, const char *prefix, struct span name, bool device)
{
	BUF struct buf file = {0}, path = {0};
	FD int fd = -1;
	struct stat st;
	int r;

	buf_add_text(&file, prefix);
	buf_add_span(&file, name);
	join(&path, dir, buf_span(&file));
	if (buf_err(&file) || buf_err(&path))
		return -ENOMEM;
	r = beneath_open(l->root_fd, buf_span(&path), O_PATH | O_NOFOLLOW, &fd);
	if (r)
		return r < 0 ? r : 0;
	if (!device)
		return 1;
	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

/* fuse-overlayfs marks by names beside and inside what they are about. */
static int add_fuse_marks(
	const struct layer *l, struct span dir, struct span name, struct layer_entry *ret)
{
	BUF struct buf path = {0};
	int r;

	if (ret->rec.type != FILE_DIR)
		return 0;
	join(&path, dir, name);
	if (buf_err(&path))
		return buf_err(&path);
	r = marker_there(l, buf_span(&path), ".wh..wh..opq", (struct span){0}, false);
	if (r == 0)
		r = marker_there(l, buf_span(&path), ".wh..opq", (struct span){0}, true);
	if (r > 0)
		ret->rec.ovl |= OVL_OPAQUE;
	return r < 0 ? r : 0;
}

static int disk_lookup(
	const struct layer *l, struct layer_dir dir, struct span name, struct layer_entry *ret)
{
	bool fuse = l->marks == MARKS_FUSE && name.n;
	int r;

	if (!name.n)
		dir.rel = (struct span){0};
	if (fuse && span_starts(name, span_of(hidden)))
		return LOOK_ABSENT;
	r = fuse ? marker_there(l, dir.rel, hidden, name, false) : 0;
	if (r < 0)
		return r;
	if (r > 0) {
		ret->rec = (struct record){.type = FILE_CHR, .ovl = OVL_WHITEOUT};
		return 0;
	}
	r = look_below(l, dir.rel, name, &ret->look);
	if (r)
		return r;
	ret->rec = ret->look.rec;
	return fuse ? add_fuse_marks(l, dir.rel, name, ret) : 0;
}

/* The names that .wh. files stand for instead of their own. */
static int unhide(const struct names *raw, struct names *out)
{
	size_t i, n = sizeof(hidden) - 1;
	int r = 0;

	for (i = 0; i < raw->n && r == 0; i++) {
		struct span name = names_at(raw, i);

		if (!span_starts(name, span_of(hidden)))
			r = names_add(out, name, raw->v[i].type);
		else if (name.n > n && !span_is(name, ".wh..wh..opq") &&
			 !(span_is(name, ".wh..opq") && raw->v[i].type == DT_CHR))
			r = names_add(out, span_make(name.p + n, name.n - n), DT_CHR);
	}
	return r;
}

static int disk_list(const struct layer *l, struct layer_dir dir, struct names *out)
{
	NAMES struct names raw = {0};
	FD int fd = -1;
	int r = plain_verdict(beneath_open(l->root_fd, dir.rel, O_PATH | O_DIRECTORY, &fd));

	if (r)
		return r < 0 ? r : 0; /* gone since it was seen: nothing is in it */
	if (l->marks != MARKS_FUSE)
		return names_read(fd, NAMES_MAX, out);
	r = names_read(fd, NAMES_MAX, &raw);
	return r ? r : unhide(&raw, out);
}

const struct layer_ops layer_disk_ops = {disk_lookup, disk_list};
