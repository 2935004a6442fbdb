/* With a list of paths instead of a stack of open directories: the tree belongs to somebody
 * hostile, who may nest deeper than there are descriptors. */
#include "daemon/sensor/watch_walk.h"
#include "base/err.h"
#include "base/fd.h"
#include "fs/beneath.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct todo {
	struct todo *next;
	size_t n;
	uint8_t path[];
};

static void push(struct todo **top, struct span path)
{
	struct todo *t = malloc(sizeof(*t) + path.n);

	must(t);
	t->n = path.n;
	if (path.n)
		memcpy(t->path, path.p, path.n);
	t->next = *top;
	*top = t;
}

static struct todo *pop(struct todo **top)
{
	struct todo *t = *top;

	*top = t->next;
	return t;
}

static void todo_free(struct todo **top)
{
	while (*top)
		free(pop(top));
}

static void dir_free(DIR **d)
{
	if (*d)
		closedir(*d);
}

void watch_join(struct buf *out, struct span below, struct span name)
{
	buf_reset(out);
	buf_add_span(out, below);
	if (below.n && name.n)
		buf_u8(out, '/');
	buf_add_span(out, name);
}

static bool is_dir(int dirfd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void push_children(struct todo **top, struct span below, int fd)
{
	CLEANUP(dir_free) DIR *d = fdopendir(dup(fd));
	BUF struct buf path = {};
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !is_dir(fd, e))
			continue;
		watch_join(&path, below, span_of(e->d_name));
		push(top, buf_span(&path));
	}
}

static int open_below(int root_fd, struct span below, int *ret_fd)
{
	int r = beneath_open(root_fd, below,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, ret_fd);

	return r > 0 ? 1 : r;
}

static int open_root(const char *root)
{
	return open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int watch_walk_open(const char *root, struct span below, int *ret_fd)
{
	FD int root_fd = open_root(root);

	return root_fd < 0 ? 1 : open_below(root_fd, below, ret_fd);
}

static struct span dir_of(struct span path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	path.n -= path.n > 0;
	return path;
}

static int step(int root_fd, struct todo **top, const struct todo *at, const struct watch_walker *v)
{
	struct span below = span_make(at->path, at->n);
	FD int fd = -1;
	int r;

	if (v->skip && v->skip(v->ctx, below))
		return 0;
	if (beneath_too_deep(below)) /* told once, where it begins */
		return beneath_too_deep(dir_of(below)) ? 0 : v->visit(v->ctx, below, -1);
	r = open_below(root_fd, below, &fd);
	if (r > 0)
		return 0;
	if (r == 0)
		r = v->visit(v->ctx, below, fd);
	if (r == 0)
		push_children(top, below, fd);
	return r;
}

int watch_walk(const char *root, struct span below, const struct watch_walker *v)
{
	CLEANUP(todo_free) struct todo *top = NULL;
	FD int root_fd = open_root(root);
	int r = 0;

	if (root_fd < 0)
		return err_sys("open %s", root);
	push(&top, below);
	while (top && r == 0) {
		FREE struct todo *at = pop(&top);

		r = step(root_fd, &top, at, v);
	}
	return r;
}
